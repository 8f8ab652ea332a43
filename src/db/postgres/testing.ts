// Databases for tests, each made for one of them and removed after it.
import { SQL } from "bun";
import { randomHex } from "#lib/id";

export interface TestDatabase {
  readonly url: string;
  remove(): Promise<void>;
}

/** An empty database on the server at `server`, the URL of any database there whose user may make others. */
export async function makePostgresDatabase(server: string): Promise<TestDatabase> {
  const name = `berth_test_${randomHex(8)}`;
  const run = async (statement: string) => {
    const sql = new SQL(server, { adapter: "postgres", max: 1 });
    try {
      await sql.unsafe(statement);
    } finally {
      await sql.close();
    }
  };
  await run(`create database ${name}`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  return { url: url.href, remove: () => run(`drop database ${name} with (force)`) };
}
