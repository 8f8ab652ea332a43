// What a layer is beyond its digest: how it is compressed, and what is in it once that is undone. The v1 protocol hashes
// it together with the image's JSON; today's manifests name it by the digest of what it decompresses to.
import type { Compression } from "./compression.ts";
import type { Digest } from "./digest.ts";

export { type Compression, isCompression } from "./compression.ts";

export interface LayerFacts {
  /** SHA-256 of a prefix (an image's JSON and a line feed) and the bytes as received: the v1 payload checksum. */
  readonly payload: Digest;
  readonly compression: Compression;
  /** SHA-256 of the whole decompressed stream, padding and all; null when it cannot be told. */
  readonly diffId: Digest | null;
  /** Bytes of the decompressed stream; null when it cannot be told. */
  readonly diffSize: number | null;
  /** The decompressed stream is empty or all zeros: no member of an archive can be in it. False when it cannot be told. */
  readonly isEmpty: boolean;
  /** Why no image of today can have this layer, for people; null when one can. */
  readonly reason: string | null;
}
