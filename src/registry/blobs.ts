// Blobs: bytes known by digest, visible in a repository only through its link.
import type { Actor } from "#access";
import type { Digest } from "#lib/digest";
import { Fault } from "#lib/fault";
import type { RepositoryName } from "#lib/reference";
import { type Soon, whenThere } from "#lib/soon";
import { type ByteSource, bytesSource, readAll } from "#lib/stream";
import {
  deleteBlob,
  mountBlob,
  type NoBlobRow,
  quarantineBlob,
  type Stored,
  type StoredBlobRow,
  selectBlobOrNot,
  selectHolders,
  touchBlob,
} from "./blobs.sql.ts";
import { type Context, stampOf } from "./context.ts";
import { openKept } from "./kept.ts";
import { requireRepository } from "./repositories.ts";

const maxKeptBytes = 16 * 1024 * 1024;

/** Where the bytes of a blob are. */
export interface StoredBlob {
  readonly id: number;
  readonly size: number;
  readonly storage_key: string | null;
  readonly content: Uint8Array | null;
}

type Spare = Pick<Stored, "isDuplicate" | "replacedKey">;

export function openBlobs(context: Context) {
  const { db, access, clock, settings } = context;

  // By repository and digest: where the bytes are, or the bytes themselves when they are few.
  const kept = openKept<StoredBlobRow>(db, maxKeptBytes, ({ content }) => content?.byteLength ?? 0);

  const find = (actor: Actor, name: RepositoryName, digest: Digest): Soon<StoredBlobRow> => {
    access.require(actor, name.path, "pull");
    let isRepository = false;
    const read = async () => {
      const [found] = await db.read<StoredBlobRow | NoBlobRow>(selectBlobOrNot, digest, name.path);
      isRepository = found !== undefined;
      return found?.blob_id == null ? undefined : found;
    };
    const refuse = async () => {
      // Who shared the read of another does not know.
      if (!isRepository) await requireRepository(context, actor, name, "pull");
      throw unknownBlob(digest);
    };
    const asked = kept.find(`${name.path}\n${digest}`, read);
    return whenThere(asked, (row) => (row === undefined ? refuse() : touched(row)));
  };

  /** The row of a blob whose grace begins anew, when much of it is over. */
  const touched = (row: StoredBlobRow): Soon<StoredBlobRow> => {
    const at = clock.now();
    const isOld = (since: number | null) => since !== null && since < at - settings.graceMilliseconds / 4;
    if (!isOld(row.link_since) && !isOld(row.blob_since)) return row;
    return db.write(touchBlob, { repositoryId: row.repository_id, blobId: row.blob_id, at }).then(() => row);
  };

  const openAgain = async (actor: Actor, name: RepositoryName, digest: Digest): Promise<ByteSource> => {
    // The row named bytes that another push has replaced since: what it names now is there.
    const source = await openStored(context, storedOf(await find(actor, name, digest)));
    if (source === undefined) throw unknownBlob(digest);
    return source;
  };

  return {
    /** The size of a blob, in bytes. Faults: denied, unknown repository, unknown blob. */
    stat: (actor: Actor, name: RepositoryName, digest: Digest): Soon<number> =>
      whenThere(find(actor, name, digest), ({ size }) => size),

    /** The bytes of a blob; the caller closes them. Faults: denied, unknown repository, unknown blob, busy store. */
    open(actor: Actor, name: RepositoryName, digest: Digest): Soon<ByteSource> {
      const source = whenThere(find(actor, name, digest), (row) => openStored(context, storedOf(row)));
      return whenThere(source, (found) => found ?? openAgain(actor, name, digest));
    },

    /** Links a blob from `from`, or from anywhere that `actor` may pull; false when it is in none of them. */
    async mount(
      actor: Actor,
      name: RepositoryName,
      digest: Digest,
      from: RepositoryName | undefined,
    ): Promise<boolean> {
      access.require(actor, name.path, "push");
      if (from !== undefined) {
        if (!access.allows(actor, from.path, "pull")) return false;
        return db.write(mountBlob, { name, from: from.path, digest, stamp: stampOf(context, actor) });
      }
      for (const { path } of await db.read<{ path: string }>(selectHolders, digest)) {
        if (!access.allows(actor, path, "pull")) continue;
        if (await db.write(mountBlob, { name, from: path, digest, stamp: stampOf(context, actor) })) return true;
      }
      return false;
    },

    /** Removes a blob from a repository. Faults: denied, unknown repository, unknown blob, unsupported blob (in use). */
    async delete(actor: Actor, name: RepositoryName, digest: Digest): Promise<void> {
      const { path } = await requireRepository(context, actor, name, "delete");
      await db.write(deleteBlob, { path, digest, stamp: stampOf(context, actor) });
    },
  };
}

/** Where the bytes are of the blob that a row is about. */
export function storedOf({ blob_id: id, size, storage_key, content }: StoredBlobRow): StoredBlob {
  return { id, size, storage_key, content };
}

/**
 * The bytes of a stored blob; the caller closes them. Undefined when they are not what the row says: then the blob has been
 * taken out of service, unless the row names others by now. Faults: busy store.
 */
export function openStored(context: Context, blob: StoredBlob): Soon<ByteSource | undefined> {
  const { storage_key: key, content } = blob;
  if (key !== null) return openFile(context, blob, key);
  return content === null ? undefined : bytesSource(content);
}

async function openFile(
  { db, store }: Context,
  { id, size }: StoredBlob,
  key: string,
): Promise<ByteSource | undefined> {
  const source = await store.blobs.open(key).catch((error: unknown) => {
    if (error instanceof Fault && error.kind === "unknown") return undefined;
    throw error;
  });
  if (source?.size === size) return source;
  await source?.close();
  await db.write(quarantineBlob, { blobId: id, key });
  return undefined;
}

/** All of a stored blob that is small enough to be in memory; undefined as for openStored. Faults: busy store. */
export async function readStored(context: Context, stored: StoredBlob): Promise<Uint8Array | undefined> {
  const source = await openStored(context, stored);
  try {
    return source?.bytes ?? (source && (await readAll(source.read(0, source.size), source.size)));
  } finally {
    await source?.close();
  }
}

/**
 * Removes what the store holds and nobody needs now: the bytes at `key`, when they came twice, and those that others have
 * replaced. The blob is stored; what cannot be tidied now is tidied by recovery.
 */
export async function removeSpare(
  { store }: Context,
  key: string | undefined,
  { isDuplicate, replacedKey }: Spare,
): Promise<void> {
  const spare = [isDuplicate ? key : undefined, replacedKey ?? undefined].filter((each) => each !== undefined);
  await Promise.allSettled(spare.map((each) => store.blobs.remove(each)));
}

function unknownBlob(digest: Digest): Fault {
  return new Fault("unknown", "blob", "blob unknown to registry", { digest });
}
