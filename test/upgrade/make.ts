// Makes the data folder that later tests open: `bun test/upgrade/make.ts FORMAT [FLAG...]`. Run it once for a new format,
// and commit what it writes: test/upgrade/FORMAT. For PostgreSQL give --database, and keep a dump beside it.
// The folders that end in -images were filled by the last Berth of their format with what `fillImages` pushes, too.
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { startServer } from "../server.ts";
import { fill } from "./content.ts";
import { fillChains, fillImages, readV1 } from "./v1-content.ts";

const [format = "", ...flags] = process.argv.slice(2);
const folder = join(import.meta.dir, format);
const server = await startServer({ data: join(folder, "data"), flags });
try {
  const kept = await fill(server.url);
  await fillImages(server.url);
  const v1 = await readV1(server.url, await fillChains(server.url));
  await writeFile(join(folder, "kept.json"), `${JSON.stringify({ ...kept, v1 }, null, 2)}\n`);
} finally {
  await server.stop();
}
for (const spare of ["lock", "berth.db-shm", "berth.db-wal"]) await rm(join(folder, "data", spare), { force: true });
