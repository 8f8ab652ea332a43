// What every comparison needs: servers on folders of their own, one image in each.
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { makeSmallImage } from "../content.ts";
import { openConnection } from "../load/connection.ts";
import { pushImage } from "../load/pushing.ts";
import type { Machine } from "../machine.ts";
import { repository } from "../measures/measure.ts";
import type { Options } from "../options.ts";
import type { Running } from "../processes.ts";
import { type Server, tag } from "../servers.ts";
import { countGets, getToWarm, loadNumbers, pushToWarm } from "../tools.ts";
import type { Book } from "./comparison.ts";

export interface Workshop {
  readonly berth: Server;
  readonly folder: string;
  readonly options: Options;
  readonly machine: Machine;
  readonly book: Book;
}

export const pushingClients = 32;
export const pushedRepositories = 200;

/** Serves from a new folder while `work` runs, and removes it. */
export async function withServer<Result>(
  { berth, folder }: Workshop,
  flags: readonly string[],
  work: (running: Running) => Promise<Result>,
): Promise<Result> {
  const place = join(folder, "own");
  mkdirSync(place, { recursive: true });
  const running = await berth.start(place, { flags });
  try {
    return await work(running);
  } finally {
    await running.stop();
    rmSync(place, { recursive: true, force: true });
  }
}

export interface Rates {
  readonly gets: number;
  readonly pushes: number;
}

/** Manifest GETs and small pushes per second of a server that holds nothing else. */
export async function measureRates(shop: Workshop, { port, origin }: Running): Promise<Rates> {
  const { seconds } = shop.options;
  const connection = await openConnection(port);
  await pushImage(connection, repository, tag, makeSmallImage("own"));
  connection.close();
  const url = `${origin}/v2/${repository}/manifests/${tag}`;
  await getToWarm(url);
  await shop.machine.settle(false);
  const gets = await countGets(url, seconds);
  await pushToWarm(port);
  await shop.machine.settle(true);
  const [pushes = Number.NaN] = await loadNumbers("images", port, pushingClients, pushedRepositories, seconds);
  return { gets, pushes };
}
