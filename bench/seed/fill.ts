// Rows into a database that Berth has made, in bulk and in one transaction: for measurements, so without syncs on the way.
import { Database } from "bun:sqlite";
import { SQL } from "bun";
import { type Size, type Table, tablesOf, type Value } from "./rows.ts";

const rowsOfStatement = 100;
const rowsOfLiteralStatement = 2000;

function* batches(table: Table, size: number): Generator<readonly (readonly Value[])[]> {
  let batch: (readonly Value[])[] = [];
  for (const row of table.rows()) {
    batch.push(row);
    if (batch.length < size) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

/** Fills the SQLite database in `file`, which no server has open. */
export function fillSqlite(file: string, size: Size): void {
  const database = new Database(file, { readwrite: true });
  database.run("pragma journal_mode = off");
  database.run("pragma synchronous = off");
  database.run("pragma foreign_keys = off");
  database.run("pragma cache_size = -1048576");
  database.run("begin exclusive");
  for (const table of tablesOf(size)) {
    const { name, columns } = table;
    const marks = `(${columns.map(() => "?").join(", ")})`;
    const insert = (count: number) =>
      database.prepare<unknown, Value[]>(
        `insert into ${name} (${columns.join(", ")}) values ${Array.from({ length: count }, () => marks).join(", ")}`,
      );
    const whole = insert(rowsOfStatement);
    for (const batch of batches(table, rowsOfStatement)) {
      const statement = batch.length === rowsOfStatement ? whole : insert(batch.length);
      statement.run(...batch.flat());
    }
  }
  database.run("commit");
  database.run("pragma journal_mode = wal");
  database.close();
}

/** Fills the PostgreSQL database at `url`. */
export async function fillPostgres(url: string, size: Size): Promise<void> {
  const sql = new SQL(url, { adapter: "postgres", max: 1 });
  try {
    await sql.begin(async (transaction) => {
      for (const table of tablesOf(size)) {
        const head = `insert into ${table.name} (${table.columns.join(", ")}) values `;
        for (const batch of batches(table, rowsOfLiteralStatement))
          await transaction.unsafe(head + batch.map((row) => `(${row.map(literalOf).join(",")})`).join(","));
        if (table.columns[0] === "id")
          await transaction.unsafe(
            `select setval(pg_get_serial_sequence('${table.name}', 'id'), (select max(id) from ${table.name}))`,
          );
      }
    });
    // As its own housekeeping would have done long ago.
    await sql.unsafe("vacuum analyze");
    await sql.unsafe("checkpoint");
  } finally {
    await sql.close();
  }
}

/** A value as PostgreSQL reads it. All texts are made here: none holds a backslash. */
function literalOf(value: Value): string {
  if (value === null) return "null";
  if (typeof value === "number") return String(value);
  if (typeof value === "string") return `'${value.replaceAll("'", "''")}'`;
  return `'\\x${value.toHex()}'`;
}
