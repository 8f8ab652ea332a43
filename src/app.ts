// Builds everything once and connects it: the program's table of contents.
import { join } from "node:path";
import { openAccess } from "#access";
import { openFsStore, type Store } from "#blobs";
import type { Db } from "#db";
import { every, sleep, systemClock } from "#lib/clock";
import type { Log } from "#lib/log";
import { openRegistry, type Registry } from "#registry";
import type { Config } from "./config.ts";

export interface House {
  readonly registry: Registry;
  close(): Promise<void>;
}

const expireMilliseconds = 60_000;

/** The rooms, around a database that may still be opening. Faults: those of the database; full, busy store. */
export async function openHouse(config: Config, opening: Promise<Db>): Promise<House> {
  const { db, store } = await openCellar(config, opening);
  const settings = { manifestsMissing: config["manifests-missing"], uploadIdleMilliseconds: config["upload-idle"] };
  const registry = await openRegistry({ db, store, access: openAccess({ open: true }), clock: systemClock, settings });
  const close = async () => {
    await store.close();
    await db.close();
  };
  return { registry, close };
}

/** The blob store makes its folders while the database is opened by its thread; what is wrong with the database goes first. */
async function openCellar({ data }: Config, opening: Promise<Db>): Promise<{ db: Db; store: Store }> {
  const make = async () => openFsStore(join(data, "blobs"));
  const [db, store] = await Promise.allSettled([opening, make()]);
  if (db.status === "rejected") throw db.reason;
  if (store.status === "fulfilled") return { db: db.value, store: store.value };
  await db.value.close();
  throw store.reason;
}

/** Puts right what a kill left, and ends idle uploads from now on: the work of one process. Faults: full, busy store. */
export async function keepHouse({ database }: Config, { registry }: House, log: Log): Promise<{ stop(): void }> {
  let isRecovered = false;
  const keep = async () => {
    if (!isRecovered) await registry.recover();
    isRecovered = true;
    await registry.expireUploads();
    await registry.settleTags();
  };
  const keepOrSay = () =>
    keep().catch((error: unknown) => log.error({ err: error }, "uploads could not be put in order: it is tried again"));
  // Other nodes may be at work on the same database: what they hold is waited for, but nobody waits for that.
  if (database === "sqlite") await keep();
  else void keepOrSay();
  void backfill(registry, log);
  return every(expireMilliseconds, keepOrSay);
}

/** Looks at what was pushed before v1 was spoken, in the background: what is left is asked for at the next start. */
async function backfill(registry: Registry, log: Log): Promise<void> {
  try {
    while (await registry.backfill()) await sleep(0);
  } catch (error) {
    log.warn({ err: error }, "older manifests could not all be looked at for v1 clients: the next start goes on");
  }
}
