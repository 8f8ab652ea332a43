// The contract of a blob store: bytes by key, and bytes that are still arriving. contract.ts is its suite.
import type { Algorithm, Digest } from "#lib/digest";
import type { LayerFacts } from "#lib/layer";
import type { ByteSource } from "#lib/stream";

/** Bytes that have been committed. A key is used once and never again. */
export interface Blobs {
  /** The bytes under `key`; the caller closes them. Faults: unknown blob, busy store. */
  open(key: string): Promise<ByteSource>;
  /** Removes the bytes under `key`; nothing when they are gone. */
  remove(key: string): Promise<void>;
}

/** Bytes that are still arriving, by upload id. One caller at a time per id: the registry sees to it. */
export interface Uploads {
  /** How many bytes are stored, or undefined when there are none. */
  size(id: string): Promise<number | undefined>;
  /**
   * Appends `body` at `offset`, which is the size of what is stored. Its parts are given away: one that has a buffer of its
   * own may be empty afterwards. When `body` throws, what came before is kept and the error goes on; when the store fails, the
   * size is `offset` again. Returns the new size. Faults: full, busy store.
   */
  append(id: string, algorithm: Algorithm, offset: number, body: AsyncIterable<Uint8Array>): Promise<number>;
  /** Forgets what lies behind `size`. */
  truncate(id: string, size: number): Promise<void>;
  /** The digest of all that is stored. */
  digest(id: string, algorithm: Algorithm): Promise<Digest>;
  /** Makes the bytes durable under a key of their own, which it returns. The caller has verified `digest`. Faults: full, busy store. */
  commit(id: string, digest: Digest): Promise<string>;
  /** Takes back a commit that nobody was told of: the bytes are an upload again. Nothing when it did not happen. */
  revert(id: string, digest: Digest): Promise<void>;
  /** The key that `commit` gives for this upload. */
  key(id: string, digest: Digest): string;
  /** Forgets the upload and its bytes; nothing when they are gone. */
  remove(id: string): Promise<void>;
  /** The ids of all that is stored. */
  list(): Promise<string[]>;
}

/** Where the bytes of a layer are: an upload that is not committed, a blob, or memory (what is small is in the database). */
export type Layer = { readonly upload: string } | { readonly key: string } | { readonly content: Uint8Array };

/**
 * What must be known of layers beyond their digest. All of it is computed off the loop that serves requests, in bounded
 * memory; a stream that expands without end is cut off. Faults: unknown blob, busy store.
 */
export interface Layers {
  /**
   * Receives `body` as all of an upload, with SHA-256, as `uploads.append` does at 0; the same pass computes its facts.
   * `prefix` is what the v1 payload checksum begins with. Returns the size. Faults: full, busy store.
   */
  receive(id: string, prefix: Uint8Array, body: AsyncIterable<Uint8Array>): Promise<number>;
  /** The facts of a layer: those that `receive` computed, when they are still known; else it is read. */
  facts(layer: Layer, prefix: Uint8Array): Promise<LayerFacts>;
  /** `tarsum+sha256:…` of a layer and its image's JSON (TarSum version 0); that of the JSON alone when it is no archive. */
  tarsum(layer: Layer, json: Uint8Array): Promise<string>;
  /** The members of a layer as the JSON text of the v1 protocol; undefined when it is no archive, or too large a list. */
  files(layer: Layer): Promise<string | undefined>;
}

export interface Store {
  readonly blobs: Blobs;
  readonly uploads: Uploads;
  readonly layers: Layers;
  close(): Promise<void>;
}
