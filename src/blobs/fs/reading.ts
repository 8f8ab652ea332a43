// Reading a file in bounded parts, the next one under way while one is sent: no download may starve the rest.
import * as fs from "node:fs";
import { open } from "node:fs/promises";
import { Fault } from "#lib/fault";
import type { ByteSource } from "#lib/stream";
import { toFault } from "./errors.ts";

const readBytes = 256 * 1024;

function readPart(fd: number, at: number, length: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const buffer = Buffer.allocUnsafeSlow(length);
    fs.read(fd, buffer, 0, length, at, (error, read) => {
      if (error) reject(toFault(error));
      else if (read === 0) reject(new Fault("busy", "store", "a file of the store is shorter than it was"));
      else resolve(read === length ? buffer : buffer.subarray(0, read));
    });
  });
}

/** The file at `path`. Faults: unknown blob, busy store. */
export async function openFile(path: string): Promise<ByteSource> {
  const file = await open(path, "r").catch((error) => {
    throw toFault(error);
  });
  try {
    const { size } = await file.stat();
    return { size, read: (start, end) => readRange(file.fd, start, end), close: () => file.close() };
  } catch (error) {
    await file.close();
    throw toFault(error);
  }
}

async function* readRange(fd: number, start: number, end: number): AsyncGenerator<Uint8Array> {
  const readFrom = (at: number) => readPart(fd, at, Math.min(readBytes, end - at));
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
