// Where bytes live. One line for each place.
export { openFsStore } from "./fs/index.ts";
export { openMemoryStore } from "./memory/index.ts";
export type { Blobs, Layer, Layers, Store, Uploads } from "./store.ts";
