// A store in a folder. Its folders are made and synced at the start, so that a commit syncs one folder only.
import { closeSync, fsyncSync, mkdirSync, openSync, readdirSync } from "node:fs";
import { unlink } from "node:fs/promises";
import { join } from "node:path";
import type { Store } from "../store.ts";
import { isMissing, toFault } from "./errors.ts";
import { openLayers } from "./layers.ts";
import { openPool } from "./pool.ts";
import { openReading } from "./reading.ts";
import { openUploads, uploadsFolder } from "./uploads.ts";

/** Opens (or makes) the store in `root`. Faults: full, busy store. */
export function openFsStore(root: string): Store {
  try {
    makeFolders(root);
  } catch (error) {
    throw toFault(error);
  }
  const pool = openPool();
  const reading = openReading();
  return {
    blobs: {
      open: (key) => reading.open(join(root, key)),
      async remove(key) {
        await unlink(join(root, key)).catch((error) => {
          if (!isMissing(error)) throw toFault(error);
        });
      },
    },
    uploads: openUploads(root, pool),
    layers: openLayers(root, pool),
    close: async () => pool.close(),
  };
}

/** Makes what is missing: everything at the first start, later the empty folders that a copy of the store left out. */
function makeFolders(root: string): void {
  const shards = Array.from({ length: 256 }, (_, i) => i.toString(16).padStart(2, "0"));
  const parents = ["sha256", "sha512"].map((algorithm) => join(root, algorithm));
  for (const folder of [...parents, join(root, uploadsFolder)]) mkdirSync(folder, { recursive: true });
  for (const parent of parents) {
    const found = new Set(readdirSync(parent));
    for (const shard of shards.filter((each) => !found.has(each))) mkdirSync(join(parent, shard));
  }
  // Also when nothing was missing: a start that was killed may have made them and not come as far as this.
  for (const folder of [...parents, root, join(root, "..")]) syncFolder(folder);
}

function syncFolder(path: string): void {
  const fd = openSync(path, "r");
  fsyncSync(fd);
  closeSync(fd);
}
