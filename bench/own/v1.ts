// The v1 protocol beside that of today, over the same store.
import { rmSync } from "node:fs";
import { medianOf } from "../median.ts";
import { run } from "../processes.ts";
import { download } from "../tools.ts";
import type { Comparison } from "./comparison.ts";
import { countStatements } from "./statements.ts";
import * as data from "./v1-data.ts";
import { type Workshop, withServer } from "./workshop.ts";

const longChain = 124;
const manyTags = 10_000;
const countedTags = 1_000;
const taggingClients = 16;
const asked = 50;
const downloads = 5;

const layerGet: Comparison = { name: "v1 layer GET, 512 MiB", unit: "MB/s", base: "OCI", other: "v1", ratio: 0.95 };
const plainPut: Comparison = {
  name: "v1 PUT of a plain layer, 512 MiB of random data",
  unit: "MB/s",
  base: "OCI push",
  other: "v1",
  ratio: 0.6,
};
const gzipPut: Comparison = {
  name: "v1 PUT of a gzip layer (the Bun program), compressed bytes",
  unit: "MB/s",
  base: "gzip -dc | sha256sum",
  other: "v1",
  ratio: 0.8,
};
const ancestry: Comparison = { name: `v1 ancestry of ${longChain} images`, unit: "ms", base: "", other: "v1" };
const tags: Comparison = { name: `v1 tags of a repository with ${manyTags} tags`, unit: "ms", base: "", other: "v1" };
/** One of them is the list, however long it is: a list that took more would take more when it is longer. */
const statements = (of: string): Comparison => ({
  name: `SQL statements of ${of}`,
  unit: "statements",
  base: "a short list",
  other: "this",
  ratio: 1,
});
const ancestryStatements = statements(ancestry.name);
const tagsStatements = statements(`v1 tags of a repository with ${countedTags} tags`);

export async function compareTongues(shop: Workshop): Promise<void> {
  const { book, folder, options } = shop;
  if (book.wants(layerGet, plainPut)) {
    const layer = await data.makePlainLayer(folder);
    for (let round = 0; round < options.rounds; round++) await comparePlain(shop, layer);
    rmSync(layer.path);
  }
  if (book.wants(gzipPut)) {
    const layer = await data.makeGzipLayer(folder);
    for (let round = 0; round < options.rounds; round++) await compareGzip(shop, layer);
    rmSync(layer.path);
  }
  if (book.wants(ancestry, tags)) await timeLists(shop);
  if (book.wants(ancestryStatements, tagsStatements)) await countLists(shop);
}

async function comparePlain(shop: Workshop, layer: data.LayerFile): Promise<void> {
  const { book, machine } = shop;
  const processes = "1 · 1";
  const megabytes = layer.size / 1e6;
  if (book.wants(plainPut)) {
    const oci = await withServer(shop, [], async ({ origin }) => {
      await machine.settle(true);
      return data.pushOverOci(origin, layer);
    });
    const v1 = await withServer(shop, [], async ({ origin }) => {
      await machine.settle(true);
      return data.pushOverV1(origin, layer);
    });
    book.add(plainPut, { base: megabytes / oci, other: megabytes / v1, processes });
  }
  if (!book.wants(layerGet)) return;
  await withServer(shop, [], async ({ origin }) => {
    const paths = await data.pushFileImage(origin, layer);
    await machine.settle(false);
    await download(`${origin}${paths.oci}`);
    const oci: number[] = [];
    const v1: number[] = [];
    for (let i = 0; i < downloads; i++) {
      oci.push(await download(`${origin}${paths.oci}`));
      v1.push(await download(`${origin}${paths.v1}`));
    }
    book.add(layerGet, { base: medianOf(oci) / 1e6, other: medianOf(v1) / 1e6, processes });
  });
}

async function compareGzip(shop: Workshop, layer: data.LayerFile): Promise<void> {
  const { book, machine } = shop;
  await machine.settle(false);
  const begun = performance.now();
  await run(["sh", "-c", `gzip -dc ${layer.path} | sha256sum`]);
  const alone = (performance.now() - begun) / 1000;
  const pushed = await withServer(shop, [], async ({ origin }) => {
    await machine.settle(true);
    return data.pushOverV1(origin, layer);
  });
  book.add(gzipPut, { base: layer.size / 1e6 / alone, other: layer.size / 1e6 / pushed, processes: "1 · 2" });
}

async function timeLists(shop: Workshop): Promise<void> {
  const { book } = shop;
  await withServer(shop, [], async ({ origin }) => {
    const top = await data.pushLongImage(origin, longChain);
    await data.pushTags(origin, manyTags, taggingClients);
    await shop.machine.settle(false);
    const of = async (path: string) => medianOf(await data.timeGet(origin, path, asked));
    book.add(ancestry, { other: await of(`/v1/images/${top}/ancestry`), processes: "1" });
    book.add(tags, { other: await of("/v1/repositories/bench/tagged/tags"), processes: "1" });
  });
}

async function countLists(shop: Workshop): Promise<void> {
  const { book } = shop;
  const counted = await countStatements(shop, async (origin) => {
    const long = await data.pushLongImage(origin, longChain);
    const short = await data.pushLongImage(origin, 2, "bench/short");
    // By one client: several that tag one manifest keep PostgreSQL from any of them.
    await data.pushTags(origin, countedTags, 1);
    const tagsOf = (repository: string) => `/v1/repositories/${repository}/tags`;
    const ancestries = [long, short].map((id) => `/v1/images/${id}/ancestry`);
    return [...ancestries, tagsOf("bench/tagged"), tagsOf("bench/short")];
  });
  if (counted === undefined) return;
  const [ofLong = [], ofShort = [], ofMany = [], ofOne = []] = counted;
  for (const [comparison, listed, fewer] of [
    [ancestryStatements, ofLong, ofShort],
    [tagsStatements, ofMany, ofOne],
  ] as const) {
    book.add(comparison, { base: fewer.length, other: listed.length, processes: "1 and PostgreSQL's" });
    book.note(`${comparison.name}: ${listed.map((each) => `\`${each}…\``).join(", ")}`);
  }
  book.note("SQL statements are those that PostgreSQL logged (log_statement = all) while one request was answered.");
}
