// zb, zot's load generator: what it asks for many at a time all succeeds. No package has it: it is looked for in the
// folder that BERTH_PEERS names, and without it there is nothing here to run.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { startServer, type TestServer } from "../server.ts";
import { record } from "./operations.ts";
import { openPrograms, type Programs } from "./programs.ts";

const zb = join(process.env["BERTH_PEERS"] ?? "", "zb");
const scenarios = [
  "Get Catalog",
  "Push Monolith 1MB",
  "Push Monolith 10MB",
  "Push Chunk Streamed 1MB",
  "Push Chunk Streamed 10MB",
  "Pull 1MB",
  "Pull 10MB",
  "Pull 75% and Push 25% Mixed 1MB",
];

let server: TestServer;
let programs: Programs;

beforeAll(async () => {
  programs = await openPrograms();
  server = await startServer();
});

afterAll(async () => {
  await server.stop();
  await programs.remove();
});

if (process.env["BERTH_PEERS"] === undefined || !existsSync(zb)) {
  console.log("zb is left out: BERTH_PEERS must name a folder that holds zb, built from cmd/zb of zotregistry.dev/zot");
} else {
  for (const scenario of scenarios) {
    test(`${scenario}: none of 40 requests, 8 at a time, fails`, async () => {
      const folder = join(programs.folder, scenario.replaceAll(/\W/g, "-"));
      await mkdir(folder);
      const named = ["--test-regex", `^${scenario}$`];
      const said = await programs.run(zb, "-c", "8", "-n", "40", "--working-dir", folder, ...named, server.url);
      expect(said).toMatch(/Complete requests: +40\n/);
      expect(said).toMatch(/Failed requests: +0\n/);
    }, 120_000);
  }

  test("All that it does was asked for", () => record("zb", "push", "pull", "push in chunks", "list repositories"));
}
