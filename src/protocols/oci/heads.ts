// The headers of manifests and blobs, made once for what is pulled again and again: to make them costs as much as to find what
// they are about.
import { type KeptHeaders, keepHeaders } from "#http/headers";
import { openCache } from "#lib/cache";
import type { Digest } from "#lib/digest";
import type { ManifestHead } from "#registry";
import { commonHeaders } from "./errors.ts";

/** Headers of answers that have something whole, or tell its size: Content-Length is among them. */
export interface Heads {
  ofManifest(head: ManifestHead): KeptHeaders;
  ofBlob(digest: Digest, size: number): KeptHeaders;
}

const maxBlobBytes = 2 * 1024 * 1024;
/** About how much the headers of one blob take. */
const blobBytes = 1024;
const aYear = "public, max-age=31536000, immutable";

export function openHeads(): Heads {
  // What the registry keeps of a manifest is the same object each time, and goes when the registry lets it go.
  const manifests = new WeakMap<ManifestHead, KeptHeaders>();
  const blobs = openCache<KeptHeaders>(maxBlobBytes);
  return {
    ofManifest(head) {
      const there = manifests.get(head);
      if (there !== undefined) return there;
      const made = keepHeaders([...manifestHeaders(head), "Content-Length", String(head.size)]);
      manifests.set(head, made);
      return made;
    },
    ofBlob(digest, size) {
      const there = blobs.get(digest);
      if (there !== undefined) return there;
      const made = keepHeaders([...blobHeaders(digest), "Content-Length", String(size)]);
      blobs.set(digest, made, blobBytes);
      return made;
    },
  };
}

/** The headers that a manifest has whatever is said of its length. */
export function manifestHeaders({ digest, mediaType }: ManifestHead): string[] {
  return ["Content-Type", mediaType, ...digestHeaders(digest), ...commonHeaders];
}

/** The same of a blob. */
export function blobHeaders(digest: Digest): string[] {
  return ["Content-Type", "application/octet-stream", ...unchangedHeaders(digest)];
}

/** Those of an answer that says that a blob is what its reader has. */
export function unchangedHeaders(digest: Digest): string[] {
  return [...digestHeaders(digest), "Accept-Ranges", "bytes", "Cache-Control", aYear, ...commonHeaders];
}

function digestHeaders(digest: Digest): string[] {
  return ["Docker-Content-Digest", digest, "ETag", `"${digest}"`];
}
