// Two clients at two nodes, at the same moment: whatever the order, a tag whose chain is whole is built, an image has the
// layer that its checksum is of, and nothing is left half done.
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { digestOf } from "#lib/digest";
import { Fault } from "#lib/fault";
import { incomingOf } from "#lib/stream";
import type { Registry } from "../index.ts";
import { openTestRegistry, type TestRegistry } from "../testing.ts";
import {
  at,
  chainOf,
  encode,
  eventsOf,
  faultOf,
  historyOf,
  type Image,
  imageOf,
  layerOf,
  name,
  openTodaysClient,
  openV1Client,
  payloadOf,
  todaysLayer,
} from "./testing.ts";

setDefaultTimeout(120_000);
const rounds = 50;
const actor = at("docker-v1");

let house: TestRegistry;
let nodes: readonly [Registry, Registry];
beforeAll(async () => {
  house = await openTestRegistry({ store: "fs" });
  nodes = [house.registry, (await house.openNode()).registry];
});
afterAll(() => house.remove());

const clients = (repository: string) => {
  const [one, two] = nodes.map((node) => openV1Client(node, actor, name(repository)));
  if (one === undefined || two === undefined) throw new Error("there are two nodes");
  return [one, two] as const;
};
const today = () => openTodaysClient(house.registry, at("oci"));
const topOf = (chain: readonly Image[]) => chain.at(-1)?.id ?? "";
const pairOf = ([first, second]: readonly Image[]) => {
  if (first === undefined || second === undefined) throw new Error("there are two");
  return [first, second] as const;
};

async function expectBuilt(repository: string, chain: readonly Image[]): Promise<void> {
  const made = await today().inspect(name(repository), "1");
  expect(made.layers).toEqual(chain.map(({ layer }): string => digestOf(layer)));
  expect(await historyOf(house, repository, "1")).toHaveLength(1);
}

test("the last two images of a chain are completed at once, and the tag that waits is built", async () => {
  for (let round = 0; round < rounds; round++) {
    const repository = `last/two-${round}`;
    const [one, two] = clients(repository);
    const chain = chainOf([`last ${round} a`, `last ${round} b`, `last ${round} c`]);
    const [base, middle] = pairOf(chain);
    const top = chain[2] ?? middle;
    for (const image of chain) await one.json(image);
    for (const image of chain) await one.layer(image);
    await one.tag(name(repository), "1", top.id);
    const [first, second, third] =
      [
        [base, middle, top],
        [middle, top, base],
        [top, base, middle],
      ][round % 3] ?? [];
    await one.checksum(first ?? base);
    await Promise.all([one.checksum(second ?? middle), two.checksum(third ?? top)]);
    await expectBuilt(repository, chain);
  }
});

test("a tag is set while the last image is completed, and is built", async () => {
  for (let round = 0; round < rounds; round++) {
    const repository = `tag/while-${round}`;
    const [one, two] = clients(repository);
    const chain = chainOf([`while ${round} a`, `while ${round} b`]);
    const [base, top] = pairOf(chain);
    for (const image of chain) await one.json(image);
    for (const image of chain) await one.layer(image);
    await one.checksum(round % 2 === 0 ? base : top);
    await Promise.all([one.checksum(round % 2 === 0 ? top : base), two.tag(name(repository), "1", topOf(chain))]);
    await expectBuilt(repository, chain);
  }
});

test("two layers come for one image: it has the one that its checksum is of, whole", async () => {
  const [one, two] = clients("two/layers");
  for (let round = 0; round < rounds; round++) {
    const size = round % 2 === 0 ? 1_000 : 40_000;
    const image = imageOf(`layers ${round}`, undefined, encode(`one ${round}`.padEnd(size, ".")));
    const other = { ...image, layer: encode(`two ${round}`.padEnd(size, ".")) };
    await one.json(image);
    await Promise.all([one.layer(image), two.layer(other)]);
    const said = await Promise.all([faultOf(one.checksum(image)), faultOf(two.checksum(other))]);
    expect(said.filter((each) => each === "done")).toHaveLength(1);
    const [pulled] = await one.pull(image.id);
    expect(pulled).toEqual(said[0] === "done" ? image : other);
  }
  expect(await house.store.uploads.list()).toEqual([]);
});

