// Pushes with many clients, kills the server at a random moment, starts it again, and compares all that was acknowledged.
//   bun test/faults/kill.ts [ROUNDS] [SEED] [--database URL] [--workers N]
// SIGKILL leaves the page cache alone: that bytes reach the disk in the right order is what trace.test.ts shows.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { compare } from "./comparison.ts";
import { findLeftovers } from "./leftovers.ts";
import { openRandom, type Random } from "./random.ts";
import { openClient } from "./registry-client.ts";
import { spawnServer, startServer } from "./server.ts";
import { type Belongings, openBelongings, work } from "./workload.ts";
import { openWorld, type World } from "./world.ts";

const clients = 12;
const wholeEvery = 10;
const maxShownWrongs = 40;
const recoveryMilliseconds = 10_000;

interface Run {
  readonly folder: string;
  /** The URL of a PostgreSQL database; undefined where the names are in the folder. */
  readonly database: string | undefined;
  readonly workers: string;
  readonly world: World;
  readonly belongings: readonly Belongings[];
}

const flagsOf = ({ database, workers }: Run) => [
  ...(database === undefined ? [] : ["--database", database]),
  ...["--workers", workers],
];
const start = (run: Run) => startServer(run.folder, { flags: flagsOf(run) });

/** What is left over. With PostgreSQL the server puts things right while it serves, for other nodes may be at work. */
async function waitForLeftovers({ folder, database }: Run): Promise<string[]> {
  const until = performance.now() + (database === undefined ? 0 : recoveryMilliseconds);
  let leftovers = await findLeftovers(folder, database);
  while (leftovers.length > 0 && performance.now() < until) {
    await Bun.sleep(50);
    leftovers = await findLeftovers(folder, database);
  }
  return leftovers;
}

/** Clients work on a server until it is killed. */
async function disturb(run: Run, random: Random): Promise<void> {
  const { world, belongings } = run;
  const server = await start(run);
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
async function disturbStart(run: Run, random: Random): Promise<void> {
  const server = spawnServer(run.folder, { flags: flagsOf(run) });
  await Bun.sleep(random.between(1, 120));
  await server.kill();
}

/** Starts the server and looks at everything; returns how many things that were. */
async function inspect(run: Run, random: Random, isWhole: boolean): Promise<number> {
  const { world } = run;
  const server = await start(run);
  world.wrongs.push(...(await waitForLeftovers(run)));
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

async function main(
  rounds: number,
  seed: number,
  { database, workers }: Pick<Run, "database" | "workers">,
): Promise<number> {
  process.stdout.write(`${rounds} kills with ${clients} clients, seed ${seed}\n`);
  const random = openRandom(seed);
  const folder = await mkdtemp(join(tmpdir(), "berth-kill-"));
  const world = openWorld();
  const belongings = Array.from({ length: clients }, openBelongings);
  const run: Run = { folder, database, workers, world, belongings };
  let failed = 0;
  let looked = 0;
  for (let round = 1; round <= rounds; round++) {
    const before = world.wrongs.length;
    await disturb(run, random);
    if (random.chance(0.2)) await disturbStart(run, random);
    looked += await inspect(run, random, round % wholeEvery === 0 || round === rounds);
    if (round === rounds) world.wrongs.push(...(await restartOnce(run)));
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
async function restartOnce(run: Run): Promise<string[]> {
  const server = await start(run);
  const leftovers = await waitForLeftovers(run);
  await server.kill();
  return leftovers;
}

const options = { database: { type: "string" }, workers: { type: "string", default: "1" } } as const;
const { values, positionals } = parseArgs({ options, allowPositionals: true });
const [rounds = "200", seed = String(crypto.getRandomValues(new Uint32Array(1))[0])] = positionals;
process.exit(await main(Number(rounds), Number(seed), { database: values.database, workers: values.workers }));
