// Reading files in bounded parts, the next one under way while one is sent: no download may starve the rest. Small files
// that are asked for again are kept: what has a key never changes.
import * as fs from "node:fs";
import { open } from "node:fs/promises";
import { openCache } from "#lib/cache";
import { Fault } from "#lib/fault";
import { type ByteSource, bytesSource } from "#lib/stream";
import { type Buffers, openBuffers } from "./buffers.ts";
import { toFault } from "./errors.ts";
import { openTurns } from "./turns.ts";

/**
 * A part is large while few files are open: each one costs a turn through a thread of the runtime, so eight downloads at once
 * take a third less processor time with parts of 512 KiB than with 128 KiB. With many open it is small, for their memory.
 */
const largeBytes = 512 * 1024;
const smallBytes = 128 * 1024;
const maxLargeReaders = 8;
const keptBytes = 16 * 1024 * 1024;

/** Files up to this are kept whole from the second time on: sent from memory they cost half of what reading them does. */
const maxWholeBytes = 1024 * 1024;
const keptWholeBytes = 32 * 1024 * 1024;
/** So many are being read whole at once; what comes meanwhile is read in parts. */
const maxLoading = 8;

export interface Reading {
  /** The file at `path`, whose bytes never change. Faults: unknown blob, busy store. */
  open(path: string): Promise<ByteSource>;
  /** Keeps nothing of the file at `path` any more. */
  forget(path: string): void;
}

export function openReading(): Reading {
  const large = openBuffers(largeBytes, 2 * maxLargeReaders);
  const small = openBuffers(smallBytes, keptBytes / smallBytes);
  // Null where a file was asked for once.
  const whole = openCache<Uint8Array | null>(keptWholeBytes);
  const loading = new Set<string>();
  const takeTurn = openTurns();
  let readers = 0;
  const choose = () => (readers <= maxLargeReaders ? large : small);

  const load = async (file: fs.promises.FileHandle, path: string, size: number): Promise<ByteSource> => {
    loading.add(path);
    try {
      const bytes = await readWhole(file.fd, size);
      // Not when it was removed meanwhile.
      if (whole.has(path)) whole.set(path, bytes, size);
      return bytesSource(bytes);
    } finally {
      loading.delete(path);
      await file.close();
    }
  };

  const stream = (file: fs.promises.FileHandle, size: number): ByteSource => {
    readers++;
    let isOpen = true;
    return {
      size,
      read: (start, end) => readRange(file.fd, { start, end }, choose, takeTurn),
      takeBack(part) {
        large.takeBack(part);
        small.takeBack(part);
      },
      close() {
        if (isOpen) readers--;
        isOpen = false;
        return file.close();
      },
    };
  };

  return {
    async open(path) {
      const kept = whole.get(path);
      if (kept) return bytesSource(kept);
      const file = await open(path, "r").catch((error) => {
        throw toFault(error);
      });
      const size = await sizeOf(file);
      if (size > maxWholeBytes) return stream(file, size);
      const isAskedAgain = whole.has(path);
      if (!isAskedAgain) whole.set(path, null, 0);
      const mayLoad = isAskedAgain && !loading.has(path) && loading.size < maxLoading;
      return mayLoad ? load(file, path, size) : stream(file, size);
    },
    forget: (path) => whole.delete(path),
  };
}

async function sizeOf(file: fs.promises.FileHandle): Promise<number> {
  try {
    return (await file.stat()).size;
  } catch (error) {
    await file.close();
    throw toFault(error);
  }
}

async function readWhole(fd: number, size: number): Promise<Uint8Array> {
  const bytes = Buffer.allocUnsafeSlow(size);
  for (let at = 0; at < size; ) at += await readInto(fd, bytes.subarray(at), at);
  return bytes;
}

/** Reads from `at` on into `buffer`; returns how many bytes, never none. */
function readInto(fd: number, buffer: Uint8Array, at: number): Promise<number> {
  return new Promise((resolve, reject) => {
    fs.read(fd, buffer, 0, buffer.byteLength, at, (error, read) => {
      if (error) reject(toFault(error));
      else if (read === 0) reject(new Fault("busy", "store", "a file of the store is shorter than it was"));
      else resolve(read);
    });
  });
}

async function readPart(fd: number, at: number, length: number, buffers: Buffers): Promise<Uint8Array> {
  const buffer = length === buffers.size ? buffers.lend() : Buffer.allocUnsafeSlow(length);
  const read = await readInto(fd, buffer, at);
  return read === length ? buffer : buffer.subarray(0, read);
}

async function* readRange(
  fd: number,
  { start, end }: { readonly start: number; readonly end: number },
  choose: () => Buffers,
  takeTurn: () => Promise<void> | undefined,
): AsyncGenerator<Uint8Array> {
  const readFrom = (at: number) => {
    const buffers = choose();
    return readPart(fd, at, Math.min(buffers.size, end - at), buffers);
  };
  let next = start < end ? readFrom(start) : undefined;
  try {
    for (let at = start; next !== undefined; ) {
      const part = await next;
      at += part.byteLength;
      next = at < end ? readFrom(at) : undefined;
      await takeTurn();
      yield part;
    }
  } finally {
    await next?.catch(() => undefined);
  }
}
