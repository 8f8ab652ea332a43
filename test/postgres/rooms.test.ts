// All tests of the registry and of its doors once more, with their names in PostgreSQL: every query on both engines.
import { expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { openCluster } from "./cluster.ts";

const home = join(import.meta.dir, "..", "..");
const patienceMilliseconds = 300_000;

test(
  "the registry and its doors answer as they do on SQLite",
  async () => {
    const cluster = await openCluster();
    try {
      const child = spawn(process.execPath, ["test", "src/registry", "src/protocols"], {
        cwd: home,
        env: { ...process.env, BERTH_TEST_DATABASE: cluster.url("postgres") },
        stdio: ["ignore", "pipe", "pipe"],
      });
      let said = "";
      for (const stream of [child.stdout, child.stderr]) {
        stream.on("data", (part: Buffer) => {
          said += part.toString();
        });
      }
      const [code] = await once(child, "close");
      if (code !== 0) process.stderr.write(said);
      expect(code).toBe(0);
      expect(Number(/^ *(\d+) pass$/m.exec(said)?.[1])).toBeGreaterThan(100);
    } finally {
      await cluster.remove();
    }
  },
  patienceMilliseconds,
);
