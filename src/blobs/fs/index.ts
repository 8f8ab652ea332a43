// A store in a folder.
import { unlink } from "node:fs/promises";
import { join } from "node:path";
import type { Store } from "../store.ts";
import { isMissing, toFault } from "./errors.ts";
import { openFolders } from "./folders.ts";
import { openLayers } from "./layers.ts";
import { openPool } from "./pool.ts";
import { openReading } from "./reading.ts";
import { openUploads } from "./uploads.ts";

/** Opens (or makes) the store in `root`. Faults: full, busy store. */
export function openFsStore(root: string): Store {
  const folders = openFolders(root);
  const pool = openPool();
  const reading = openReading();
  return {
    blobs: {
      open: (key) => reading.open(join(root, key)),
      async remove(key) {
        reading.forget(join(root, key));
        await unlink(join(root, key)).catch((error) => {
          if (!isMissing(error)) throw toFault(error);
        });
      },
    },
    uploads: openUploads(root, pool, folders.ready),
    layers: openLayers(root, pool),
    async close() {
      await folders.ready().catch(() => undefined);
      pool.close();
    },
  };
}
