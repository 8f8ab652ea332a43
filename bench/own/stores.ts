// A store that has grown for years beside a small one of the same shape: one page, tag or repository that is asked for again and
// again, and what is spread over all of it. The small one may answer the latter from memory as well.
import { createReadStream, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Cluster, openCluster } from "../../test/postgres/cluster.ts";
import { say } from "../machine.ts";
import { familyOf, type Running, residentBytes } from "../processes.ts";
import { seedStore } from "../seed/index.ts";
import { pathOf, type Size, sizeOf, tagOf } from "../seed/rows.ts";
import { countGets, loadNumber } from "../tools.ts";
import type { Comparison } from "./comparison.ts";
import { pushingClients, type Workshop } from "./workshop.ts";

const smallScale = 0.002;
/** Of a run that asks for these rows by name and not for a size. */
const usualScale = 0.1;
const page = 100;
const readBytes = 2 ** 20;
const times = 1.3;

/** What is measured of both, by the name in its row. */
const rates = [
  "tags page, n=100, one repository",
  "tags page, n=100, any repository",
  "catalog page, n=100, one place",
  "catalog page, n=100, anywhere",
  "manifest GET, one tag",
  "manifest GET, any tag",
  "tag PUT, one repository",
  "tag PUT, any repository",
] as const;
type Rate = (typeof rates)[number];

interface Figures {
  readonly start: number;
  readonly memory: number;
  readonly rates: Readonly<Record<Rate, number>>;
  readonly processes: number;
}

interface Engine {
  readonly name: string;
  comparisons(): Readonly<Record<Rate | "start" | "memory", Comparison>>;
}

function engineOf(name: string): Engine {
  const sides = { base: "small store", other: "large store" };
  const rate = (what: Rate): Comparison => ({
    name: `${what}, ${name}`,
    unit: "requests/s",
    ...sides,
    ratio: 1 / times,
  });
  return {
    name,
    comparisons: () => ({
      ...forEachRate(rate),
      start: { name: `start to first answer, seeded store, ${name}`, unit: "ms", ...sides, ratio: times },
      memory: { name: `memory: seeded store open, ${name}`, unit: "MiB", ...sides, more: 60 },
    }),
  };
}

function forEachRate<Value>(make: (what: Rate) => Value): Record<Rate, Value> {
  return Object.fromEntries(rates.map((what) => [what, make(what)])) as Record<Rate, Value>;
}

export async function compareStores(shop: Workshop): Promise<void> {
  const { options, book } = shop;
  const isNamed = options.only.source !== "(?:)";
  const scale = options.seed > 0 ? options.seed : isNamed ? usualScale : 0;
  const wanted = [engineOf("SQLite"), engineOf("PostgreSQL")].filter((engine) =>
    book.wants(...Object.values(engine.comparisons())),
  );
  if (wanted.length === 0) return;
  if (scale === 0) {
    book.miss(
      "The rows of a large store were left out: --seed 1 makes one of 10,000,000 tags, --seed 0.1 one of a tenth.",
    );
    return;
  }
  const { repositories } = sizeOf(scale);
  book.note(
    `The large store: ${repositories.toLocaleString("en-US")} repositories with 10 manifests and 100 tags each, made by bench/seed; the small one: ${sizeOf(smallScale).repositories} such.`,
  );
  for (const engine of wanted) await compareEngine(shop, engine, sizeOf(scale));
}

interface Store {
  readonly folder: string;
  /** Where the files of its database are. */
  readonly files: string;
  readonly flags: readonly string[];
  readonly size: Size;
}

