// Reading a file in bounded parts, the next one under way while one is sent: no download may starve the rest.
import * as fs from "node:fs";
import { open } from "node:fs/promises";
import { Fault } from "#lib/fault";
import type { ByteSource } from "#lib/stream";
import type { Buffers } from "./buffers.ts";
import { toFault } from "./errors.ts";

/** Measured in bench/: twice as much is no faster, half as much is a third slower for one client. */
export const readBytes = 512 * 1024;

function readPart(fd: number, at: number, length: number, buffers: Buffers): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const buffer = length === buffers.size ? buffers.lend() : Buffer.allocUnsafeSlow(length);
    fs.read(fd, buffer, 0, length, at, (error, read) => {
      if (error) reject(toFault(error));
      else if (read === 0) reject(new Fault("busy", "store", "a file of the store is shorter than it was"));
      else resolve(read === length ? buffer : buffer.subarray(0, read));
    });
  });
}

/** The file at `path`, read into `buffers`. Faults: unknown blob, busy store. */
export async function openFile(path: string, buffers: Buffers): Promise<ByteSource> {
  const file = await open(path, "r").catch((error) => {
    throw toFault(error);
  });
  try {
    const { size } = await file.stat();
    return {
      size,
      read: (start, end) => readRange(file.fd, start, end, buffers),
      takeBack: (part) => buffers.takeBack(part),
      close: () => file.close(),
    };
  } catch (error) {
    await file.close();
    throw toFault(error);
  }
}

async function* readRange(fd: number, start: number, end: number, buffers: Buffers): AsyncGenerator<Uint8Array> {
  const readFrom = (at: number) => readPart(fd, at, Math.min(buffers.size, end - at), buffers);
  let next = start < end ? readFrom(start) : undefined;
  try {
    for (let at = start; next !== undefined; ) {
      const part = await next;
      at += part.byteLength;
      next = at < end ? readFrom(at) : undefined;
      yield part;
    }
  } finally {
    await next?.catch(() => undefined);
  }
}
