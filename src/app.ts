// Builds everything once and connects it: the program's table of contents.
import { join } from "node:path";
import { openAccess } from "#access";
import { openFsStore } from "#blobs";
import { openSqlite } from "#db";
import { type Door, guard } from "#http/guard";
import { type Listening, listen } from "#http/listen";
import { every, systemClock } from "#lib/clock";
import type { Log } from "#lib/log";
import { openRegistry } from "#registry";
import type { Config } from "./config.ts";
import { faultAnswer, ociErrors, openOciDoor } from "./protocols/oci/index.ts";

export interface App {
  readonly listening: Listening;
  /** Stops accepting, lets requests end for `milliseconds`, checkpoints. */
  close(milliseconds: number): Promise<void>;
}

const expireMilliseconds = 60_000;

/** Opens the rooms in the data folder and serves. Faults: those of the store. */
export async function openApp({ listen: { host, port }, data }: Config, log: Log): Promise<App> {
  const clock = systemClock;
  const db = await openSqlite({
    file: join(data, "berth.db"),
    writer: () => new Worker(new URL("./writer.ts", import.meta.url).href),
  });
  const store = openFsStore(join(data, "blobs"));
  const registry = await openRegistry({ db, store, access: openAccess({ open: true }), clock });

  const door: Door = guard(openOciDoor(registry), ociErrors, log);
  const listening = await listen({ host, port, door, refusal: faultAnswer, clock, log });
  const expiring = every(expireMilliseconds, () =>
    registry.expireUploads().catch((error: unknown) => log.error({ err: error }, "idle uploads could not be ended")),
  );
  return {
    listening,
    async close(milliseconds) {
      expiring.stop();
      await listening.close(milliseconds);
      await store.close();
      await db.close();
    },
  };
}
