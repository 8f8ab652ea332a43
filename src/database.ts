// The database that the settings name. It stands apart from the rooms: a start opens it before it loads them.
import { join } from "node:path";
import {
  type Channel,
  type Db,
  newestFormat,
  openPostgres,
  openSqlite,
  openSqliteWorker,
  postgresFormat,
  type SharedDb,
  sqliteFormat,
} from "#db";
import type { Config } from "./config.ts";

/** The database of the process that owns it: it is made and migrated. Faults: conflict, unsupported, full, busy store. */
export function openDatabase({ data, database }: Config): Promise<Db | SharedDb> {
  if (database !== "sqlite") return openPostgres({ url: database });
  const writer = () => new Worker(new URL("./writer.ts", import.meta.url).href);
  return openSqlite({ file: databaseFile(data), writer });
}

/** The database in a worker process, whose parent owns it. */
export async function openWorkerDatabase({ data, database }: Config, channel: Channel): Promise<Db> {
  if (database !== "sqlite") return openPostgres({ url: database, migrates: false });
  return openSqliteWorker(databaseFile(data), channel);
}

/** The format of the database, and that of this program. Rejects with the engine's error. */
export async function databaseFormat({ data, database }: Config): Promise<{ format: number; newest: number }> {
  const format = database === "sqlite" ? sqliteFormat(databaseFile(data)) : await postgresFormat(database);
  return { format, newest: newestFormat };
}

function databaseFile(data: string): string {
  return join(data, "berth.db");
}
