// What a process keeps in memory is never older than what has been acknowledged, by it or by another worker.
import { expect, test } from "bun:test";
import { findStaleAt } from "../freshness.ts";
import { startServer } from "../server.ts";

for (const workers of ["1", "2"]) {
  test(`the first read after a write sees it, while many read (workers: ${workers})`, async () => {
    const server = await startServer({ flags: ["--workers", workers, "--log-requests", "false"] });
    try {
      expect(await findStaleAt([server.url], 15)).toEqual([]);
    } finally {
      await server.stop();
    }
  }, 120_000);
}
