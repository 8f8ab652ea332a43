// Every PostgreSQL database that an earlier Berth left, with its data folder, is opened by this one and pulled from.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { cp, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startServer } from "../server.ts";
import { compare } from "../upgrade/content.ts";
import { type Cluster, clusterMilliseconds, openCluster } from "./cluster.ts";

const kept = join(import.meta.dir, "..", "upgrade");
const formats = (await readdir(kept)).filter((name) => name.startsWith("postgres-"));
let cluster: Cluster;

beforeAll(async () => {
  cluster = await openCluster();
}, clusterMilliseconds);
afterAll(() => cluster.remove());

test("there are kept databases", () => {
  expect(formats).not.toBeEmpty();
});

for (const format of formats) {
  test(`${format} is opened, pulled from, and its upload goes on`, async () => {
    const data = await mkdtemp(join(tmpdir(), "berth-upgrade-"));
    await cp(join(kept, format, "data"), data, { recursive: true });
    const database = await cluster.makeDatabase();
    await cluster.load(database, join(kept, format, "database.sql"));
    const server = await startServer({ data, flags: ["--database", database, "--upload-idle", "36500d"] });
    try {
      const written = await Bun.file(join(kept, format, "kept.json")).json();
      expect(await compare(server.url, written)).toEqual([]);
    } finally {
      await server.stop();
      await rm(data, { recursive: true });
    }
  });
}
