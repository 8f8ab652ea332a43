// What a process keeps in memory is never older than what has been acknowledged, by it, by another worker or by another
// server on the same PostgreSQL.
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { findStaleAt } from "../freshness.ts";
import { startServer, type TestServer } from "../server.ts";
import { type Cluster, clusterMilliseconds, openCluster } from "./cluster.ts";

setDefaultTimeout(180_000);

let cluster: Cluster;
beforeAll(async () => {
  cluster = await openCluster();
}, clusterMilliseconds);
afterAll(() => cluster.remove());

for (const [what, workers, count] of [
  ["one server", "1", 1],
  ["one server with two workers", "2", 1],
  ["two servers", "1", 2],
] as const) {
  test(`the first read after a write sees it, while many read (${what})`, async () => {
    const flags = ["--database", await cluster.makeDatabase(), "--workers", workers, "--log-requests", "false"];
    const servers: TestServer[] = [];
    try {
      // On one data folder: what is not small is in files.
      while (servers.length < count)
        servers.push(await startServer({ flags, ...(servers[0] && { data: servers[0].data }) }));
      expect(
        await findStaleAt(
          servers.map(({ url }) => url),
          15,
        ),
      ).toEqual([]);
    } finally {
      // The first one removes the folder.
      for (const server of servers.reverse()) await server.stop();
    }
  });
}
