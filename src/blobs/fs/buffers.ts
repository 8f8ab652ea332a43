// Buffers of one size that are used again: a download of a gigabyte touches the memory of a few of them, not of thousands.

export interface Buffers {
  /** How long each of them is. */
  readonly size: number;
  /** A buffer with any content. */
  lend(): Buffer;
  /** Takes a buffer back that nobody looks at any more. What was not lent here, or is only a part, is left alone. */
  takeBack(bytes: Uint8Array): void;
}

/** Buffers of `size` bytes; at most `maxKept` that nobody has are kept. */
export function openBuffers(size: number, maxKept: number): Buffers {
  const free: Buffer[] = [];
  const lent = new WeakSet<ArrayBufferLike>();
  return {
    size,
    lend() {
      const buffer = free.pop() ?? Buffer.allocUnsafeSlow(size);
      lent.add(buffer.buffer);
      return buffer;
    },
    takeBack(bytes) {
      if (bytes.byteLength !== size || !lent.delete(bytes.buffer)) return;
      if (free.length < maxKept) free.push(Buffer.from(bytes.buffer));
    },
  };
}
