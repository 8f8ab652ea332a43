// Uploads: blobs that are still arriving. DESIGN-uploads.md beside this file says in which order things become durable.
import type { Actor } from "#access";
import { type Algorithm, algorithmOf, type Digest, digestOf } from "#lib/digest";
import { Fault } from "#lib/fault";
import type { RepositoryName } from "#lib/reference";
import { concat, follow, type Incoming } from "#lib/stream";
import type { Placed } from "./blobs.sql.ts";
import { removeSpare } from "./blobs.ts";
import { type Context, stampOf } from "./context.ts";
import { algorithmOfUpload, makeUploadId, readUploadId } from "./upload-id.ts";
import { cancelUpload, finishUpload, saveUpload, selectUpload, settleUpload, type UploadRow } from "./uploads.sql.ts";

/** Content up to this size lives in the database: one sync instead of three. The size itself is the design's choice, not measured. */
export const maxContentBytes = 16 * 1024;

/** An upload as it is before a request adds to it. */
interface Arriving {
  readonly id: string;
  readonly name: RepositoryName;
  readonly algorithm: Algorithm;
  readonly row: UploadRow | undefined;
  /** The bytes so far when they are in the row. */
  readonly content: Uint8Array | undefined;
  readonly size: number;
}

/** What a request brings: its body, and the offset that it says it begins at. */
export interface Part {
  readonly body: Incoming;
  readonly start?: number | undefined;
}

/** What arrived: all of it in memory, or in the blob store. */
type Received = { readonly bytes: Uint8Array } | { readonly size: number };

