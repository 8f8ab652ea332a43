// Uploads: blobs that are still arriving. DESIGN-uploads.md beside this file says in which order things become durable.
import type { Actor } from "#access";
import { type Algorithm, algorithmOf, type Digest } from "#lib/digest";
import { Fault } from "#lib/fault";
import type { RepositoryName } from "#lib/reference";
import { follow, type Incoming, incomingOf, takeSmall } from "#lib/stream";
import { removeSpare } from "./blobs.ts";
import { type Context, stampOf } from "./context.ts";
import { algorithmOfUpload, makeUploadId, readUploadId } from "./upload-id.ts";
import {
  type AppendContentInput,
  appendContent,
  cancelUpload,
  digestMismatch,
  finishContent,
  finishUpload,
  isOpen,
  requireStart,
  saveUpload,
  selectUpload,
  settleUpload,
  type UploadRow,
  unknownUpload,
} from "./uploads.sql.ts";

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

type SmallPart = Pick<AppendContentInput, "bytes" | "start">;

/** The body of a request, read as far as it takes to know whether it is small. */
interface Taken {
  /** All of it, when it may go into the database. */
  readonly bytes: Uint8Array | undefined;
  readonly body: AsyncIterable<Uint8Array>;
}

export function openUploads(context: Context, storeId: string) {
  const { db, store, access, clock, settings } = context;
  /** The bodies of all requests that bring something to an upload, also of those that wait for each other. */
  const arriving = new Map<string, Set<Incoming>>();

  /** What an id says. Fault: unknown upload (it is not of this repository). */
  const identify = (name: RepositoryName, id: string) => {
    const identity = readUploadId(storeId, name.path, id);
    if (identity === undefined) throw unknownUpload();
    return identity;
  };

  /** Whether an upload without a row may have just begun; else it ended long ago. Fault: unknown upload. */
  const isNew = (name: RepositoryName, id: string): boolean =>
    identify(name, id).startedAt >= clock.now() - settings.uploadIdleMilliseconds;

  /** The row of an upload; undefined while it has none. Fault: unknown upload. */
  const readRow = async (name: RepositoryName, id: string): Promise<UploadRow | undefined> => {
    const mayHaveNone = isNew(name, id);
    const [row] = await db.read<UploadRow>(selectUpload, id, name.path);
    if (row === undefined && !mayHaveNone) throw unknownUpload();
    return row;
  };

  /** Runs `work`; until it is over, a cancel of the upload stops `body`. */
  const stoppable = async <Result>(id: string, body: Incoming, work: () => Promise<Result>): Promise<Result> => {
    const bodies = arriving.get(id) ?? new Set();
    arriving.set(id, bodies.add(body));
    try {
      return await work();
    } finally {
      bodies.delete(body);
      if (bodies.size === 0) arriving.delete(id);
    }
  };

  const load = async (name: RepositoryName, id: string): Promise<Arriving> => {
    const row = await readRow(name, id);
    const algorithm = algorithmOfUpload(id);
    if (row === undefined || !isOpen(row.state)) return { id, name, algorithm, row, content: undefined, size: 0 };
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
    if (upload.row !== undefined && !isOpen(upload.row.state)) throw unknownUpload();
    return upload;
  };

  /** Reads a body while it is small: nobody has to be waited for until then. */
  const take = async (part: Part): Promise<Taken> => {
    const small = await takeSmall(part.body, maxContentBytes);
    if ("body" in small) return { bytes: undefined, body: small.body };
    return { bytes: small.bytes, body: incomingOf(small.bytes) };
  };

  /** What the transactions of small content are told of an upload, and what they hold. Fault: unknown upload. */
  const smallOf = (actor: Actor, name: RepositoryName, id: string, part: SmallPart) => {
    const stamp = stampOf(context, actor);
    return { ...part, id, name, isNew: isNew(name, id), maxBytes: maxContentBytes, stamp };
  };

  /** Takes in a body behind what is there, into the store. `finishing` is the digest it will have, when this is the last part. */
  const receive = async (
    actor: Actor,
    upload: Arriving,
    body: AsyncIterable<Uint8Array>,
    finishing: Digest | null,
  ): Promise<number> => {
    const { id, name, algorithm, content, size, row } = upload;
    const parts = content === undefined ? [] : [content];
    const all = follow(parts, body[Symbol.asyncIterator]());
    const hashed = finishing === null ? algorithm : algorithmOf(finishing);
    const append = () => store.uploads.append(id, hashed, content === undefined ? size : 0, all);
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
      return total;
    }
    const [appended, saved] = await Promise.allSettled([
      append(),
      row === undefined || finishing !== null ? save() : row.touched_at,
    ]);
    if (appended.status === "rejected") throw appended.reason;
    if (saved.status === "rejected") throw saved.reason;
    if (saved.value < clock.now() - settings.uploadIdleMilliseconds / 4) await save();
    return appended.value;
  };

  /** Runs `work` on one upload alone; losing the upload to another stops `body`. */
  const alone = <Result>(id: string, body: Incoming | undefined, work: () => Promise<Result>): Promise<Result> => {
    const stop = () => body?.stop(new Fault("busy", "store", "the database of the registry was away: try again"));
    return db.exclusive(keyOf(id), work, stop);
  };

  const append = async (actor: Actor, name: RepositoryName, id: string, part: Part): Promise<number> => {
    const { bytes, body } = await take(part);
    if (bytes !== undefined) {
      const input = { ...smallOf(actor, name, id, { bytes, start: part.start }), algorithm: algorithmOfUpload(id) };
      const offset = await db.writeUnsynced(appendContent, input, { holding: keyOf(id), apart: [id] });
      if (offset !== undefined) return offset;
    }
    return alone(id, part.body, async () => {
      const upload = await loadOpen(name, id);
      requireStart(upload.size, part.start);
      return receive(actor, upload, body, null);
    });
  };

  const finish = async (actor: Actor, name: RepositoryName, id: string, digest: Digest, part: Part): Promise<void> => {
    const { bytes, body } = await take(part);
    if (bytes !== undefined) {
      const input = { ...smallOf(actor, name, id, { bytes, start: part.start }), digest };
      const finished = await db.write(finishContent, input, { holding: keyOf(id), apart: [id, digest] });
      if (finished !== undefined) return removeSpare(context, undefined, finished);
    }
    await alone(id, part.body, () => finishFile(actor, name, id, digest, { body, start: part.start }));
  };

  const finishFile = async (
    actor: Actor,
    name: RepositoryName,
    id: string,
    digest: Digest,
    { body, start }: { readonly body: AsyncIterable<Uint8Array>; readonly start: number | undefined },
  ): Promise<void> => {
    const upload = await load(name, id);
    const state = upload.row?.state;
    if (state === "finished" || state === "discarded") {
      if (upload.row?.digest === digest) return;
      throw unknownUpload();
    }
    if (state === "cancelled") throw unknownUpload();
    requireStart(upload.size, start);
    let size: number;
    try {
      size = await receive(actor, upload, body, digest);
    } catch (error) {
      await backTo(upload);
      throw error;
    }
    await commitFile(actor, upload, digest, size);
  };

  /** Forgets what a failed last part added: it can be sent again. */
  const backTo = async ({ id, name, size, content }: Arriving): Promise<void> => {
    if ((await store.uploads.size(id)) === undefined) return;
    // What was in the row may have moved to the store meanwhile: it is kept where it is now.
    const row = content === undefined ? undefined : await readRow(name, id);
    if (size === 0 || row?.content != null) await store.uploads.remove(id);
    else await store.uploads.truncate(id, size);
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
    const input = { id, name: upload.name, digest, size, placed: { key }, stamp: stampOf(context, actor) };
    await removeSpare(context, key, await db.write(finishUpload, input, { apart: [id, digest] }));
  };

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
      if (!isOpen(row.state)) throw unknownUpload();
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
      return stoppable(id, part.body, () => append(actor, name, id, part));
    },

    /**
     * Appends the last part, verifies the digest and stores the blob durably. Repeated after success it succeeds again.
     * When it fails the upload is as it was before. Faults: those of append, and invalid digest.
     */
    async finish(actor: Actor, name: RepositoryName, id: string, digest: Digest, part: Part): Promise<void> {
      access.require(actor, name.path, "push");
      return stoppable(id, part.body, () => finish(actor, name, id, digest, part));
    },

    /** Stores a blob that comes in one request. Faults: those of finish. */
    async put(actor: Actor, name: RepositoryName, digest: Digest, body: Incoming): Promise<void> {
      const id = start(actor, name, algorithmOf(digest));
      try {
        await finish(actor, name, id, digest, { body });
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
    // An id of another repository is refused before anybody is stopped.
    identify(name, id);
    for (const body of arriving.get(id) ?? []) body.stop(new Fault("conflict", "upload", "the upload was cancelled"));
    await alone(id, undefined, async () => {
      const { algorithm } = await loadOpen(name, id);
      await db.write(cancelUpload, { id, name, algorithm, stamp: stampOf(context, actor) });
      await store.uploads.remove(id);
    });
  }
}

function keyOf(id: string): string {
  return `upload:${id}`;
}
