// A registry of its own in a temporary folder, for tests of this room and of the doors: SQLite without syncs, a store in
// files or in memory, and a clock that stands still until it is moved.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openAccess } from "#access";
import { openFsStore, openMemoryStore, type Store } from "#blobs";
import { type Db, openSqlite } from "#db";
import { openRegistry, type Registry, type RegistrySettings } from "./index.ts";

export interface TestRegistryOptions {
  readonly store?: "fs" | "memory";
  readonly settings?: Partial<RegistrySettings>;
}

export interface TestRegistry {
  readonly registry: Registry;
  readonly db: Db;
  readonly store: Store;
  /** Where the files of the store are. */
  readonly blobsFolder: string;
  /** Moves the clock on. */
  pass(milliseconds: number): void;
  now(): number;
  /** Closes everything and opens it again on the same folder. */
  restart(): Promise<TestRegistry>;
  /** Closes everything and removes the folder. */
  remove(): Promise<void>;
}

const firstMoment = Date.UTC(2026, 0, 1);

export async function openTestRegistry(options: TestRegistryOptions = {}): Promise<TestRegistry> {
  return openIn(await mkdtemp(join(tmpdir(), "berth-registry-")), firstMoment, options);
}

async function openIn(folder: string, moment: number, options: TestRegistryOptions): Promise<TestRegistry> {
  const { store: kind = "memory", settings = {} } = options;
  let now = moment;
  const blobsFolder = join(folder, "blobs");
  const db = await openSqlite({
    file: join(folder, "berth.db"),
    writer: () => new Worker(new URL("../writer.ts", import.meta.url).href),
    synchronous: "off",
  });
  const store = kind === "fs" ? openFsStore(blobsFolder) : openMemoryStore();
  const registry = await openRegistry({
    db,
    store,
    access: openAccess({ open: true }),
    clock: { now: () => now },
    settings,
  });
  await registry.recover();
  const close = async () => {
    await store.close();
    await db.close();
  };
  return {
    registry,
    db,
    store,
    blobsFolder,
    pass: (milliseconds) => {
      now += milliseconds;
    },
    now: () => now,
    async restart() {
      await close();
      return openIn(folder, now, options);
    },
    async remove() {
      await close();
      await rm(folder, { recursive: true });
    },
  };
}