export function openUploads(context: Context, storeId: string) {
  const { db, store, access, clock, settings } = context;
  const reading = new Map<string, Incoming>();

  /** The row of an upload; undefined while it has none. Fault: unknown upload. */
  const readRow = async (name: RepositoryName, id: string): Promise<UploadRow | undefined> => {
    const identity = readUploadId(storeId, name.path, id);
    if (identity === undefined) throw unknownUpload();
    const [row] = await db.read<UploadRow>(selectUpload, id, name.path);
    if (row === undefined && identity.startedAt < clock.now() - settings.uploadIdleMilliseconds) throw unknownUpload();
    return row;
  };

  const load = async (name: RepositoryName, id: string): Promise<Arriving> => {
    const row = await readRow(name, id);
    const algorithm = algorithmOfUpload(id);
    if (row === undefined || !isOpen(row)) return { id, name, algorithm, row, content: undefined, size: 0 };
    if (row.digest !== null) {
      // The row first: whoever still is at work on that commit finds that it may not be finished any more.
      const isOurs = row.state === "open" || (await db.write(settleUpload, { id, from: "finishing", to: "open" }));
      if (!isOurs) return load(name, id);
      await store.uploads.revert(id, row.digest);
    }
    const content = row.content ?? undefined;
    const size = content === undefined ? ((await store.uploads.size(id)) ?? 0) : content.byteLength;
    return { id, name, algorithm, row, content, size };
  };

  const loadOpen = async (name: RepositoryName, id: string): Promise<Arriving> => {
    const upload = await load(name, id);
    if (upload.row !== undefined && !isOpen(upload.row)) throw unknownUpload();
    return upload;
  };

  /** Takes in a body behind what is there. `finishing` is the digest it will have, when this is the last part. */
  const receive = async (
    actor: Actor,
    upload: Arriving,
    body: Incoming,
    finishing: Digest | null,
  ): Promise<Received> => {
    const { id, name, algorithm, content, size, row } = upload;
    const inStore = size > 0 && content === undefined;
    const parts = content === undefined ? [] : [content];
    const iterator = body[Symbol.asyncIterator]();
    let gathered = content?.byteLength ?? 0;
    while (!inStore && gathered <= maxContentBytes) {
      const { done, value } = await iterator.next();
      if (done) return { bytes: concat(parts) };
      parts.push(value);
      gathered += value.byteLength;
    }
    const hashed = finishing === null ? algorithm : algorithmOf(finishing);
    const append = () => store.uploads.append(id, hashed, inStore ? size : 0, follow(parts, iterator));
    const save = async () => {
      const stamp = stampOf(context, actor);
      const row = { id, name, algorithm, content: null, finishing, stamp };
      // What announces a file must be on disk before the file can stand under its key.
      await (finishing === null ? db.writeUnsynced(saveUpload, row) : db.write(saveUpload, row));
      return stamp.at;
    };
    if (content !== undefined) {
      // The row holds acknowledged bytes until the store has them.
      const total = await append().catch(async (error) => {
        await store.uploads.remove(id);
        throw error;
      });
      await save();
      return { size: total };
    }
    const [appended, saved] = await Promise.allSettled([
      append(),
      row === undefined || finishing !== null ? save() : row.touched_at,
    ]);
    if (appended.status === "rejected") throw appended.reason;
    if (saved.status === "rejected") throw saved.reason;
    if (saved.value < clock.now() - settings.uploadIdleMilliseconds / 4) await save();
    return { size: appended.value };
  };

  /** Runs `work` on one upload alone; while it reads `body`, a cancel can stop it, and so does losing the upload to another. */
  const alone = <Result>(id: string, body: Incoming | undefined, work: () => Promise<Result>): Promise<Result> => {
    const workAlone = async () => {
      if (body !== undefined) reading.set(id, body);
      try {
        return await work();
      } finally {
        reading.delete(id);
      }
    };
    const stop = () => body?.stop(new Fault("busy", "store", "the database of the registry was away: try again"));
    return db.exclusive(`upload:${id}`, workAlone, stop);
  };

  const append = async (actor: Actor, name: RepositoryName, id: string, { body, start }: Part): Promise<number> => {
    const upload = await loadOpen(name, id);
    requireStart(upload.size, start);
    const received = await receive(actor, upload, body, null);
    if ("size" in received) return received.size;
    const { bytes } = received;
    if (bytes.byteLength > upload.size || upload.row === undefined) {
      const { algorithm } = upload;
      await db.writeUnsynced(saveUpload, {
        id,
        name,
        algorithm,
        content: bytes,
        finishing: null,
        stamp: stampOf(context, actor),
      });
    }
    return bytes.byteLength;
  };

  const finish = async (
    actor: Actor,
    name: RepositoryName,
    id: string,
    digest: Digest,
    { body, start }: Part,
  ): Promise<void> => {
    const upload = await load(name, id);
    const state = upload.row?.state;
    if (state === "finished" || state === "discarded") {
      if (upload.row?.digest === digest) return;
      throw unknownUpload();
    }
    if (state === "cancelled") throw unknownUpload();
    requireStart(upload.size, start);
    let received: Received;
    try {
      received = await receive(actor, upload, body, digest);
    } catch (error) {
      await backTo(upload);
      throw error;
    }
    if ("bytes" in received) await commitContent(actor, upload, digest, received.bytes);
    else await commitFile(actor, upload, digest, received.size);
  };

  /** Forgets what a failed last part added: it can be sent again. */
  const backTo = async ({ id, name, size, content }: Arriving): Promise<void> => {
    if ((await store.uploads.size(id)) === undefined) return;
    // What was in the row may have moved to the store meanwhile: it is kept where it is now.
    const row = content === undefined ? undefined : await readRow(name, id);
    if (size === 0 || row?.content != null) await store.uploads.remove(id);
    else await store.uploads.truncate(id, size);
  };

  const commitContent = async (actor: Actor, upload: Arriving, digest: Digest, bytes: Uint8Array): Promise<void> => {
    const actual = digestOf(bytes, algorithmOf(digest));
    if (actual !== digest) throw digestMismatch(digest, actual);
    await finishRow(actor, upload, digest, bytes.byteLength, { content: bytes });
  };

  const commitFile = async (actor: Actor, upload: Arriving, digest: Digest, size: number): Promise<void> => {
    const { id } = upload;
    const actual = await store.uploads.digest(id, algorithmOf(digest));
    if (actual !== digest) {
      await backTo(upload);
      throw digestMismatch(digest, actual);
    }
    const key = await store.uploads.commit(id, digest);
    // When this fails it may still have happened (a connection lost during the commit): the row will tell the next request.
    await removeSpare(context, key, await finishRow(actor, upload, digest, size, { key }));
  };

  const finishRow = (actor: Actor, { id, name }: Arriving, digest: Digest, size: number, placed: Placed) =>
    db.write(finishUpload, { id, name, digest, size, placed, stamp: stampOf(context, actor) });

  const start = (actor: Actor, name: RepositoryName, algorithm: Algorithm = "sha256"): string => {
    access.require(actor, name.path, "push");
    return makeUploadId(storeId, name.path, algorithm, clock.now());
  };

  return {
    /** Begins an upload; returns its id. Nothing is written before bytes come. Fault: denied. */
    start,

    /** How many bytes have arrived. Faults: denied, unknown upload. */
    async status(actor: Actor, name: RepositoryName, id: string): Promise<number> {
      access.require(actor, name.path, "push");
      const row = await readRow(name, id);
      if (row === undefined) return 0;
      if (!isOpen(row)) throw unknownUpload();
      const size = row.content?.byteLength ?? (await store.uploads.size(id));
      if (size !== undefined || row.state === "open") return size ?? 0;
      // Its bytes stand under their final key, and its commit is under way or was lost: then it is an upload again.
      return alone(id, undefined, async () => (await loadOpen(name, id)).size);
    },

    /**
     * Appends a part; returns the new offset. It survives a kill of this process. Faults: denied, unknown upload, range
     * upload (with the true offset), full, busy store.
     */
    async append(actor: Actor, name: RepositoryName, id: string, part: Part): Promise<number> {
      access.require(actor, name.path, "push");
      return alone(id, part.body, () => append(actor, name, id, part));
    },

    /**
     * Appends the last part, verifies the digest and stores the blob durably. Repeated after success it succeeds again.
     * When it fails the upload is as it was before. Faults: those of append, and invalid digest.
     */
    async finish(actor: Actor, name: RepositoryName, id: string, digest: Digest, part: Part): Promise<void> {
      access.require(actor, name.path, "push");
      return alone(id, part.body, () => finish(actor, name, id, digest, part));
    },

    /** Stores a blob that comes in one request. Faults: those of finish. */
    async put(actor: Actor, name: RepositoryName, digest: Digest, body: Incoming): Promise<void> {
      const id = start(actor, name, algorithmOf(digest));
      try {
        await alone(id, body, () => finish(actor, name, id, digest, { body }));
      } catch (error) {
        // Nobody was told the id. What cannot be removed now, recovery or the idle sweep removes.
        await discard(actor, name, id).catch(() => undefined);
        throw error;
      }
    },

    /** Ends an upload and frees its bytes; a request that is sending it is stopped. Faults: denied, unknown upload. */
    async cancel(actor: Actor, name: RepositoryName, id: string): Promise<void> {
      access.require(actor, name.path, "push");
      await cancel(actor, name, id);
    },
  };

  /** Ends an upload of one request that failed: when it left no row, there is nothing to end. */
  async function discard(actor: Actor, name: RepositoryName, id: string): Promise<void> {
    if ((await readRow(name, id)) !== undefined) await cancel(actor, name, id);
  }

  async function cancel(actor: Actor, name: RepositoryName, id: string): Promise<void> {
    reading.get(id)?.stop(new Fault("conflict", "upload", "the upload was cancelled"));
    await alone(id, undefined, async () => {
      const { algorithm } = await loadOpen(name, id);
      await db.write(cancelUpload, { id, name, algorithm, stamp: stampOf(context, actor) });
      await store.uploads.remove(id);
    });
  }
}

function requireStart(offset: number, start: number | undefined): void {
  if (start === undefined || start === offset) return;
  throw new Fault("range", "upload", `the upload is at ${offset}, the part begins at ${start}`, { offset });
}

function isOpen({ state }: UploadRow): boolean {
  return state === "open" || state === "finishing";
}

function unknownUpload(): Fault {
  return new Fault("unknown", "upload", "blob upload unknown to registry");
}

function digestMismatch(digest: Digest, actual: Digest): Fault {
  return new Fault("invalid", "digest", "provided digest did not match uploaded content", { digest, actual });
}
