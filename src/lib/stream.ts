// Bytes on their way: what a store gives and what the porch sends.

/** Content of a known size that can be read in part. Whoever opened it closes it, once. */
export interface ByteSource {
  readonly size: number;
  /** All of it, when it is in memory anyway: to be looked at, not to be changed. Such a source holds nothing open. */
  readonly bytes?: Uint8Array;
  /** The bytes of `[start, end)`. Each chunk is the reader's own. */
  read(start: number, end: number): AsyncIterable<Uint8Array>;
  /** Takes a chunk back from a reader who is done with it, so that its memory is used again. Nobody has to give back. */
  takeBack?(chunk: Uint8Array): void;
  close(): Promise<void>;
}

/** A source over bytes in memory. */
export function bytesSource(bytes: Uint8Array): ByteSource {
  return {
    size: bytes.byteLength,
    bytes,
    async *read(start, end) {
      // A copy, also of a Buffer, whose slice would be none.
      yield new Uint8Array(bytes.subarray(start, end));
    },
    close: async () => undefined,
  };
}

/** The parts of `list` as one array. */
export function concat(list: readonly Uint8Array[]): Uint8Array {
  const only = list[0];
  return list.length === 1 && only !== undefined ? only : Buffer.concat(list);
}

/** All of `body`, or undefined when it is longer than `maxBytes` (the rest is then unread). */
export async function readAll(body: AsyncIterable<Uint8Array>, maxBytes: number): Promise<Uint8Array | undefined> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of body) {
    size += part.byteLength;
    if (size > maxBytes) return undefined;
    parts.push(part);
  }
  return concat(parts);
}

/** All of `body` when it has at most `maxBytes`; else the same body, from its beginning, to be read once. */
export async function takeSmall(
  body: AsyncIterable<Uint8Array>,
  maxBytes: number,
): Promise<{ readonly bytes: Uint8Array } | { readonly body: AsyncIterable<Uint8Array> }> {
  const iterator = body[Symbol.asyncIterator]();
  const parts: Uint8Array[] = [];
  let size = 0;
  while (size <= maxBytes) {
    const { done, value } = await iterator.next();
    if (done) return { bytes: concat(parts) };
    parts.push(value);
    size += value.byteLength;
  }
  return { body: follow(parts, iterator) };
}

/** What was taken from an iterator already, and what it still has. No generator: each of its parts would wait three times. */
export function follow(parts: readonly Uint8Array[], iterator: AsyncIterator<Uint8Array>): AsyncIterable<Uint8Array> {
  let at = 0;
  const next = (): Promise<IteratorResult<Uint8Array>> => {
    const value = parts[at++];
    return value === undefined ? iterator.next() : Promise.resolve({ done: false, value });
  };
  return { [Symbol.asyncIterator]: () => ({ next }) };
}

/** A body that is arriving. Its parts are the reader's own. It ends with an error when the client goes away, stalls, or `stop` is called. */
export interface Incoming extends AsyncIterable<Uint8Array> {
  /** Ends the body: whoever reads it gets `reason`. */
  stop(reason: Error): void;
}

/** A body that is already here. */
export function incomingOf(...parts: readonly Uint8Array[]): Incoming {
  let stopped: Error | undefined;
  return {
    async *[Symbol.asyncIterator]() {
      for (const part of parts) {
        if (stopped !== undefined) throw stopped;
        // A copy: parts of a body are their reader's own.
        yield new Uint8Array(part);
      }
    },
    stop: (reason) => {
      stopped = reason;
    },
  };
}
