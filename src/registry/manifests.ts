// Manifests: JSON that names content, kept byte for byte as pushed.
import type { Actor } from "#access";
import { algorithmOf, type Digest, digestOf } from "#lib/digest";
import { Fault } from "#lib/fault";
import type { Reference, RepositoryName, Tag } from "#lib/reference";
import { type Soon, whenThere } from "#lib/soon";
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

/** Where something about a manifest is found: in memory, or by a tag or a digest of a repository. */
interface Source<Row, Value> {
  readonly kept: Kept<Value>;
  readonly byTag: string;
  readonly byDigest: string;
  fromRow(row: Row): Value;
}

const maxKeptBytes = 16 * 1024 * 1024;
const maxKeptHeadBytes = 4 * 1024 * 1024;

export function openManifests(context: Context, faces: Faces) {
  const { db, access, settings } = context;

  // Both by repository and reference. HEAD is what most ask for, again and again, and it needs no bytes.
  const heads: Source<ManifestRow, ManifestHead> = {
    kept: openKept(db, maxKeptHeadBytes, ({ mediaType }) => mediaType.length),
    byTag: selectByTag,
    byDigest: selectByDigest,
    fromRow: headOf,
  };
  const manifests: Source<ManifestBytesRow, Manifest> = {
    kept: openKept(db, maxKeptBytes, ({ bytes }) => bytes.byteLength),
    byTag: selectBytesByTag,
    byDigest: selectBytesByDigest,
    fromRow: (row) => ({ ...headOf(row), bytes: row.bytes }),
  };

  const find = <Row, Value>(
    { kept, byTag, byDigest, fromRow }: Source<Row, Value>,
    actor: Actor,
    name: RepositoryName,
    reference: Reference,
  ): Soon<Value> => {
    access.require(actor, name.path, "pull");
    const isByTag = "tag" in reference;
    const text = isByTag ? reference.tag : reference.digest;
    const read = async () => {
      const [row] = await db.read<Row>(isByTag ? byTag : byDigest, name.path, text);
      return row && fromRow(row);
    };
    return whenThere(kept.find(`${name.path}\n${text}`, read), (value) => value ?? refuse(actor, name, reference));
  };

  const refuse = async (actor: Actor, name: RepositoryName, reference: Reference): Promise<never> => {
    await requireRepository(context, actor, name, "pull");
    throw unknownManifest(reference);
  };

  return {
    /** What a reference points at. Faults: denied, unknown repository, unknown manifest, busy store. */
    resolve: (actor: Actor, name: RepositoryName, reference: Reference): Soon<ManifestHead> =>
      find(heads, actor, name, reference),

    /** The manifest as it was pushed: to be looked at, not to be changed. Faults: those of `resolve`. */
    get: (actor: Actor, name: RepositoryName, reference: Reference): Soon<Manifest> =>
      find(manifests, actor, name, reference),

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

function headOf({ digest, media_type: mediaType, size }: ManifestRow): ManifestHead {
  return { digest, mediaType, size };
}

export function tooLarge(): Fault {
  return new Fault("too-large", "manifest", `a manifest has at most ${maxManifestBytes} bytes`, {
    maxBytes: maxManifestBytes,
  });
}

export function unknownManifest(reference: Reference): Fault {
  return new Fault("unknown", "manifest", "manifest unknown to registry", { ...reference });
}
