// Uploads as files: `uploads/<id>` while they arrive, `<algorithm>/<2 hex>/<hex>.<id>` when they are committed.
import { readdir, rename, stat, truncate, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { algorithmOf, type Digest, hexOf } from "#lib/digest";
import { Fault } from "#lib/fault";
import type { Uploads } from "../store.ts";
import { isMissing, toFault } from "./errors.ts";
import type { Pool } from "./pool.ts";
import type { OpenOrder, Part } from "./worker.ts";

/** What goes to a worker at once: little from a sender who is slower than the worker, so that many of them cost little. */
const slowBytes = 64 * 1024;
const fastBytes = 512 * 1024;
const maxUnderWay = 4;
/** From this size on a part is handed on as it is. */
const wholeBytes = 8 * 1024;
const smallBufferBytes = 64 * 1024;

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

/** Uploads in `root`. They are placed in its folders when these are `ready`. */
export function openUploads(root: string, pool: Pool, ready: () => Promise<void>): Uploads {
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
        const write: Write = (parts) => pool.write(id, parts);
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
        await ready();
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

/** Has parts written, one behind the other, which it takes away. */
export type Write = (parts: readonly Part[]) => Promise<unknown>;

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
      if (!sending.take(part)) await sending.send();
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

/**
 * Gathers parts and sends them on, a bounded number at a time. A part that has a buffer of its own goes as it is: copied, a
 * gigabyte cost the loop that serves requests a third of a second more. Only small ones are copied, into one buffer.
 */
function openSending(write: Write) {
  const underWay = new Set<Promise<void>>();
  let parts: Part[] = [];
  let gathered = 0;
  let small: Part | undefined;
  let filled = 0;
  let sent = 0;
  let failure: unknown;

  const closeSmall = () => {
    if (small === undefined || filled === 0) return;
    const isWorthIt = filled > smallBufferBytes / 2;
    parts.push(isWorthIt ? small.subarray(0, filled) : small.slice(0, filled));
    if (isWorthIt) small = undefined;
    filled = 0;
  };
  const copySmall = (part: Uint8Array) => {
    if (filled + part.byteLength > smallBufferBytes) closeSmall();
    small ??= new Uint8Array(smallBufferBytes);
    small.set(part, filled);
    filled += part.byteLength;
  };
  const send = async () => {
    closeSmall();
    if (gathered === 0) return;
    const sending = write(parts).then(
      () => void underWay.delete(sending),
      (error) => {
        failure ??= error;
        underWay.delete(sending);
      },
    );
    underWay.add(sending);
    sent += gathered;
    parts = [];
    gathered = 0;
    if (underWay.size >= maxUnderWay) await Promise.race(underWay);
    if (failure !== undefined) throw failure;
  };

  return {
    /** Takes a part; false when what was taken is enough to be sent. */
    take(part: Uint8Array): boolean {
      if (part.byteLength < wholeBytes) copySmall(part);
      else {
        closeSmall();
        parts.push(isWhole(part) ? part : new Uint8Array(part));
      }
      gathered += part.byteLength;
      return gathered < (underWay.size === 0 ? slowBytes : fastBytes);
    },
    send,
    async flush() {
      await send();
      await Promise.all(underWay);
    },
    failed: () => failure,
    size: () => sent,
  };
}

/** Whether nothing else is in the buffer of a part, so that it can be given to a thread. */
function isWhole(part: Uint8Array): part is Part {
  return part.buffer instanceof ArrayBuffer && part.buffer.byteLength === part.byteLength;
}
