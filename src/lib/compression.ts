// Compressions of layers: told by their first bytes, undone as they stream, and held to what an honest layer expands to.
import type { Gunzip, ZstdDecompress } from "node:zlib";
import { openZstdFrames } from "./layers/zstd-frames.ts";
import { concat } from "./stream.ts";

const compressions = ["none", "gzip", "bzip2", "xz", "zstd"] as const;

export type Compression = (typeof compressions)[number];

export function isCompression(text: string): text is Compression {
  return compressions.some((each) => each === text);
}

/** How many first bytes tell the compression. */
export const headBytes = 6;

const magics: readonly (readonly [Compression, readonly number[]])[] = [
  ["gzip", [0x1f, 0x8b, 0x08]],
  ["bzip2", [0x42, 0x5a, 0x68]],
  ["xz", [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
  ["zstd", [0x28, 0xb5, 0x2f, 0xfd]],
];

/** The compression of a stream that begins with `head`: its first `headBytes`, or all when it is shorter. */
export function sniff(head: Uint8Array): Compression {
  const found = magics.find(([, magic]) => magic.every((byte, i) => head[i] === byte));
  if (found !== undefined) return found[0];
  // A zstd stream may begin with a frame to be skipped: 5x 2a 4d 18.
  const [first = 0, ...rest] = head.subarray(0, 4);
  return first >> 4 === 5 && rest[0] === 0x2a && rest[1] === 0x4d && rest[2] === 0x18 ? "zstd" : "none";
}

/** A stream that cannot be decompressed: damaged, cut short, expanding without end, or of a kind that is not read here. */
export class Undecodable extends Error {
  override readonly name = "Undecodable";
}

/**
 * Where a stream is cut off. Files of zeros expand by up to 1030 (gzip) and by far more (zstd), and real layers hold some: up to
 * 256 MiB anything goes, which costs a second of one core. Beyond, 250 is over ten times what a layer of text expands by.
 * No layer that engines unpack comes near 64 GiB.
 */
const carefreeBytes = 256 * 1024 ** 2;
const maxRatio = 250;
const maxBytes = 64 * 1024 ** 3;

/** Measured: 64 KiB costs a quarter of the speed, 1 MiB gains nothing. */
const chunkSize = 256 * 1024;

/**
 * Undoes the compression of `body` as it is read: little is read ahead, whatever it expands to. gzip may have several members,
 * zstd several frames. Errors: Undecodable, when the stream is not whole, has bytes behind its end, or is cut off;
 * those of `body`. Ends `body` when its reader leaves.
 */
export async function* decompress(
  body: AsyncIterable<Uint8Array>,
  compression: Compression,
): AsyncGenerator<Uint8Array> {
  if (compression === "none") {
    yield* body;
    return;
  }
  if (compression === "bzip2" || compression === "xz") throw new Undecodable(`${compression} is not decompressed here`);
  let given = 0;
  let taken = 0;
  const counted = async function* () {
    for await (const part of body) {
      taken += part.byteLength;
      yield part;
    }
  };
  for await (const part of compression === "gzip" ? gunzip(counted()) : unzstd(counted())) {
    given += part.byteLength;
    if (given > maxBytes || (given > carefreeBytes && given > taken * maxRatio)) {
      throw new Undecodable("it expands to more than a layer may");
    }
    yield part;
  }
}

/** Undoes whatever compression `body` has. Errors: those of `decompress`. */
export async function* expand(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const iterator = body[Symbol.asyncIterator]();
  const parts: Uint8Array[] = [];
  let gathered = 0;
  try {
    while (gathered < headBytes) {
      const { done, value } = await iterator.next();
      if (done) break;
      parts.push(value.slice());
      gathered += value.byteLength;
    }
    const whole = async function* () {
      yield* parts;
      for (let next = await iterator.next(); !next.done; next = await iterator.next()) yield next.value;
    };
    yield* decompress(whole(), sniff(concat(parts)));
  } finally {
    await iterator.return?.();
  }
}

async function* gunzip(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const { createGunzip } = await loadZlib();
  yield* transform(body, createGunzip({ chunkSize }));
}

/** The runtime does not tell when a zstd stream is cut short: where its frames end is looked at beside it. */
async function* unzstd(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const { createZstdDecompress } = await loadZlib();
  const frames = openZstdFrames();
  const watched = async function* () {
    for await (const part of body) {
      frames.take(part);
      yield part;
    }
  };
  yield* transform(watched(), createZstdDecompress({ chunkSize }));
  if (!frames.isWhole()) throw new Undecodable("the stream is cut short");
}

/** Loaded by who decompresses: it brings all streams of the runtime, and the writer of the database needs none of them. */
function loadZlib() {
  return import("node:zlib");
}

/** What `stream` makes of `body`. Nothing is read from `body` while its reader has the word, so it can leave at any time. */
async function* transform(
  body: AsyncIterable<Uint8Array>,
  stream: Gunzip | ZstdDecompress,
): AsyncGenerator<Uint8Array> {
  const outputs: AsyncIterator<Uint8Array> = stream[Symbol.asyncIterator]();
  // Flags and one waker, no Promise.race: a race keeps every output of a write alive until all of the write is done.
  let output: IteratorResult<Uint8Array> | undefined;
  let failure: Undecodable | undefined;
  let isWritten = false;
  let wake: () => void = () => undefined;
  const read = () => {
    output = undefined;
    outputs.next().then(
      (result) => {
        output = result;
        wake();
      },
      (error) => {
        failure = new Undecodable(error instanceof Error ? error.message : String(error), { cause: error });
        wake();
      },
    );
  };
  const happened = () =>
    new Promise<void>((resolve) => {
      wake = resolve;
    });
  /** The next output; undefined when there is none before the part is written. */
  const next = async (): Promise<IteratorResult<Uint8Array> | undefined> => {
    while (output === undefined && failure === undefined && !isWritten) await happened();
    if (failure !== undefined) throw failure;
    return output;
  };

  let total = 0;
  // Asked for before the last one is given on: the next part is decompressed while the reader looks at this one.
  read();
  try {
    for await (const part of body) {
      total += part.byteLength;
      isWritten = false;
      stream.write(part, () => {
        isWritten = true;
        wake();
      });
      for (let found = await next(); found !== undefined; found = await next()) {
        if (found.done) throw new Undecodable("there are bytes behind the end of the stream");
        read();
        yield found.value;
      }
    }
    isWritten = false;
    stream.end();
    for (let found = await next(); found !== undefined && !found.done; found = await next()) {
      read();
      yield found.value;
    }
    if (stream.bytesWritten !== total) throw new Undecodable("there are bytes behind the end of the stream");
  } finally {
    stream.destroy();
  }
}
