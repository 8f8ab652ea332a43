// A store in a folder. Its folders are made and synced at the first start, so that a commit syncs one folder only.
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync } from "node:fs";
import { unlink } from "node:fs/promises";
import { join } from "node:path";
import type { Store } from "../store.ts";
import { isMissing, toFault } from "./errors.ts";
import { openPool } from "./pool.ts";
import { openFile } from "./reading.ts";
import { openUploads, uploadsFolder } from "./uploads.ts";

/** Opens (or makes) the store in `root`. Faults: full, busy store. */
export function openFsStore(root: string): Store {
  try {
    makeFolders(root);
  } catch (error) {
    throw toFault(error);
  }
  const pool = openPool();
  return {
    blobs: {
      open: (key) => openFile(join(root, key)),
      async remove(key) {
        await unlink(join(root, key)).catch((error) => {
          if (!isMissing(error)) throw toFault(error);
        });
      },
    },
    uploads: openUploads(root, pool),
    close: async () => pool.close(),
  };
}

function makeFolders(root: string): void {
  const complete = join(root, uploadsFolder);
  if (existsSync(complete)) return;
  for (const algorithm of ["sha256", "sha512"]) {
    for (let i = 0; i < 256; i++)
      mkdirSync(join(root, algorithm, i.toString(16).padStart(2, "0")), { recursive: true });
    syncFolder(join(root, algorithm));
  }
  // Made last: it says that the others are there.
  mkdirSync(complete);
  syncFolder(root);
  syncFolder(join(root, ".."));
}

function syncFolder(path: string): void {
  const fd = openSync(path, "r");
  fsyncSync(fd);
  closeSync(fd);
}
