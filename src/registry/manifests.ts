// Manifests: JSON that names content, kept byte for byte as pushed.
import type { Actor } from "#access";
import { algorithmOf, type Digest, digestOf } from "#lib/digest";
import { Fault } from "#lib/fault";
import type { Reference, RepositoryName, Tag } from "#lib/reference";
import { type Context, stampOf } from "./context.ts";
import { type Kept, openKept } from "./kept.ts";
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

/** Where rows about a manifest are found: in memory, or by a tag or a digest of a repository. */
interface Source<R> {
  readonly kept: Kept<R>;
  readonly byTag: string;
  readonly byDigest: string;
}

const maxKeptBytes = 16 * 1024 * 1024;
const maxKeptHeadBytes = 4 * 1024 * 1024;

export function openManifests(context: Context, faces: Faces) {
  const { db, access, settings } = context;

  // Both by repository and reference. HEAD is what most ask for, again and again, and it needs no bytes.
  const heads: Source<ManifestRow> = {
    kept: openKept(db, maxKeptHeadBytes, ({ media_type }) => media_type.length),
    byTag: selectByTag,
    byDigest: selectByDigest,
  };
  const manifests: Source<ManifestBytesRow> = {
    kept: openKept(db, maxKeptBytes, ({ bytes }) => bytes.byteLength),
    byTag: selectBytesByTag,
    byDigest: selectBytesByDigest,
  };

  const find = async <R>(
    { kept, byTag, byDigest }: Source<R>,
    actor: Actor,
    name: RepositoryName,
    reference: Reference,
  ): Promise<R> => {
    access.require(actor, name.path, "pull");
    const [sql, text] = "tag" in reference ? [byTag, reference.tag] : [byDigest, reference.digest];
    const asked = kept.find(`${name.path}\n${text}`, async () => (await db.read<R>(sql, name.path, text))[0]);
    const row = asked instanceof Promise ? await asked : asked;
    if (row !== undefined) return row;
    await requireRepository(context, actor, name, "pull");
    throw unknownManifest(reference);
  };

  return {
    /** What a reference points at. Faults: denied, unknown repository, unknown manifest, busy store. */
    async resolve(actor: Actor, name: RepositoryName, reference: Reference): Promise<ManifestHead> {
      const { digest, media_type: mediaType, size } = await find(heads, actor, name, reference);
      return { digest, mediaType, size };
    },

    /** The manifest as it was pushed: to be looked at, not to be changed. Faults: those of `resolve`. */
    async get(actor: Actor, name: RepositoryName, reference: Reference): Promise<Manifest> {
      const { digest, media_type: mediaType, size, bytes } = await find(manifests, actor, name, reference);
      return { digest, mediaType, size, bytes };
    },

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
      const missing = settings.manifestsMissing;
      const apart = [digest, ...tags.map((tag) => `${name.path}:${tag}`)];
      await db.write(putManifest, { name, digest, bytes, content, tags, missing, face, stamp }, { apart });
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