test("an image is never completed with a layer that another client put meanwhile", async () => {
  const [one, two] = clients("layer/meanwhile");
  for (let round = 0; round < rounds; round++) {
    const image = imageOf(`meanwhile ${round}`, undefined, layerOf(`one ${round}`));
    const other = { ...image, layer: layerOf(`two ${round}`) };
    await one.json(image);
    await one.layer(image);
    const [completed, replaced] = await Promise.all([faultOf(one.checksum(image)), faultOf(two.layer(other))]);
    if (completed !== "done") {
      expect(replaced).toBe("done");
      await two.checksum(other);
    }
    const [pulled] = await one.pull(image.id);
    const { checksums } = await one.read(image.id);
    expect(checksums).toEqual([payloadOf(pulled ?? image)]);
    expect(pulled).toEqual(completed === "done" ? image : other);
  }
});

test("the same push runs twice at the same time: both end, and the tag has moved once", async () => {
  for (let round = 0; round < rounds / 2; round++) {
    const repository = `same/push-${round}`;
    const chain = chainOf([`same ${round} a`, `same ${round} b`, `same ${round} c`]);
    const push = async (client: ReturnType<typeof openV1Client>): Promise<void> => {
      // An engine that is refused because the other was faster is started again by its user.
      for (let tries = 0; ; tries++) {
        try {
          await client.pushMissing(...chain);
          await client.tag(name(repository), "1", topOf(chain));
          return;
        } catch (error) {
          if (!(error instanceof Fault) || !["conflict", "invalid"].includes(error.kind) || tries === 20) throw error;
        }
      }
    };
    await Promise.all(clients(repository).map(push));
    await expectBuilt(repository, chain);
    expect((await eventsOf(house, repository)).filter((each) => each.startsWith("tag."))).toEqual([
      "tag.move 1 docker-v1",
    ]);
    expect(await clients(repository)[0].pull(topOf(chain))).toEqual(chain);
  }
});

test("both protocols set one tag at once: both see the same image in the end", async () => {
  for (let round = 0; round < rounds / 2; round++) {
    const repository = `both/set-${round}`;
    const where = name(repository);
    const [one] = clients(repository);
    const chain = chainOf([`both set ${round}`]);
    await one.push(...chain);
    const image = { layers: [todaysLayer(encode(`both today ${round}`))] };
    const pusher = openTodaysClient(nodes[1], at("oci"));
    const digest = await pusher.push(where, image, "0");
    const { bytes } = await pusher.inspect(where, "0");
    await Promise.all([one.tag(where, "1", topOf(chain)), pusher.manifest(where, bytes, "1")]);
    const { "1": shown, "0": derived } = await one.tags(where);
    expect(shown).toBe((await today().digest(where, "1")) === digest ? (derived ?? "") : topOf(chain));
    expect(await historyOf(house, repository, "1")).toHaveLength(2);
  }
});

test("a layer is deleted over OCI while a tag is set for its image: never is the image tagged without it", async () => {
  for (let round = 0; round < rounds / 2; round++) {
    const repository = `delete/while-${round}`;
    const [one] = clients(repository);
    const chain = chainOf([`delete ${round} a`, `delete ${round} b`]);
    await one.push(...chain);
    const [base] = pairOf(chain);
    const drop = nodes[1].blobs.delete(at("oci"), name(repository), digestOf(base.layer));
    await Promise.all([faultOf(drop), one.tag(name(repository), "1", topOf(chain))]);
    await expectBuilt(repository, chain);
    expect(await today().read(name(repository), digestOf(base.layer))).toEqual(base.layer);
  }
});

test("the JSON comes anew while the layer of the same JSON is on its way: the push goes on", async () => {
  const [one, two] = clients("anew/json");
  for (let round = 0; round < rounds / 2; round++) {
    const image = imageOf(`anew ${round}`, undefined, encode(`anew ${round}`.padEnd(50_000, ".")));
    await one.json(image);
    await Promise.all([one.layer(image), two.json(image)]);
    await nodes[0].v1Images.putLayer({ actor, repository: name("anew/json") }, image.id, incomingOf(image.layer));
    await one.checksum(image);
    expect(await one.pull(image.id)).toEqual([image]);
  }
});
