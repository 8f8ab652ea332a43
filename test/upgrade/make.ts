// Makes the data folder that later tests open: `bun test/upgrade/make.ts FORMAT [FLAG...]`. Run it once for a new format,
// and commit what it writes: test/upgrade/FORMAT. For PostgreSQL give --database, and keep a dump beside it.
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { startServer } from "../server.ts";
import { fill } from "./content.ts";

const [format = "", ...flags] = process.argv.slice(2);
const folder = join(import.meta.dir, format);
const server = await startServer({ data: join(folder, "data"), flags });
try {
  await writeFile(join(folder, "kept.json"), `${JSON.stringify(await fill(server.url), null, 2)}\n`);
} finally {
  await server.stop();
}
for (const spare of ["lock", "berth.db-shm", "berth.db-wal"]) await rm(join(folder, "data", spare), { force: true });
