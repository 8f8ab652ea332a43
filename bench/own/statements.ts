// How many SQL statements a request takes: counted in the log of a PostgreSQL that writes down every statement.
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { SQL } from "bun";
import { openCluster } from "../../test/postgres/cluster.ts";
import { type Workshop, withServer } from "./workshop.ts";

const warmUp = 3;
const settleMilliseconds = 300;
const shownCharacters = 70;

/**
 * The statements of a GET of each path that `prepare` returns, once it has been asked for a few times; undefined where
 * there is no PostgreSQL. What the server asks by itself meanwhile would be counted too.
 */
export async function countStatements(
  shop: Workshop,
  prepare: (origin: string) => Promise<readonly string[]>,
): Promise<readonly (readonly string[])[] | undefined> {
  const cluster = await openCluster().catch((error: unknown) => {
    shop.book.miss(`SQL statements were not counted: ${error instanceof Error ? error.message : error}.`);
    return undefined;
  });
  if (cluster === undefined) return undefined;
  const sql = new SQL(cluster.url("postgres"), { adapter: "postgres", max: 1 });
  try {
    await sql.unsafe("alter system set log_statement = 'all'");
    await sql.unsafe("select pg_reload_conf()");
    const [row] = await sql.unsafe("show data_directory");
    const log = join(dirname(String(row.data_directory)), "log");
    const url = await cluster.makeDatabase();
    return await withServer(shop, ["--database", url], async ({ origin }) => {
      const paths = await prepare(origin);
      const counts: string[][] = [];
      for (const path of paths) counts.push(await listStatements(`${origin}${path}`, log));
      return counts;
    });
  } finally {
    await sql.close();
    await cluster.remove();
  }
}

/** The beginnings of the statements while one GET is answered. */
async function listStatements(url: string, log: string): Promise<string[]> {
  for (let i = 0; i < warmUp; i++) await (await fetch(url)).arrayBuffer();
  await Bun.sleep(settleMilliseconds);
  const before = readFileSync(log, "utf8").length;
  const answer = await fetch(url);
  await answer.arrayBuffer();
  if (!answer.ok) throw new Error(`GET ${url}: ${answer.status}`);
  await Bun.sleep(settleMilliseconds);
  const lines = readFileSync(log, "utf8").slice(before).split("\n");
  return lines.flatMap((line) => {
    const statement = /LOG: {2}(?:execute [^:]*|statement): (.*)/.exec(line)?.[1];
    return statement === undefined ? [] : [statement.slice(0, shownCharacters)];
  });
}
