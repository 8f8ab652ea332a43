// The folders of a store are made and synced before anything is placed in them, so that a commit syncs one folder only. There
// are 512: on a full disk of a busy machine they take half a second, so a start does not wait for them, and commits do.
import { closeSync, fsyncSync, mkdirSync, openSync } from "node:fs";
import { mkdir, open, readdir } from "node:fs/promises";
import { join } from "node:path";
import { toFault } from "./errors.ts";
import { uploadsFolder } from "./uploads.ts";

export interface Folders {
  /** Fulfilled when all of them are there, durably. When it failed it is tried again by whoever asks next. Faults: full, busy store. */
  ready(): Promise<void>;
}

const shards = Array.from({ length: 256 }, (_, i) => i.toString(16).padStart(2, "0"));

/** Begins to make what is missing in `root`: everything at the first start, later the empty folders that a copy left out. Faults: full, busy store. */
export function openFolders(root: string): Folders {
  const parents = ["sha256", "sha512"].map((algorithm) => join(root, algorithm));
  try {
    for (const folder of [...parents, join(root, uploadsFolder)]) mkdirSync(folder, { recursive: true });
    for (const folder of [root, join(root, "..")]) syncFolder(folder);
  } catch (error) {
    throw toFault(error);
  }
  let making: Promise<void> | undefined;
  const make = async () => {
    try {
      for (const parent of parents) await makeShards(parent);
    } catch (error) {
      making = undefined;
      throw toFault(error);
    }
  };
  const ready = () => {
    making ??= make();
    return making;
  };
  // Who commits is told what is wrong.
  ready().catch(() => undefined);
  return { ready };
}

async function makeShards(parent: string): Promise<void> {
  const found = new Set(await readdir(parent));
  // Other processes on this folder make them too.
  for (const shard of shards) if (!found.has(shard)) await mkdir(join(parent, shard), { recursive: true });
  // Also when nothing was missing: whoever made them may have been killed before it came as far as this.
  const handle = await open(parent, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function syncFolder(path: string): void {
  const fd = openSync(path, "r");
  fsyncSync(fd);
  closeSync(fd);
}
