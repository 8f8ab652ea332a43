// Random images through both tongues: what goes in as v1 comes out of crane and of a real dockerd layer for layer; what goes
// in as OCI comes out over v1 as the same tree; a chain that goes back is the manifest it came from. V1_ROUNDS sets how many
// rounds there are, V1_SEED where they begin; a failure names its seed.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { type DockerDaemon, startDocker } from "../clients/daemons.ts";
import { openPrograms, type Programs } from "../clients/programs.ts";
import { failureOf } from "../failure.ts";
import { openRandom, type Random } from "../faults/random.ts";
import { startServer, type TestServer } from "../server.ts";
import { type Chain, pull, push } from "./dances.ts";
import { engineOf, engines } from "./engines.ts";
import { diffIds, expectChain, expectCranePulls, solidLayers } from "./expectations.ts";
import { makeOciImage, type OciImage, type Platform, pushIndex, pushOci, resolveTag } from "./oci.ts";
import { type ChainOptions, makeChain } from "./random-chains.ts";
import { unpackTree } from "./tree.ts";

const rounds = Number(process.env["V1_ROUNDS"] ?? 6);
const firstSeed = Number(process.env["V1_SEED"] ?? 1);
const patience = 60_000 + rounds * 10_000;

let server: TestServer;
let programs: Programs;
let daemon: DockerDaemon;

beforeAll(async () => {
  programs = await openPrograms();
  server = await startServer();
  daemon = await startDocker(programs);
}, 90_000);

afterAll(async () => {
  await daemon.stop();
  await server.stop();
  await programs.remove();
}, 60_000);

const current = () => ({ url: server.url, engine: engineOf("1.9.1") });
const placeOf = (repository: string) => ({ url: server.url, repository });

/** In the open mode ids are one space: each test has its own, and its own repositories. */
const randomOf = (seed: number, test: number) => openRandom(seed * 10 + test);

/** Runs `check` with each seed; a failure says which. */
async function eachSeed(count: number, check: (seed: number) => Promise<void>): Promise<void> {
  for (let seed = firstSeed; seed < firstSeed + count; seed++) {
    await check(seed).catch((error) => {
      throw new Error(`V1_SEED=${seed} V1_ROUNDS=1: ${error}`, { cause: error });
    });
  }
}

/** Pushes a random chain by a random engine. */
async function pushChain(random: Random, repository: string, options: ChainOptions): Promise<Chain> {
  const chain = await makeChain(random, options);
  const engine = random.pick(engines) ?? current().engine;
  await push({ url: server.url, engine }, repository, { latest: chain });
  return chain;
}

async function expectDockerPulls(reference: string, chain: Chain): Promise<void> {
  await daemon.run("pull", reference);
  const layers = await daemon.run("image", "inspect", "--format", "{{json .RootFS.Layers}}", reference);
  expect(JSON.parse(layers)).toEqual(diffIds(solidLayers(chain)));
  await daemon.run("image", "rm", "--force", reference);
}

test(
  "Random chains are pulled by v1, by crane and by dockerd, layer by layer the same",
  () =>
    eachSeed(rounds, async (seed) => {
      const repository = `alice/chain-${seed}`;
      const random = randomOf(seed, 1);
      const chain = await pushChain(random, repository, { length: random.between(1, 12) });
      expectChain((await pull(current(), repository, "latest")).chain, chain);
      const reference = `${server.address}/${repository}:latest`;
      await expectCranePulls(programs, reference, chain);
      await expectDockerPulls(reference, chain);
    }),
  patience,
);

test("A chain of 124 images is pulled by v1, by crane and by dockerd", async () => {
  const repository = "alice/long";
  const chain = await pushChain(randomOf(firstSeed, 2), repository, { length: 124 });
  expectChain((await pull(current(), repository, "latest")).chain, chain);
  const reference = `${server.address}/${repository}:latest`;
  await expectCranePulls(programs, reference, chain);
  await expectDockerPulls(reference, chain);
}, 180_000);

test("A chain of nothing but empty layers is pulled by v1 and by crane", async () => {
  const solid = await makeChain(randomOf(firstSeed, 3), { length: 3 });
  const chain = solid.map((image) => ({ ...image, layer: Buffer.alloc(1024) }));
  await push(current(), "alice/empty", { latest: chain });
  expectChain((await pull(current(), "alice/empty", "latest")).chain, chain);
  await expectCranePulls(programs, `${server.address}/alice/empty:latest`, chain);
}, 60_000);

