// A registry of its own in a temporary folder, for tests of this room and of the doors: SQLite without syncs, a store in
// files or in memory, and a clock that stands still until it is moved. With BERTH_TEST_DATABASE, the URL of a PostgreSQL
// whose user may make databases, each has its names in a database of its own there.
import { Database } from "bun:sqlite";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SQL } from "bun";
import { type Access, openAccess } from "#access";
import { openFsStore, openMemoryStore, type Store } from "#blobs";
import { type Db, openPostgres, openSqlite } from "#db";
import { makePostgresDatabase } from "#db/testing";
import { openRegistry, type Registry, type RegistrySettings } from "./index.ts";

export interface TestRegistryOptions {
  readonly store?: "fs" | "memory";
  readonly settings?: Partial<RegistrySettings>;
  /** Who may do what; without it, everybody everything. */
  readonly access?: Access;
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
  /**
   * Another node on the same folder and names, closed with this one: with connections of its own on PostgreSQL; on SQLite,
   * which has one owner, it asks that one.
   */
  openNode(): Promise<{ readonly registry: Registry; readonly db: Db }>;
  /** Runs statements beside the registry, as an older version of it, or somebody at its database, would have. */
  execute(...statements: readonly string[]): Promise<void>;
  /** Closes everything and opens it again on the same folder. */
  restart(): Promise<TestRegistry>;
  /** Closes everything and removes the folder. */
  remove(): Promise<void>;
}

const firstMoment = Date.UTC(2026, 0, 1);

/** Where the files and the names of a registry are. */
interface Place {
  readonly folder: string;
  openDb(): Promise<Db>;
  /** For another node: `db`, where only one may own the names. */
  openNodeDb(db: Db): Promise<Db>;
  execute(statements: readonly string[]): Promise<void>;
  removeDb(): Promise<void>;
}

export async function openTestRegistry(options: TestRegistryOptions = {}): Promise<TestRegistry> {
  return openIn(await makePlace(), firstMoment, options);
}

async function makePlace(): Promise<Place> {
  const folder = await mkdtemp(join(tmpdir(), "berth-registry-"));
  const server = process.env["BERTH_TEST_DATABASE"];
  if (server !== undefined) {
    const { url, remove } = await makePostgresDatabase(server);
    const openDb = () => openPostgres({ url });
    return {
      folder,
      openDb,
      openNodeDb: openDb,
      execute: (statements) => executeOnPostgres(url, statements),
      removeDb: remove,
    };
  }
  const file = join(folder, "berth.db");
  const writer = () => new Worker(new URL("../writer.ts", import.meta.url).href);
  return {
    folder,
    openDb: () => openSqlite({ file, writer, synchronous: "off" }),
    openNodeDb: async (db) => db,
    async execute(statements) {
      const database = new Database(file);
      for (const statement of statements) database.run(statement);
      database.close();
    },
    removeDb: async () => undefined,
  };
}

async function executeOnPostgres(url: string, statements: readonly string[]): Promise<void> {
  const sql = new SQL(url, { adapter: "postgres", max: 1 });
  for (const statement of statements) await sql.unsafe(statement);
  await sql.close();
}

async function openIn(place: Place, moment: number, options: TestRegistryOptions): Promise<TestRegistry> {
  const { store: kind = "memory", settings = {}, access = openAccess({ open: true }) } = options;
  let now = moment;
  const blobsFolder = join(place.folder, "blobs");
  const clock = { now: () => now };
  const openStore = () => (kind === "fs" ? openFsStore(blobsFolder) : openMemoryStore());
  const rooms = { access, clock, settings };
  const db = await place.openDb();
  const store = openStore();
  const registry = await openRegistry({ ...rooms, db, store });
  await registry.recover();
  const nodes: { readonly db: Db; readonly store: Store }[] = [];
  const close = async () => {
    for (const node of nodes) {
      await node.store.close();
      if (node.db !== db) await node.db.close();
    }
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
    async openNode() {
      const node = { db: await place.openNodeDb(db), store: kind === "fs" ? openStore() : store };
      nodes.push(node);
      return { db: node.db, registry: await openRegistry({ ...rooms, ...node }) };
    },
    execute: (...statements) => place.execute(statements),
    async restart() {
      await close();
      return openIn(place, now, options);
    },
    async remove() {
      await close();
      await place.removeDb();
      await rm(place.folder, { recursive: true });
    },
  };
}
