// Clients push while the server is killed, and while PostgreSQL goes away under it and comes back: meanwhile they are told
// to try again, then all is well without a restart, and nothing that was acknowledged is lost.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { compare } from "../faults/comparison.ts";
import { findLeftovers } from "../faults/leftovers.ts";
import { openRandom } from "../faults/random.ts";
import { openClient, type Reply } from "../faults/registry-client.ts";
import { home, startServer } from "../faults/server.ts";
import { eventually } from "../faults/sockets.ts";
import { openBelongings, work } from "../faults/workload.ts";
import { openWorld } from "../faults/world.ts";
import { type Cluster, clusterMilliseconds, openCluster } from "./cluster.ts";

const clients = 12;
const kills = 10;
const testMilliseconds = 240_000;
/** Nobody waits longer for an answer. */
const patienceMilliseconds = 20_000;

let cluster: Cluster;

beforeAll(async () => {
  cluster = await openCluster();
}, clusterMilliseconds);
afterAll(() => cluster.remove());

test(
  "a server that is killed loses nothing that was acknowledged",
  async () => {
    const words = ["test/faults/kill.ts", String(kills), "--database", await cluster.makeDatabase()];
    const { stdout } = await promisify(execFile)(process.execPath, words, { cwd: home });
    expect(stdout).toContain(`${kills} passed, 0 failed`);
  },
  testMilliseconds,
);

interface Outage {
  readonly name: string;
  readonly milliseconds: number;
  begin(): Promise<void>;
  end(): Promise<void>;
}

const outages: readonly Outage[] = [
  { name: "stops at once", milliseconds: 1_500, begin: () => cluster.stop("immediate"), end: () => cluster.start() },
  { name: "stops in order", milliseconds: 1_500, begin: () => cluster.stop("fast"), end: () => cluster.start() },
  { name: "restarts at once", milliseconds: 0, begin: () => cluster.stop("immediate"), end: () => cluster.start() },
  { name: "stands still", milliseconds: 12_000, begin: () => cluster.freeze(), end: () => cluster.thaw() },
];

const words = {
  oci: /^\{"errors":\[\{"code":"UNAVAILABLE","message":"[^"]+","detail":\{\}\}\]\}$/,
  v1: /^\{"error": "[^"]+"\}$/,
} as const;

/** What must be wrong about an answer of 503, in words. */
function wrongsOf({ headers, bytes }: Reply): string[] {
  const protocol = headers.has("x-docker-registry-version") ? "v1" : "oci";
  const text = new TextDecoder().decode(bytes);
  return [
    ...(headers.get("content-type") === "application/json" ? [] : [`Content-Type ${headers.get("content-type")}`]),
    ...(/^\d+$/.test(headers.get("retry-after") ?? "") ? [] : ["no Retry-After"]),
    ...(words[protocol].test(text) ? [] : [text]),
  ];
}

for (const flags of [[], ["--workers", "2"]]) {
  describe(`a server ${flags.join(" ")} whose PostgreSQL goes away`, () => {
    const seed = crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
    const random = openRandom(seed);
    const belongings = Array.from({ length: clients }, openBelongings);
    const world = openWorld();
    let folder: string;
    let database: string;
    let server: Awaited<ReturnType<typeof startServer>>;
    const start = () => startServer(folder, { flags: [...flags, "--database", database] });
    const probe = async (path: string) => (await fetch(server.url + path)).status;

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), "berth-outage-"));
      database = await cluster.makeDatabase();
      server = await start();
    });
    afterAll(async () => {
      await server.kill();
      await rm(folder, { recursive: true });
    });

    for (const { name, milliseconds, begin, end } of outages) {
      test(
        `when it ${name}, clients are told to try again, and nothing is lost`,
        async () => {
          const client = openClient(server.url, patienceMilliseconds);
          let busy = 0;
          let isOver = false;
          let backAt = 0;
          const isExcused = (what: string, reply: Reply, startedAt: number) => {
            if (reply.status !== 503 || startedAt > backAt) return false;
            busy++;
            world.wrongs.push(...wrongsOf(reply).map((wrong) => `${what}: 503 with ${wrong}`));
            return true;
          };
          const working = belongings.map(async (own, i) => {
            const session = { world, client, random: random.fork(i), name: `c${i}`, isOver: () => isOver, isExcused };
            while (!isOver) await work(session, own);
          });

          await Bun.sleep(700);
          backAt = Infinity;
          await begin();
          await Bun.sleep(milliseconds / 2);
          if (milliseconds > 0) expect(await probe("/readyz")).toBe(503);
          expect(await probe("/healthz")).toBe(200);
          await Bun.sleep(milliseconds / 2);
          await end();
          await eventually(async () => (await probe("/readyz")) === 200);
          backAt = performance.now();
          const before = world.acknowledged;
          await eventually(async () => world.acknowledged > before + 50);
          isOver = true;
          await Promise.all(working);

          const looked = await compare(world, client, random, true);
          expect({ seed, wrongs: world.wrongs }).toEqual({ seed, wrongs: [] });
          expect(looked).toBeGreaterThan(100);
          if (milliseconds > 0) expect(busy).toBeGreaterThan(0);
          expect(server.log()).not.toContain("a bug");
        },
        testMilliseconds,
      );
    }

    test("is stopped in order, and the next start leaves no file over", async () => {
      server.signal("SIGTERM");
      expect(await server.ended).toBe(0);
      server = await start();
      await eventually(async () => (await findLeftovers(folder, database)).length === 0);
      expect(await compare(world, openClient(server.url), random, true)).toBeGreaterThan(100);
      expect({ seed, wrongs: world.wrongs }).toEqual({ seed, wrongs: [] });
    }, 60_000);
  });
}
