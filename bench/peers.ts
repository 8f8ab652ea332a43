// Berth beside its peers: every server through every scene, round by round.
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { makeCertificate } from "./certificate.ts";
import { makeBlob, makeConfig, makeImage } from "./content.ts";
import { type Machine, say, sentenceOf } from "./machine.ts";
import { listMeasures } from "./measures/index.ts";
import { listedRepositories, listedTags } from "./measures/lists.ts";
import { type Measure, pulledRepository, repository, type Scene, type Setting, scenes } from "./measures/measure.ts";
import type { Options } from "./options.ts";
import { familyOf, findProgram, type Running } from "./processes.ts";
import { findServers, type Server, tag, type Way } from "./servers.ts";
import { countSyncs, type Syncs } from "./syncs.ts";
import { getToWarm, load, pushToWarm } from "./tools.ts";

/** What each server reached in each round, by row and server name. */
export type Figures = ReadonlyMap<string, ReadonlyMap<string, readonly number[]>>;

export interface PeersRun {
  readonly servers: readonly Server[];
  readonly measures: readonly Measure[];
  readonly figures: Figures;
  /** With how many processes each server served, by row and server name. */
  readonly processes: ReadonlyMap<string, ReadonlyMap<string, number>>;
  readonly syncs: ReadonlyMap<string, Syncs>;
  readonly missing: readonly string[];
}

const largeBytes = 2 ** 30;

async function makeSetting({ seconds }: Options, folder: string): Promise<Setting> {
  const layers = [makeBlob(10 * 1024, "small"), makeBlob(2 ** 20, "middle"), makeBlob(largeBytes, "large")];
  const pulled = Array.from({ length: 5 }, (_, i) => makeBlob(2 ** 20, `layer ${i}`));
  return {
    image: makeImage(makeConfig(1024, "image", layers), layers),
    pulled: makeImage(makeConfig(1024, "pulled", pulled), pulled),
    seconds,
    largeBytes,
    certificate: await makeCertificate(folder),
  };
}

/** All figures that the options ask for. */
export async function measurePeers(options: Options, folder: string, machine: Machine): Promise<PeersRun> {
  const setting = await makeSetting(options, folder);
  const found = await findServers();
  const servers = found.servers.filter(({ name }) => options.servers.test(name));
  const asked = listMeasures(setting).filter(({ rows }) => rows.some(({ name }) => options.only.test(name)));
  const measures = asked.filter(({ needs }) => needs === undefined || findProgram(needs) !== undefined);
  const missing = [
    ...found.missing,
    ...asked
      .filter((measure) => !measures.includes(measure))
      .map(({ rows, needs }) => `${rows[0]?.name} was left out: no program ${needs}.`),
  ];
  for (const each of missing) say(each);
  const figures = new Map(measures.flatMap(({ rows }) => rows).map((row) => [row.name, new Map<string, number[]>()]));
  const processes = new Map([...figures.keys()].map((name) => [name, new Map<string, number>()]));
  const syncs = new Map<string, Syncs>();
  const failed: string[] = [];
  const placeOf = ({ name }: Server, what: string) => join(folder, `${name.replaceAll(" ", "-")}-${what}`);

  const visit = async (server: Server, scene: Scene, round: number): Promise<void> => {
    const mine = measures.filter((each) => each.scene === scene && round < (each.rounds ?? options.rounds));
    if (mine.length === 0 || round >= server.rounds || !takesPart(server, scene)) return;
    const place = placeOf(server, scene === "lists" || scene === "new" ? scene : "image");
    await prepare(server, scene, place, setting);
    const way = wayOf(scene, setting);
    let running = await server.start(place, way);
    const restart = async () => {
      await running.stop();
      running = await server.start(place, way);
      return running;
    };
    try {
      await warmUp(running, scene);
      for (const measure of mine) {
        await machine.settle(scene === "new");
        const begun = performance.now();
        const taken = await measure
          .take({ server, folder: place, running: () => running, restart })
          .catch((error: unknown) => {
            failed.push(`${server.name}, ${measure.rows[0]?.name}: ${sentenceOf(error)}`);
            say(failed.at(-1) ?? "");
            return undefined;
          });
        if (taken === undefined) continue;
        const seconds = ((performance.now() - begun) / 1000).toFixed(1);
        for (const [i, { name, unit }] of measure.rows.entries()) {
          const figure = taken[i] ?? Number.NaN;
          const byServer = figures.get(name);
          byServer?.set(server.name, [...(byServer.get(server.name) ?? []), figure]);
          processes.get(name)?.set(server.name, familyOf(running.pid).length);
          say(`${server.name}: ${name} ${figure.toPrecision(4)} ${unit} (${seconds} s)`);
        }
      }
    } finally {
      await running.stop();
      if (scene === "new") rmSync(place, { recursive: true, force: true });
    }
  };

  const remove = (what: string) => {
    for (const server of servers) rmSync(placeOf(server, what), { recursive: true, force: true });
  };

  if (measures.some(({ rows }) => rows.some(({ unit }) => unit === "pushes/s")))
    for (const server of servers.filter(({ canPush }) => canPush)) {
      const counted = await countSyncsOf(server, placeOf(server, "syncs"), folder);
      if (counted !== undefined) syncs.set(server.name, counted);
    }
  for (let round = 0; round < options.rounds; round++) {
    if (measures.length === 0) break;
    say(`round ${round + 1} of ${options.rounds}`);
    if (measures.some(({ scene }) => scene === "new")) await machine.measureDisk();
    // Each round begins with another server, so that none always runs behind the same one.
    const order = [...servers.slice(round % servers.length), ...servers.slice(0, round % servers.length)];
    for (const scene of scenes) for (const server of order) await visit(server, scene, round);
    remove("image");
  }
  remove("lists");
  return { servers, measures, figures, processes, syncs, missing: [...missing, ...failed] };
}

async function warmUp({ origin, port }: Running, scene: Scene): Promise<void> {
  if (scene === "new") await pushToWarm(port);
  else if (scene !== "lists" && findProgram("wrk") !== undefined)
    await getToWarm(`${origin}/v2/${repository}/manifests/${tag}`);
}

function takesPart({ name, canPush }: Server, scene: Scene): boolean {
  if (scene === "logging") return name === "Berth";
  return canPush || scene === "image" || scene === "tls";
}

function wayOf(scene: Scene, { certificate }: Setting): Way {
  if (scene === "logging") return { logsRequests: true };
  return scene === "tls" ? { tls: certificate } : {};
}

/** Fills the folder of a scene, once. */
async function prepare(server: Server, scene: Scene, place: string, { image, pulled }: Setting): Promise<void> {
  const isNew = mkdirSync(place, { recursive: true }) !== undefined;
  if (!isNew || scene === "new") return;
  if (scene !== "lists") {
    const images = new Map([
      [repository, image],
      [pulledRepository, pulled],
    ]);
    await server.fill(place, images);
    return;
  }
  say(`${server.name}: ${listedRepositories} repositories and ${listedTags} tags are pushed`);
  const running = await server.start(place);
  await load("lists", running.port, listedRepositories, listedTags).finally(running.stop);
}

async function countSyncsOf(server: Server, place: string, folder: string): Promise<Syncs | undefined> {
  mkdirSync(place, { recursive: true });
  const running = await server.start(place);
  try {
    return await countSyncs(running, folder);
  } finally {
    await running.stop();
    rmSync(place, { recursive: true, force: true });
  }
}
