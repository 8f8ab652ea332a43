// Uploads as files: `uploads/<id>` while they arrive, `<algorithm>/<2 hex>/<hex>.<id>` when they are committed.
import { readdir, rename, stat, truncate, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { algorithmOf, type Digest, hexOf } from "#lib/digest";
import { Fault } from "#lib/fault";
import type { Uploads } from "../store.ts";
import { isMissing, toFault } from "./errors.ts";
import type { Pool } from "./pool.ts";
import type { OpenOrder } from "./worker.ts";

/** What goes to a worker at once: little from a sender who is slower than the worker, so that many of them cost little. */
const slowChunkBytes = 64 * 1024;
const fastChunkBytes = 512 * 1024;
const maxChunksUnderWay = 4;

export const uploadsFolder = "uploads";

export function keyOf(id: string, digest: Digest): string {
  const hex = hexOf(digest);
  return `${algorithmOf(digest)}/${hex.slice(0, 2)}/${hex}.${id}`;
}

/** Where an upload is while it arrives. */
export function uploadPath(root: string, id: string): string {
  return join(root, uploadsFolder, id);
}

/** Runs `work` on an upload. Faults: full, busy store. */
export async function guarded<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    // A reader may ask for what is not there; an upload whose file or folder is gone says that the store is damaged.
    if (isMissing(error)) throw new Fault("busy", "store", "the bytes of the upload are not in the store", {}, error);
    throw toFault(error);
  }
}

/** Uploads in `root`, whose folders exist. */
export function openUploads(root: string, pool: Pool): Uploads {
  const pathOf = (id: string) => uploadPath(root, id);
  const finalPathOf = (id: string, digest: Digest) => join(root, keyOf(id, digest));

  return {
    async size(id) {
      try {
        return (await stat(pathOf(id))).size;
      } catch (error) {
        if (isMissing(error)) return undefined;
        throw toFault(error);
      }
    },
    append: (id, algorithm, offset, body) =>
      guarded(() => {
        const write: Write = (bytes) => pool.write(id, bytes);
        return receive({ op: "open", id, path: pathOf(id), algorithm, offset }, body, pool, write);
      }),
    truncate: (id, size) =>
      guarded(async () => {
        await pool.ask(id, { op: "forget", id });
        await truncate(pathOf(id), size);
      }),
    digest: (id, algorithm) =>
      guarded(async () => {
        const { digest } = await pool.ask(id, { op: "digest", id, path: pathOf(id), algorithm });
        if (digest === undefined) throw new Fault("busy", "store", "the upload could not be hashed");
        return digest;
      }),
    commit: (id, digest) =>
      guarded(async () => {
        const path = finalPathOf(id, digest);
        await pool.ask(id, { op: "sync", path: pathOf(id) });
        await rename(pathOf(id), path);
        await pool.ask(id, { op: "sync", path: dirname(path) });
        return keyOf(id, digest);
      }),
    async revert(id, digest) {
      await rename(finalPathOf(id, digest), pathOf(id)).catch((error) => {
        if (!isMissing(error)) throw toFault(error);
      });
    },
    key: keyOf,
    async remove(id) {
      await pool.ask(id, { op: "forget", id });
      await unlink(pathOf(id)).catch((error) => {
        if (!isMissing(error)) throw toFault(error);
      });
    },
    list: () => guarded(() => readdir(join(root, uploadsFolder))),
  };
}

/** Has a chunk written, which it takes and gives back. */
export type Write = (bytes: Uint8Array<ArrayBuffer>) => Promise<Uint8Array<ArrayBuffer>>;

/** Writes `body` by `write` where `order` opens an upload, and returns the new size. See `append` of Uploads. */
export async function receive(
  order: OpenOrder,
  body: AsyncIterable<Uint8Array>,
  pool: Pool,
  write: Write,
): Promise<number> {
  const { id, offset } = order;
  try {
    await pool.ask(id, order);
  } catch (error) {
    await pool.ask(id, { op: "close", id, truncateTo: offset });
    throw error;
  }
  const sending = openSending(write);
  try {
    for await (const part of body) {
      if (!sending.take(part)) await sending.push(part);
    }
  } catch (error) {
    await sending.flush().catch(() => undefined);
    if (sending.failed() === undefined) {
      await pool.ask(id, { op: "close", id });
      throw error;
    }
  }
  await sending.flush().catch(() => undefined);
  const failure = sending.failed();
  if (failure === undefined) {
    await pool.ask(id, { op: "close", id });
    return offset + sending.size();
  }
  await pool.ask(id, { op: "close", id, truncateTo: offset });
  throw failure;
}

/** Gathers parts into chunks and sends them on, a bounded number at a time. */
function openSending(write: Write) {
  const underWay = new Set<Promise<void>>();
  const spare: Uint8Array<ArrayBuffer>[] = [];
  let chunk: Uint8Array<ArrayBuffer> | undefined;
  let filled = 0;
  let sent = 0;
  let failure: unknown;

  const send = async () => {
    if (chunk === undefined || filled === 0) return;
    const bytes = chunk.subarray(0, filled);
    chunk = undefined;
    sent += filled;
    filled = 0;
    const sending = write(bytes).then(
      (written) => {
        if (written.buffer.byteLength === fastChunkBytes) spare.push(new Uint8Array(written.buffer));
        underWay.delete(sending);
      },
      (error) => {
        failure ??= error;
        underWay.delete(sending);
      },
    );
    underWay.add(sending);
    if (underWay.size >= maxChunksUnderWay) await Promise.race(underWay);
    if (failure !== undefined) throw failure;
  };

  return {
    /** Takes a part that leaves room in the chunk; false when it does not, and nothing was taken. */
    take(part: Uint8Array): boolean {
      if (chunk === undefined || part.byteLength >= chunk.byteLength - filled) return false;
      chunk.set(part, filled);
      filled += part.byteLength;
      return true;
    },
    async push(part: Uint8Array) {
      for (let at = 0; at < part.byteLength; ) {
        chunk ??= spare.pop() ?? new Uint8Array(underWay.size === 0 ? slowChunkBytes : fastChunkBytes);
        const taken = Math.min(chunk.byteLength - filled, part.byteLength - at);
        chunk.set(part.subarray(at, at + taken), filled);
        filled += taken;
        at += taken;
        if (filled === chunk.byteLength) await send();
      }
    },
    async flush() {
      await send();
      await Promise.all(underWay);
    },
    failed: () => failure,
    size: () => sent,
  };
}
