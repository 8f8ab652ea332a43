// Brings a database to the format of this program: what is missing in one transaction, a copy of the file first.
import { Database } from "bun:sqlite";
import { systemClock } from "#lib/clock";
import { Fault } from "#lib/fault";
import { randomHex } from "#lib/id";
import { migrations, newestFormat } from "../migrations/index.ts";

/** The format of the database: 0 when it is new. */
function formatOf(database: Database): number {
  const known = database.query("select 1 from sqlite_master where type = 'table' and name = 'store'").get();
  if (known === null) return 0;
  return database.query<{ format: number }, []>("select format from store").get()?.format ?? 0;
}

/** The format of the database in `file`, which is only read. Rejects with SQLite's error. */
export function sqliteFormat(file: string): number {
  const database = new Database(file, { readonly: true });
  try {
    return formatOf(database);
  } finally {
    database.close();
  }
}

/** Runs what is missing. Fault: unsupported store (written by a newer Berth). */
export function migrateSqlite(database: Database, file: string): void {
  const format = formatOf(database);
  if (format > newestFormat) {
    throw new Fault(
      "unsupported",
      "store",
      `the database is of format ${format}, written by a newer Berth: this one knows up to ${newestFormat}`,
    );
  }
  const missing = migrations.filter(({ number }) => number > format);
  if (format > 0 && missing.length > 0)
    database.query("vacuum into ?").run(`${file}.before-${newestFormat}-${systemClock.now()}`);
  database.transaction(() => {
    for (const { number, sql, sqlite } of missing) {
      database.run(sql);
      if (sqlite !== undefined) database.run(sqlite);
      if (number === 1) {
        database
          .query("insert into store (format, id, created_at) values (1, ?, ?)")
          .run(randomHex(16), systemClock.now());
      }
      database.query("update store set format = ?").run(number);
    }
  })();
}