test("The same layers and JSON under other ids are the same manifest", async () => {
  const [one, other] = [randomOf(firstSeed, 4), randomOf(firstSeed, 4)];
  const chain = await makeChain(one, { length: 5 });
  const renamed = new Map(
    chain.map(({ id }, i) => [
      id,
      String(i + 1)
        .repeat(64)
        .slice(0, 64),
    ]),
  );
  const again = (await makeChain(other, { length: 5 })).map(({ id, json, layer }) => {
    // Only where ids are ids: the texts of a config may name a parent too, and are content.
    const text = json
      .toString()
      .replace(/"(id|parent)":"([0-9a-f]{64})"/g, (_, key, old) => `"${key}":"${renamed.get(old)}"`);
    return { id: renamed.get(id) ?? "", json: Buffer.from(text), layer };
  });
  await push(current(), "alice/one", { latest: chain });
  await push(current(), "alice/other", { latest: again });
  const digest = await resolveTag(placeOf("alice/one"), "latest");
  expect(digest).toMatch(/^sha256:/);
  expect(await resolveTag(placeOf("alice/other"), "latest")).toBe(digest);
  expectChain((await pull(current(), "alice/other", "latest")).chain, again);
}, 60_000);

/** Fails unless a v1 client gets the layers of an image, those in zstd unpacked, and an empty one on top. */
async function expectPulled(repository: string, image: OciImage, platform?: Platform): Promise<Chain> {
  const { engine, url } = current();
  const userAgent =
    platform === undefined
      ? engine.userAgent
      : engine.userAgent.replace(/os\/\S+ arch\/\S+/, `os/${platform.os} arch/${platform.architecture}`);
  const { chain } = await pull({ url, engine: { ...engine, userAgent } }, repository, "latest");
  expect(chain.length).toBe(image.layers.length + 1);
  image.layers.forEach((layer, i) => {
    const isZstd = Buffer.from(layer.subarray(0, 4)).toString("hex") === "28b52ffd";
    expect(chain[i]?.layer.equals(isZstd ? (image.archives[i] ?? layer) : layer)).toBe(true);
  });
  expect(unpackTree(chain.map(({ layer }) => layer))).toEqual(unpackTree(image.layers));
  return chain;
}

test(
  "Random OCI images are pulled by v1 as the same tree, and pushed back they are the manifest that they were",
  () =>
    eachSeed(rounds * 2, async (seed) => {
      const repository = `alice/oci-${seed}`;
      const image = makeOciImage(randomOf(seed, 5));
      await pushOci(placeOf(repository), image, "latest");
      const chain = await expectPulled(repository, image);
      for (const [name, tag] of [
        [repository, "again"],
        [`alice/back-${seed}`, "latest"],
      ] as const) {
        const log = await push(current(), name, { [tag]: chain });
        expect(log.filter((line) => line.startsWith("PUT /v1/images/"))).toEqual([]);
        expect(await resolveTag(placeOf(name), tag)).toBe(image.digest);
      }
    }),
  patience,
);

test(
  "An index of random images has for each machine its own",
  () =>
    eachSeed(rounds, async (seed) => {
      const random = randomOf(seed, 6);
      const repository = `alice/index-${seed}`;
      const members = ["amd64", "arm64", "s390x"].map((architecture, i) => {
        const platform: Platform = { os: "linux", architecture };
        return { platform, image: makeOciImage(random.fork(i), platform) };
      });
      const digest = await pushIndex(placeOf(repository), "latest", members);
      for (const { platform, image } of members) await expectPulled(repository, image, platform);
      expect(await resolveTag(placeOf(repository), "latest")).toBe(digest);
      const stranger = { ...current().engine, userAgent: "docker/1.9.1 os/linux arch/386" };
      expect(await failureOf(pull({ url: server.url, engine: stranger }, repository, "latest"))).toContain("404");
    }),
  patience,
);

test(
  "A child that a v1 client builds on an image of today has the layers of both",
  () =>
    eachSeed(rounds, async (seed) => {
      const repository = `alice/base-${seed}`;
      const random = randomOf(seed, 7);
      const image = makeOciImage(random);
      await pushOci(placeOf(repository), image, "latest");
      const base = await expectPulled(repository, image);
      const [child] = await makeChain(random, { length: 1 });
      if (child === undefined) throw new Error("a chain of one image has one");
      const json = Buffer.from(`{"id":"${child.id}","parent":"${base.at(-1)?.id}","created":"2015-01-02T03:04:05Z"}`);
      const built = [...base, { ...child, json }];
      const log = await push(current(), repository, { child: built });
      expect(log.filter((line) => line.endsWith("/layer 200"))).toEqual([`PUT /v1/images/${child.id}/layer 200`]);
      expectChain((await pull(current(), repository, "child")).chain, built);
      const tag = await fetch(`${server.url}/v2/${repository}/manifests/child`);
      const manifest: { readonly layers: readonly { readonly digest: string }[] } = JSON.parse(await tag.text());
      const own = solidLayers(built.slice(-1)).filter((layer) => !solidLayers(base).includes(layer));
      const original: typeof manifest = JSON.parse(new TextDecoder().decode(image.manifest));
      expect(manifest.layers.slice(0, image.layers.length)).toMatchObject(
        original.layers.map(({ digest }) => ({ digest })),
      );
      expect(manifest.layers.length - image.layers.length).toBeLessThanOrEqual(own.length);
    }),
  patience,
);
