// Compressions of layers, told by their first bytes.

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
