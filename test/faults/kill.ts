// Pushes with many clients, kills the server at a random moment, starts it again, and compares all that was acknowledged.
//   bun test/faults/kill.ts [ROUNDS] [SEED]
// SIGKILL leaves the page cache alone: that bytes reach the disk in the right order is what trace.test.ts shows.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compare } from "./comparison.ts";
import { openLedger } from "./ledger.ts";
import { findLeftovers } from "./leftovers.ts";
import { openRandom, type Random } from "./random.ts";
import { openClient } from "./registry-client.ts";
import { spawnServer, startServer } from "./server.ts";
import { type Belongings, work } from "./workload.ts";
import type { World } from "./world.ts";

const clients = 12;
const wholeEvery = 10;
const maxShownWrongs = 40;

interface Run {
  readonly folder: string;
  readonly world: World;
  readonly belongings: readonly Belongings[];
}

/** Clients work on a server until it is killed. */
async function disturb({ folder, world, belongings }: Run, random: Random): Promise<void> {
  const server = await startServer(folder);
  const client = openClient(server.url);
  let isOver = false;
  const working = belongings.map((own, i) =>
    work({ world, client, random: random.fork(i), name: `c${i}`, isOver: () => isOver }, own),
  );
  await Bun.sleep(random.chance(0.2) ? random.between(1, 60) : random.between(60, 1_500));
  isOver = true;
  await server.kill();
  await Promise.all(working);
  if (/"level":(?:50|60)/.test(server.log()))
    world.wrongs.push(`the server logged an error: ${server.log().slice(0, 2_000)}`);
}

/** Kills a server while it starts. */
async function disturbStart({ folder }: Run, random: Random): Promise<void> {
  const server = spawnServer(folder);
  await Bun.sleep(random.between(1, 120));
  await server.kill();
}

/** Starts the server and looks at everything; returns how many things that were. */
async function inspect({ folder, world }: Run, random: Random, isWhole: boolean): Promise<number> {
  const server = await startServer(folder);
  world.wrongs.push(...(await findLeftovers(folder)));
  const looked = await compare(world, openClient(server.url), random, isWhole);
  if (random.chance(0.5)) {
    await server.kill();
    return looked;
  }
  server.signal("SIGTERM");
  const how = await server.ended;
  if (how !== 0) world.wrongs.push(`SIGTERM ended the server with ${how}`);
  return looked;
}

async function main(rounds: number, seed: number): Promise<number> {
  process.stdout.write(`${rounds} kills with ${clients} clients, seed ${seed}\n`);
  const random = openRandom(seed);
  const folder = await mkdtemp(join(tmpdir(), "berth-kill-"));
  const repositories = ["one", "two/three", "four/five/six"];
  const world: World = {
    ledger: openLedger(),
    repositories,
    manifests: new Map(),
    keepers: [],
    uploads: new Set(),
    wrongs: [],
    acknowledged: 0,
  };
  const belongings = Array.from({ length: clients }, () => ({ manifests: [], looseBlobs: [], tags: 1 }));
  const run: Run = { folder, world, belongings };
  let failed = 0;
  let looked = 0;
  for (let round = 1; round <= rounds; round++) {
    const before = world.wrongs.length;
    await disturb(run, random);
    if (random.chance(0.2)) await disturbStart(run, random);
    looked += await inspect(run, random, round % wholeEvery === 0 || round === rounds);
    if (round === rounds) world.wrongs.push(...(await restartOnce(folder)));
    const wrongs = world.wrongs.slice(before);
    if (wrongs.length > 0) failed++;
    for (const wrong of wrongs.slice(0, maxShownWrongs)) process.stdout.write(`round ${round}: ${wrong}\n`);
    if (round % wholeEvery === 0) process.stdout.write(`round ${round}: ${world.acknowledged} changes acknowledged\n`);
  }
  process.stdout.write(
    `${rounds} kills, ${world.acknowledged} changes acknowledged, ${looked} things compared, ${world.wrongs.length} lost or wrong, seed ${seed}\n`,
  );
  if (failed === 0) await rm(folder, { recursive: true });
  else process.stdout.write(`the data folder stays in ${folder}\n`);
  process.stdout.write(`${rounds - failed} passed, ${failed} failed\n`);
  return failed === 0 ? 0 : 1;
}

/** One more start: what is left over then stays forever. */
async function restartOnce(folder: string): Promise<string[]> {
  const server = await startServer(folder);
  const leftovers = await findLeftovers(folder);
  await server.kill();
  return leftovers;
}

const [rounds = "200", seed = String(crypto.getRandomValues(new Uint32Array(1))[0])] = process.argv.slice(2);
process.exit(await main(Number(rounds), Number(seed)));
