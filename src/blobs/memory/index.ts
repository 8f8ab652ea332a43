// A store in memory, for tests of the rooms above.
import { type Digest, digestOf } from "#lib/digest";
import { Fault } from "#lib/fault";
import { readFacts } from "#lib/layer";
import { listFiles } from "#lib/layers/files";
import { tarsum } from "#lib/layers/tarsum";
import { bytesSource, concat, incomingOf } from "#lib/stream";
import type { Layer, Layers, Store, Uploads } from "../store.ts";

const unknownBlob = () => new Fault("unknown", "blob", "the bytes are not in the store");
const unknownUpload = () => new Fault("busy", "store", "the bytes of the upload are not in the store");

export function openMemoryStore(): Store {
  const committed = new Map<string, Uint8Array>();
  const arriving = new Map<string, Uint8Array>();
  const stored = (id: string) => arriving.get(id) ?? new Uint8Array();

  const uploads: Uploads = {
    size: async (id) => arriving.get(id)?.byteLength,
    async append(id, _algorithm, offset, body) {
      arriving.set(id, stored(id).slice(0, offset));
      for await (const part of body) arriving.set(id, concat([stored(id), part.slice()]));
      return stored(id).byteLength;
    },
    async truncate(id, size) {
      arriving.set(id, stored(id).slice(0, size));
    },
    digest: async (id, algorithm) => digestOf(stored(id), algorithm),
    async commit(id, digest) {
      const key = keyOf(id, digest);
      committed.set(key, stored(id));
      arriving.delete(id);
      return key;
    },
    async revert(id, digest) {
      const bytes = committed.get(keyOf(id, digest));
      if (bytes === undefined) return;
      arriving.set(id, bytes);
      committed.delete(keyOf(id, digest));
    },
    key: keyOf,
    async remove(id) {
      arriving.delete(id);
    },
    list: async () => [...arriving.keys()],
  };

  const bytesOf = (layer: Layer): Uint8Array => {
    if ("content" in layer) return layer.content;
    const bytes = "key" in layer ? committed.get(layer.key) : arriving.get(layer.upload);
    if (bytes === undefined) throw "key" in layer ? unknownBlob() : unknownUpload();
    return bytes;
  };
  const layers: Layers = {
    receive: (id, _prefix, body) => uploads.append(id, "sha256", 0, body),
    facts: async (layer, prefix) => readFacts(incomingOf(bytesOf(layer)), prefix),
    tarsum: async (layer, json) => tarsum(incomingOf(bytesOf(layer)), json),
    files: async (layer) => listFiles(incomingOf(bytesOf(layer))),
  };

  return {
    blobs: {
      async open(key) {
        const bytes = committed.get(key);
        if (bytes === undefined) throw unknownBlob();
        return bytesSource(bytes);
      },
      async remove(key) {
        committed.delete(key);
      },
    },
    uploads,
    layers,
    close: async () => undefined,
  };
}

function keyOf(id: string, digest: Digest): string {
  return `${digest}.${id}`;
}