async function compareEngine(shop: Workshop, { name, comparisons }: Engine, size: Size): Promise<void> {
  const { book, options, folder } = shop;
  const cluster: Cluster | undefined = name === "PostgreSQL" ? await openCluster() : undefined;
  const make = async (what: string, ofSize: Size): Promise<Store> => {
    const place = join(folder, `${what}-store`);
    const database = await cluster?.makeDatabase();
    say(`${name}: ${ofSize.repositories} repositories are made`);
    await seedStore(place, database, ofSize);
    return {
      folder: place,
      files: cluster?.folder ?? place,
      size: ofSize,
      flags: database === undefined ? [] : ["--database", database],
    };
  };
  try {
    const base = await make("small", sizeOf(smallScale));
    const other = await make("large", size);
    const rows = comparisons();
    for (let round = 0; round < options.rounds; round++) {
      const [of, beside] = [await measureStore(shop, other), await measureStore(shop, base)];
      const processes = `${of.processes} · ${beside.processes}`;
      book.add(rows.start, { base: beside.start, other: of.start, processes });
      book.add(rows.memory, { base: beside.memory, other: of.memory, processes });
      for (const rate of rates) book.add(rows[rate], { base: beside.rates[rate], other: of.rates[rate], processes });
    }
  } finally {
    await cluster?.remove();
    for (const what of ["small", "large"]) rmSync(join(folder, `${what}-store`), { recursive: true, force: true });
  }
}

async function measureStore({ berth, options, machine, folder: scratch }: Workshop, store: Store): Promise<Figures> {
  await machine.settle(false);
  await readThrough(store.files);
  const running = await berth.start(store.folder, { flags: store.flags });
  try {
    const memory = residentBytes(running.pid) / 2 ** 20;
    const processes = familyOf(running.pid).length;
    mkdirSync(scratch, { recursive: true });
    const figures = await measureStoreRates(running, store, { seconds: options.seconds, scratch });
    return { start: running.startMilliseconds, memory, processes, rates: figures };
  } finally {
    await running.stop();
  }
}

/** Has the system keep the files in memory, as those of a store in use are: what is measured is not how fast the disk seeks. */
async function readThrough(folder: string): Promise<void> {
  for (const path of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
    const file = join(folder, path);
    if (!statSync(file, { throwIfNoEntry: false })?.isFile()) continue;
    for await (const part of createReadStream(file, { highWaterMark: readBytes })) void part;
  }
}

async function measureStoreRates(
  { origin, port }: Running,
  { size: { repositories, tagsOfEach } }: Store,
  { seconds, scratch }: { readonly seconds: number; readonly scratch: string },
): Promise<Readonly<Record<Rate, number>>> {
  const repository = `local r = math.random(0, ${repositories - 1})`;
  const path = `string.format("seed-%04d/app-%06d", math.floor(r / 100), r)`;
  const ask = async (request: string) => {
    const script = join(scratch, "random.lua");
    writeFileSync(script, `math.randomseed(os.time())\nrequest = function()\n${request}\nend\n`);
    return countGets(`${origin}/v2/`, seconds, script);
  };
  const one = `/v2/${pathOf(repositories >> 1)}`;
  const put = (among: number) => loadNumber("tags", port, among, pushingClients, seconds);
  const takes: Readonly<Record<Rate, () => Promise<number>>> = {
    "tags page, n=100, one repository": () => countGets(`${origin}${one}/tags/list?n=${page}`, seconds),
    "tags page, n=100, any repository": () =>
      ask(`${repository}\nreturn wrk.format("GET", "/v2/" .. ${path} .. "/tags/list?n=${page}")`),
    "catalog page, n=100, one place": () => countGets(`${origin}/v2/_catalog?n=${page}`, seconds),
    "catalog page, n=100, anywhere": () =>
      ask(
        `local r = math.random(0, ${repositories - page - 1})\nreturn wrk.format("GET", "/v2/_catalog?n=${page}&last=" .. ${path})`,
      ),
    "manifest GET, one tag": () => countGets(`${origin}${one}/manifests/${tagOf(50)}`, seconds),
    "manifest GET, any tag": () =>
      ask(
        `${repository}\nreturn wrk.format("GET", "/v2/" .. ${path} .. string.format("/manifests/v%03d", math.random(0, ${tagsOfEach - 1})))`,
      ),
    "tag PUT, one repository": () => put(1),
    "tag PUT, any repository": () => put(repositories),
  };
  const figures = forEachRate(() => Number.NaN);
  for (const rate of rates) figures[rate] = await takes[rate]();
  return figures;
}
