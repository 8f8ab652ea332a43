// bench/seed: makes a store as large as one that has grown for years, which /v2/ serves.
//   bun bench/seed/index.ts --data DIR [--database URL] [--scale 1]
// A scale of 1 is 100,000 repositories, 1,000,000 manifests, 10,000,000 tags. DIR, and the database at URL, must be new.
import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { findServers } from "../servers.ts";
import { fillPostgres, fillSqlite } from "./fill.ts";
import { type Size, sizeOf } from "./rows.ts";

/** Makes the tables by starting Berth once, then fills them. Without `database`, SQLite in `folder`. */
export async function seedStore(folder: string, database: string | undefined, size: Size): Promise<void> {
  const berth = (await findServers()).servers[0];
  if (berth === undefined) throw new Error("there is no Berth");
  mkdirSync(folder, { recursive: true });
  const running = await berth.start(folder, { flags: database === undefined ? [] : ["--database", database] });
  await running.stop();
  if (database === undefined) fillSqlite(join(folder, "berth.db"), size);
  else await fillPostgres(database, size);
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: { data: { type: "string" }, database: { type: "string" }, scale: { type: "string", default: "1" } },
  });
  if (values.data === undefined) throw new Error("--data says in which folder");
  const size = sizeOf(Number(values.scale));
  const begun = performance.now();
  await seedStore(resolve(values.data), values.database, size);
  const { repositories, manifestsOfEach, tagsOfEach } = size;
  process.stdout.write(
    `${repositories} repositories, ${repositories * manifestsOfEach} manifests, ${repositories * tagsOfEach} tags: ${((performance.now() - begun) / 1000).toFixed(0)} s\n`,
  );
}
