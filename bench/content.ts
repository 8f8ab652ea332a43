// What is pushed and pulled: made from a seed, so that every server holds the same bytes.

export interface Blob {
  readonly digest: string;
  readonly size: number;
  /** The bytes, in parts that are used again: do not change them. */
  parts(): Iterable<Uint8Array>;
}

export interface Image {
  readonly config: Blob;
  readonly layers: readonly Blob[];
  readonly manifest: Uint8Array;
  readonly digest: string;
}

export const manifestType = "application/vnd.oci.image.manifest.v1+json";
const configType = "application/vnd.oci.image.config.v1+json";
const layerType = "application/vnd.oci.image.layer.v1.tar";
const blockBytes = 1024 * 1024;
const smallBytes = 1024;

/** Bytes that look random and are the same for the same seed (xorshift32). */
function fillBlock(bytes: number, seed: number): Uint8Array<ArrayBuffer> {
  const words = new Uint32Array(Math.ceil(bytes / 4));
  let state = (seed | 0) === 0 ? 1 : seed | 0;
  for (let i = 0; i < words.length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[i] = state;
  }
  return new Uint8Array(words.buffer, 0, bytes);
}

function digestOf(parts: Iterable<Uint8Array>): string {
  const hash = new Bun.CryptoHasher("sha256");
  for (const part of parts) hash.update(part);
  return `sha256:${hash.digest("hex")}`;
}

/** A blob of these bytes. */
export function blobOf(bytes: Uint8Array): Blob {
  return { digest: digestOf([bytes]), size: bytes.byteLength, parts: () => [bytes] };
}

const block = fillBlock(blockBytes, 1);
const hashesOfBlocks = new Map<number, Bun.CryptoHasher>();

/** The hash of `count` equal blocks, to go on with. Kept: a gigabyte takes as long as all else that a client does. */
function hashBlocks(count: number): Bun.CryptoHasher {
  let known = hashesOfBlocks.get(count);
  if (known === undefined) {
    known = new Bun.CryptoHasher("sha256");
    for (let i = 0; i < count; i++) known.update(block);
    hashesOfBlocks.set(count, known);
  }
  return known.copy();
}

/** A blob of `size` bytes that no other `name` has: its last block is its own, the others are always the same. */
export function makeBlob(size: number, name: string): Blob {
  const blocks = Math.max(0, Math.ceil(size / blockBytes) - 1);
  const tail = fillBlock(size - blocks * blockBytes, 2);
  new TextEncoder().encodeInto(name, tail);
  const parts = function* () {
    for (let i = 0; i < blocks; i++) yield block;
    yield tail;
  };
  return { digest: `sha256:${hashBlocks(blocks).update(tail).digest("hex")}`, size, parts };
}

/** An image of these blobs. */
export function makeImage(config: Blob, layers: readonly Blob[]): Image {
  const describe = (mediaType: string, { digest, size }: Blob) => ({ mediaType, digest, size });
  const manifest = new TextEncoder().encode(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: manifestType,
      config: describe(configType, config),
      layers: layers.map((layer) => describe(layerType, layer)),
    }),
  );
  return { config, layers, manifest, digest: digestOf([manifest]) };
}

/** A config as clients make it for these layers, which are plain: JSON, `size` bytes long or more. */
export function makeConfig(size: number, name: string, layers: readonly Blob[]): Blob {
  const text = JSON.stringify({
    architecture: "amd64",
    os: "linux",
    rootfs: { type: "layers", diff_ids: layers.map(({ digest }) => digest) },
    author: name,
  });
  return blobOf(new TextEncoder().encode(text.padEnd(size, " ")));
}

/** A small image with content of its own: a config and one layer, 1 KiB each. */
export function makeSmallImage(name: string): Image {
  const layers = [makeBlob(smallBytes, name)];
  return makeImage(makeConfig(smallBytes, name, layers), layers);
}
