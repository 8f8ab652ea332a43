// Bytes that nothing names, and names without bytes: the files of a data folder against the rows of its database.
import { Database } from "bun:sqlite";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { SQL } from "bun";

/** What the database says about the files. */
interface Rows {
  /** The size by key. */
  readonly sizes: Map<string, number>;
  readonly openUploads: ReadonlySet<string>;
  readonly isDamaged: boolean;
}

const stored = "select storage_key, size from blobs where storage_key is not null";
const open = "select id from uploads where state in ('open', 'finishing')";

/**
 * What is wrong with the data folder of a server that has just started and has no request under way. `database` is the URL
 * of its PostgreSQL database, if it has one.
 */
export async function findLeftovers(folder: string, database?: string): Promise<string[]> {
  const blobs = join(folder, "blobs");
  const { sizes, openUploads, isDamaged } = database === undefined ? readSqlite(folder) : await readPostgres(database);
  const wrongs: string[] = [];
  for (const key of await listKeys(blobs)) {
    const size = sizes.get(key);
    if (size === undefined) wrongs.push(`${key} is a file that no row names`);
    else if ((await stat(join(blobs, key))).size !== size) wrongs.push(`${key} is not ${size} bytes long`);
    sizes.delete(key);
  }
  for (const key of sizes.keys()) wrongs.push(`${key} is named by a row and is no file`);
  for (const id of await readdir(join(blobs, "uploads"))) {
    if (!openUploads.has(id)) wrongs.push(`uploads/${id} is a file of no open upload`);
  }
  if (isDamaged) wrongs.push("the database is damaged");
  return wrongs;
}

function readSqlite(folder: string): Rows {
  const database = new Database(join(folder, "berth.db"), { readonly: true });
  try {
    const blobs = database.query<{ storage_key: string; size: number }, []>(stored).all();
    const uploads = database.query<{ id: string }, []>(open).all();
    const integrity = database.query<{ integrity_check: string }, []>("pragma integrity_check").all();
    return {
      sizes: new Map(blobs.map(({ storage_key, size }) => [storage_key, size])),
      openUploads: new Set(uploads.map(({ id }) => id)),
      isDamaged: integrity[0]?.integrity_check !== "ok",
    };
  } finally {
    database.close();
  }
}

async function readPostgres(url: string): Promise<Rows> {
  const sql = new SQL(url, { adapter: "postgres", max: 1 });
  try {
    const blobs: { storage_key: string; size: string }[] = await sql.unsafe(stored);
    const uploads: { id: string }[] = await sql.unsafe(open);
    return {
      sizes: new Map(blobs.map(({ storage_key, size }) => [storage_key, Number(size)])),
      openUploads: new Set(uploads.map(({ id }) => id)),
      isDamaged: false,
    };
  } finally {
    await sql.close();
  }
}

async function listKeys(blobs: string): Promise<string[]> {
  const keys: string[] = [];
  for (const algorithm of ["sha256", "sha512"]) {
    for (const prefix of await readdir(join(blobs, algorithm))) {
      for (const name of await readdir(join(blobs, algorithm, prefix))) keys.push(`${algorithm}/${prefix}/${name}`);
    }
  }
  return keys;
}
