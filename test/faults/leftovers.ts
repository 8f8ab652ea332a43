// Bytes that nothing names, and names without bytes: the files of a data folder against the rows of its database.
import { Database } from "bun:sqlite";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";

interface StoredBlob {
  readonly storage_key: string;
  readonly size: number;
}

/** What is wrong with the data folder of a server that has just started and has no request under way. */
export async function findLeftovers(folder: string): Promise<string[]> {
  const blobs = join(folder, "blobs");
  const database = new Database(join(folder, "berth.db"), { readonly: true });
  try {
    const stored = database
      .query<StoredBlob, []>("select storage_key, size from blobs where storage_key is not null")
      .all();
    const sizes = new Map(stored.map(({ storage_key, size }) => [storage_key, size]));
    const open = database
      .query<{ id: string }, []>("select id from uploads where state in ('open', 'finishing')")
      .all();
    const uploads = new Set(open.map(({ id }) => id));
    const wrongs: string[] = [];
    for (const key of await listKeys(blobs)) {
      const size = sizes.get(key);
      if (size === undefined) wrongs.push(`${key} is a file that no row names`);
      else if ((await stat(join(blobs, key))).size !== size) wrongs.push(`${key} is not ${size} bytes long`);
      sizes.delete(key);
    }
    for (const key of sizes.keys()) wrongs.push(`${key} is named by a row and is no file`);
    for (const id of await readdir(join(blobs, "uploads"))) {
      if (!uploads.has(id)) wrongs.push(`uploads/${id} is a file of no open upload`);
    }
    const integrity = database.query<{ integrity_check: string }, []>("pragma integrity_check").all();
    if (integrity[0]?.integrity_check !== "ok") wrongs.push(`the database is damaged: ${JSON.stringify(integrity)}`);
    return wrongs;
  } finally {
    database.close();
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
