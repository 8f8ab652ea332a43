// Manifests: JSON that names content, kept byte for byte as pushed.
import type { Actor } from "#access";
import { openCache } from "#lib/cache";
import { algorithmOf, type Digest, digestOf } from "#lib/digest";
import { Fault } from "#lib/fault";
import type { Reference, RepositoryName, Tag } from "#lib/reference";
import { type Context, stampOf } from "./context.ts";
import { maxManifestBytes, readManifest } from "./manifest-content.ts";
import {
  deleteManifest,
  type ManifestBytesRow,
  type ManifestRow,
  putManifest,
  selectByDigest,
  selectByTag,
  selectBytesByDigest,
  selectBytesByTag,
} from "./manifests.sql.ts";
import { requireRepository } from "./repositories.ts";
import type { Faces } from "./v1-images/faces.ts";

/** A manifest's descriptor: what it is without its bytes. */
export interface ManifestHead {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly size: number;
}

export interface Manifest extends ManifestHead {
  readonly bytes: Uint8Array;
}

export interface NewManifest {
  readonly bytes: Uint8Array;
  readonly contentType: string | undefined;
  /** The digest that the pusher says it has; without it, sha256 of the bytes. */
  readonly digest?: Digest;
  readonly tags: readonly Tag[];
}

const maxKeptBytes = 16 * 1024 * 1024;

export function openManifests(context: Context, faces: Faces) {
  const { db, access, settings } = context;

  // By repository and reference. Its bytes are what a pull of a tag costs most: four tables, and a copy out of them.
  const kept = openCache<Manifest>(maxKeptBytes);

  const find = async <R>(
    actor: Actor,
    name: RepositoryName,
    reference: Reference,
    sql: { tag: string; digest: string },
  ): Promise<R> => {
    access.require(actor, name.path, "pull");
    const [row] =
      "tag" in reference
        ? await db.read<R>(sql.tag, name.path, reference.tag)
        : await db.read<R>(sql.digest, name.path, reference.digest);
    if (row !== undefined) return row;
    await requireRepository(context, actor, name, "pull");
    throw unknownManifest(reference);
  };

  const get = async (
    actor: Actor,
    name: RepositoryName,
    reference: Reference,
    version = db.version(),
  ): Promise<Manifest> => {
    access.require(actor, name.path, "pull");
    const key = `${name.path}\n${"tag" in reference ? reference.tag : reference.digest}`;
    const known = version === undefined ? undefined : kept.get(key, version);
    if (known !== undefined) return known;
    const sql = { tag: selectBytesByTag, digest: selectBytesByDigest };
    const { digest, media_type: mediaType, size, bytes } = await find<ManifestBytesRow>(actor, name, reference, sql);
    const manifest = { digest, mediaType, size, bytes };
    if (version !== undefined) kept.set(key, version, manifest, bytes.byteLength);
    return manifest;
  };

  return {
    /** What a reference points at. Faults: denied, unknown repository, unknown manifest. */
    async resolve(actor: Actor, name: RepositoryName, reference: Reference): Promise<ManifestHead> {
      // Where nothing can be kept, the bytes are not fetched for nothing.
      const version = db.version();
      if (version !== undefined) return get(actor, name, reference, version);
      const row = await find<ManifestRow>(actor, name, reference, { tag: selectByTag, digest: selectByDigest });
      return { digest: row.digest, mediaType: row.media_type, size: row.size };
    },

    /** The manifest as it was pushed: to be looked at, not to be changed. Faults: denied, unknown repository, unknown manifest. */
    get: (actor: Actor, name: RepositoryName, reference: Reference) => get(actor, name, reference),

    /**
     * Stores a manifest durably and moves its tags, all or nothing. Returns its digest and its subject.
     * Faults: denied; invalid digest or manifest; unsupported manifest or media-type; unknown manifest-blob; too-large
     * manifest; full, busy store.
     */
    async put(
      actor: Actor,
      name: RepositoryName,
      manifest: NewManifest,
    ): Promise<{ digest: Digest; subject: Digest | null }> {
      access.require(actor, name.path, "push");
      const { bytes, contentType, tags } = manifest;
      if (bytes.byteLength > maxManifestBytes) throw tooLarge();
      const digest = digestOf(bytes, manifest.digest === undefined ? "sha256" : algorithmOf(manifest.digest));
      if (manifest.digest !== undefined && manifest.digest !== digest) {
        throw new Fault("invalid", "digest", "provided digest did not match uploaded content", {
          digest: manifest.digest,
          actual: digest,
        });
      }
      const content = readManifest(bytes, contentType);
      const stamp = stampOf(context, actor);
      const face = await faces.find(actor, name.path, { digest, content, bytes });
      await db.write(putManifest, {
        name,
        digest,
        bytes,
        content,
        tags,
        missing: settings.manifestsMissing,
        face,
        stamp,
      });
      return { digest, subject: content.subject };
    },

    /** Marks a manifest and its tags as deleted. Faults: denied, unknown repository, unknown manifest. */
    async delete(actor: Actor, name: RepositoryName, digest: Digest): Promise<void> {
      const { id, path } = await requireRepository(context, actor, name, "delete");
      const isDone = await db.write(deleteManifest, { path, repositoryId: id, digest, stamp: stampOf(context, actor) });
      if (!isDone) throw unknownManifest({ digest });
    },
  };
}

export function tooLarge(): Fault {
  return new Fault("too-large", "manifest", `a manifest has at most ${maxManifestBytes} bytes`, {
    maxBytes: maxManifestBytes,
  });
}

export function unknownManifest(reference: Reference): Fault {
  return new Fault("unknown", "manifest", "manifest unknown to registry", { ...reference });
}
