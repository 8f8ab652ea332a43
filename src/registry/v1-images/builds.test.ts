// From v1 to today in the registry: chains of every kind become images whose layers are the pushed blobs, once, when they
// are whole; what cannot be translated is left to v1.
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { digestOf } from "#lib/digest";
import { samples } from "#lib/layers/testing";
import { openTestRegistry, type TestRegistry } from "../testing.ts";
import vectors from "./testing/translate-vectors.json";
import {
  at,
  chainOf,
  encode,
  eventsOf,
  faultOf,
  gzip,
  historyOf,
  idOf,
  imageOf,
  keptTags,
  layerOf,
  name,
  openTodaysClient,
  openV1Client,
  todaysLayer,
} from "./testing.ts";

setDefaultTimeout(60_000);
const actor = at("docker-v1");
const hour = 3_600_000;
const gzipLayer = "application/vnd.docker.image.rootfs.diff.tar.gzip";
const plainLayer = "application/vnd.docker.image.rootfs.diff.tar";

let house: TestRegistry;
let today: ReturnType<typeof openTodaysClient>;
beforeAll(async () => {
  house = await openTestRegistry();
  today = openTodaysClient(house.registry, at("oci"));
});
afterAll(() => house.remove());

const to = (repository: string) => openV1Client(house.registry, actor, name(repository));
const topOf = (chain: readonly { readonly id: string }[]) => chain.at(-1)?.id ?? "";
const announce = (repository: string, entries: readonly object[]) =>
  house.registry.v1Repositories.announce(actor, name(repository), encode(JSON.stringify(entries)));
const finish = (repository: string) => house.registry.v1Repositories.finish(actor, name(repository), encode("[]"));
const movesOf = async (path: string) => (await eventsOf(house, path)).filter((each) => each.startsWith("tag."));

/** Pushes a chain and tags its top; returns what today's clients get. */
async function translate(repository: string, chain: ReturnType<typeof chainOf>, tag = "1") {
  await to(repository).pushMissing(...chain);
  await to(repository).tag(name(repository), tag, topOf(chain));
  return today.inspect(name(repository), tag);
}

const empties = { gzip: samples.E1.bytes, nothing: samples.E0.bytes, plain: samples.E2.bytes };

describe("A chain becomes an image", () => {
  test("whose layers are the very blobs that were pushed, gzip and plain", async () => {
    const plain = samples.L2.bytes;
    const chain = chainOf(["several a", "several b", "several c"], { "several b": plain });
    const made = await translate("made/several", chain);
    expect(made.layers).toEqual(chain.map(({ layer }) => digestOf(layer)));
    expect(made.types).toEqual([gzipLayer, plainLayer, gzipLayer]);
    expect(made.config.rootfs.diff_ids).toHaveLength(3);
    for (const { layer } of chain) expect(await today.read(name("made/several"), digestOf(layer))).toEqual(layer);
    expect(await to("made/several").pull(topOf(chain))).toEqual(chain);
  });

  test.each(vectors.samples.map((each) => [each.name, each] as const))("as the vector says: %s", async (_, sample) => {
    const layers = new Map(Object.entries(vectors.layers));
    const chain = sample.v1_chain.map(({ json, layer }) => ({
      id: JSON.parse(json).id as string,
      json: encode(json),
      layer: Uint8Array.from(Buffer.from(layers.get(layer)?.base64 ?? "", "base64")),
    }));
    const made = await translate(`vectors/${sample.name.slice(0, 12).replaceAll(/[^a-z]/g, "")}`, chain);
    expect(made.digest).toBe(digestOf(encode(sample.berth.manifest)));
  });

  test("without its empty layers, in whatever form they came", async () => {
    const texts = ["empties a", "gzip", "empties b", "nothing", "plain"];
    const made = await translate("made/empties", chainOf(texts, empties));
    expect(made.layers).toHaveLength(2);
    const marks = made.config.history.map((each: { empty_layer?: boolean }) => each.empty_layer === true);
    expect(marks).toEqual([false, true, false, true, true]);
  });

  test("with the base's layer alone when all are empty", async () => {
    const layers = { "all a": empties.gzip, "all b": empties.plain, "all c": empties.nothing };
    const made = await translate("made/nothing", chainOf(Object.keys(layers), layers));
    expect(made.layers).toEqual([digestOf(empties.gzip)]);
    expect(made.config.history).toHaveLength(3);
  });

  test("with a layer as often as it comes, neighbours too", async () => {
    const layer = layerOf("twice");
    const [other] = chainOf(["twice c"]);
    const chain = chainOf(["twice a", "twice b", "twice c", "twice d"], {
      "twice a": layer,
      "twice b": layer,
      "twice d": layer,
    });
    const made = await translate("made/twice", chain);
    expect(made.layers).toEqual([layer, layer, other?.layer ?? layer, layer].map((each) => digestOf(each)));
  });

  test("once: the same push again, and the same content under other ids, are the same digest, without an event", async () => {
    const chain = chainOf(["once a", "once b"]);
    const { digest } = await translate("made/once", chain);
    const before = await eventsOf(house, "made/once");
    await to("made/once").pushMissing(...chain);
    await to("made/once").tag(name("made/once"), "1", topOf(chain));
    expect(await eventsOf(house, "made/once")).toEqual(before);
    const renamed = chain.map(({ json, layer }, i) => {
      const members = JSON.parse(new TextDecoder().decode(json));
      const id = idOf(`renamed ${i}`);
      return {
        id,
        json: encode(JSON.stringify({ ...members, id, ...(i === 0 ? {} : { parent: idOf(`renamed ${i - 1}`) }) })),
        layer,
      };
    });
    expect((await translate("made/once", renamed)).digest).toBe(digest);
    expect(await eventsOf(house, "made/once")).toEqual(before);
    expect(await to("made/once").tags(name("made/once"))).toEqual({ "1": topOf(renamed) });
    expect((await translate("elsewhere/once", chain, "2")).digest).toBe(digest);
    expect(await historyOf(house, "made/once", "1")).toHaveLength(1);
  });

  test("for each of its tags, and for a tag of an image below", async () => {
    const chain = chainOf(["tags a", "tags b"]);
    const first = await translate("made/tags", chain);
    await to("made/tags").tag(name("made/tags"), "other", topOf(chain));
    await to("made/tags").tag(name("made/tags"), "base", chain[0]?.id ?? "");
    expect(await today.digest(name("made/tags"), "other")).toBe(first.digest);
    expect((await today.inspect(name("made/tags"), "base")).layers).toEqual(first.layers.slice(0, 1));
    expect(await today.tags(name("made/tags"))).toEqual(["1", "base", "other"]);
  });

  test("of 200 layers, which engines refuse and registries do not", async () => {
    const layers = Array.from({ length: 200 }, (_, i) => `deep ${i}`);
    expect((await translate("made/deep", chainOf(layers))).layers).toHaveLength(200);
  });
});

describe("A tag before its chain is whole", () => {
  test.each([
    ["the top", [0, 1, 2]],
    ["the base", [2, 1, 0]],
    ["one between", [0, 2, 1]],
  ])("shows over v1 alone, until %s completes it", async (_, order) => {
    const repository = `pending/${order.join("-")}`;
    const where = name(repository);
    const client = to(repository);
    const chain = chainOf([0, 1, 2].map((i) => `${repository} ${i}`));
    for (const image of chain) await client.json(image);
    await client.tag(where, "1", topOf(chain));
    for (const i of order) {
      expect(await client.tags(where)).toEqual({ "1": topOf(chain) });
      expect(await today.tags(where)).toEqual([]);
      expect(await today.digest(where, "1")).toBeUndefined();
      const image = chain[i];
      if (image === undefined) throw new Error("there are three");
      await client.layer(image);
      expect(await today.tags(where)).toEqual([]);
      await client.checksum(image);
    }
    expect((await today.inspect(where, "1")).layers).toEqual(chain.map(({ layer }) => digestOf(layer)));
    expect(await movesOf(repository)).toEqual(["tag.move 1 docker-v1"]);
    expect(await keptTags(house, repository)).toEqual({ "1": "built" });
  });

  test("is built with every other that waited for the same image", async () => {
    const where = name("pending/many");
    const client = to("pending/many");
    const chain = chainOf(["many base", "many top"]);
    const sibling = imageOf("many sibling", chain[0]);
    await client.json(chain[0] ?? sibling);
    await client.push(...chain.slice(1), sibling);
    for (const [tag, id] of [
      ["base", chain[0]?.id],
      ["top", topOf(chain)],
      ["sibling", sibling.id],
    ]) {
      await client.tag(where, tag ?? "", id ?? "");
    }
    await client.push(...chain.slice(0, 1));
    expect(await today.tags(where)).toEqual(["base", "sibling", "top"]);
  });

  test("leaves today's tag of that name alone until then", async () => {
    const where = name("pending/over");
    const before = await translate("pending/over", chainOf(["over before"]));
    const after = chainOf(["over after"]);
    const client = to("pending/over");
    for (const image of after) await client.json(image);
    await client.tag(where, "1", topOf(after));
    expect(await today.digest(where, "1")).toBe(before.digest);
    expect(await client.tags(where)).toEqual({ "1": topOf(after) });
    await client.push(...after);
    expect(await today.digest(where, "1")).not.toBe(before.digest);
    const moves = await historyOf(house, "pending/over", "1");
    expect(moves.map((move): string | null => move.old_digest)).toEqual([null, before.digest]);
  });

  test("ends when it is deleted, or set to another image", async () => {
    const where = name("pending/ends");
    const client = to("pending/ends");
    const [a, b] = [imageOf("ends a", undefined), imageOf("ends b", undefined)];
    for (const image of [a, b]) await client.json(image);
    for (const tag of ["gone", "moved"]) await client.tag(where, tag, a.id);
    await house.registry.v1Tags.delete(actor, where, "gone");
    await client.tag(where, "moved", b.id);
    await client.push(a);
    expect(await today.tags(where)).toEqual([]);
    await client.push(b);
    expect(await today.tags(where)).toEqual(["moved"]);
    expect(await client.tags(where)).toEqual({ moved: b.id });
  });
});

describe("What no manifest can say", () => {
  const bzip2 = encode("BZh91AY&SY what follows is no matter");
  const xz = Uint8Array.of(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0, 1, 2, 3);
  const cut = gzip(encode("cut short".repeat(500))).slice(0, -4);
  const behind = Uint8Array.from([...gzip(encode("more behind")), 1, 2, 3]);

  test.each([
    ["bzip2", bzip2, /^v1-only: layer 2 of 2, counted from the base: .*bzip2/],
    ["xz", xz, /^v1-only: layer 2 of 2, counted from the base: .*xz/],
    ["cut", cut, /^v1-only: layer 2 of 2, counted from the base: .*cannot be read/],
    ["behind", behind, /^v1-only: layer 2 of 2, counted from the base: .*cannot be read/],
  ])("is left to v1, with its reason: %s", async (kind, layer, reason) => {
    const repository = `only/${kind}`;
    const where = name(repository);
    const client = to(repository);
    await translate(repository, chainOf([`${kind} before`]), "1");
    const chain = chainOf([`${kind} base`, `${kind} top`], { [`${kind} top`]: layer });
    await client.push(...chain);
    for (const tag of ["1", "new", "new"]) await client.tag(where, tag, topOf(chain));
    expect(await client.tags(where)).toEqual({ "1": topOf(chain), new: topOf(chain) });
    expect(await client.pull(topOf(chain))).toEqual(chain);
    expect(await today.tags(where)).toEqual([]);
    for (const kept of Object.values(await keptTags(house, repository))) expect(kept).toMatch(reason);
    await house.registry.v1Tags.delete(actor, where, "new");
    expect(await movesOf(repository)).toEqual(
      ["tag.move 1", "tag.delete 1", "tag.move new", "tag.delete new"].map((each) => `${each} docker-v1`),
    );
    // The base below it can be said.
    await client.tag(where, "new", chain[0]?.id ?? "");
    expect(await today.tags(where)).toEqual(["new"]);
  });

  test("includes a config that no registry would take", async () => {
    const repository = "only/huge";
    const step = "x".repeat(1_000_000);
    const chain: ReturnType<typeof chainOf> = [];
    for (let i = 0; i < 5; i++) {
      const image = imageOf(`huge ${i}`, chain.at(-1), undefined, { comment: step });
      chain.push(image);
    }
    await to(repository).push(...chain);
    await to(repository).tag(name(repository), "1", topOf(chain));
    expect((await keptTags(house, repository))["1"]).toMatch(/^v1-only: its config would be larger/);
    expect(await to(repository).tags(name(repository))).toEqual({ "1": topOf(chain) });
  });
});

describe("Clients that tag every ancestor in turn", () => {
  const dance = async (repository: string, chain: ReturnType<typeof chainOf>, until = chain.length) => {
    await announce(
      repository,
      chain.map(({ id }) => ({ id, Tag: "latest" })),
    );
    for (const image of chain.slice(0, until)) {
      await to(repository).pushMissing(image);
      await to(repository).tag(name(repository), "latest", image.id);
    }
  };

  test("move the tag once", async () => {
    const chain = chainOf(["dance a", "dance b", "dance c"]);
    await dance("dance/app", chain);
    await finish("dance/app");
    expect(await movesOf("dance/app")).toEqual(["tag.move latest docker-v1"]);
    expect(await historyOf(house, "dance/app", "latest")).toHaveLength(1);
    expect((await today.inspect(name("dance/app"), "latest")).layers).toHaveLength(3);
    const more = [...chain, imageOf("dance d", chain.at(-1))];
    await dance("dance/app", more);
    expect(await historyOf(house, "dance/app", "latest")).toHaveLength(2);
    expect((await today.inspect(name("dance/app"), "latest")).layers).toHaveLength(4);
    await finish("dance/app");
    expect(await movesOf("dance/app")).toHaveLength(2);
  });

  test("mean what they tagged last when they give up, once an hour has passed", async () => {
    const chain = chainOf(["given up a", "given up b", "given up c"]);
    await dance("dance/given-up", chain, 2);
    expect(await today.tags(name("dance/given-up"))).toEqual([]);
    await house.registry.settleTags();
    expect(await today.tags(name("dance/given-up"))).toEqual([]);
    house.pass(hour + 1);
    await house.registry.settleTags();
    expect((await today.inspect(name("dance/given-up"), "latest")).layers).toHaveLength(2);
    expect(await movesOf("dance/given-up")).toEqual(["tag.move latest docker-v1"]);
  });

  test("mean what they tagged last when they say that they are done", async () => {
    const chain = chainOf(["done a", "done b", "done c"]);
    await dance("dance/done", chain, 2);
    await finish("dance/done");
    expect((await today.inspect(name("dance/done"), "latest")).layers).toHaveLength(2);
  });

  test("do not hold up another tag, nor that tag for an image that is none of theirs", async () => {
    const chain = chainOf(["not theirs a", "not theirs b"]);
    await dance("dance/others", chain, 1);
    const other = imageOf("not theirs c", undefined);
    await to("dance/others").push(other);
    for (const tag of ["other", "latest"]) await to("dance/others").tag(name("dance/others"), tag, other.id);
    expect(await today.tags(name("dance/others"))).toEqual(["latest", "other"]);
  });

  test("are found behind any number of pushes that were never finished", async () => {
    const lost = imageOf("never finished", undefined);
    await to("dance/lost").json(lost);
    for (let i = 0; i < 120; i++) await to("dance/lost").tag(name("dance/lost"), `t${i}`, lost.id);
    const chain = chainOf(["behind a", "behind b"]);
    await dance("dance/behind", chain, 1);
    house.pass(hour + 1);
    await house.registry.settleTags();
    expect(await today.tags(name("dance/behind"))).toEqual(["latest"]);
    expect(Object.keys(await to("dance/lost").tags(name("dance/lost")))).toHaveLength(120);
  });
});

test("an image that is announced for a repository belongs there, also when its requests do not say so", async () => {
  const chain = chainOf(["announced a", "announced b"]);
  await announce(
    "announced/app",
    chain.map(({ id }) => ({ id })),
  );
  const client = openV1Client(house.registry, actor);
  await client.push(...chain);
  await client.tag(name("announced/app"), "1", topOf(chain));
  const rows = await house.db.read<{ path: string }>(
    "select r.path from v1_images v join repositories r on r.id = v.repository_id where v.image_id = ?",
    topOf(chain),
  );
  expect(rows).toEqual([{ path: "announced/app" }]);
  expect((await today.inspect(name("announced/app"), "1")).layers).toHaveLength(2);
});

test("an image that nobody announced is nobody's until a tag names it, in as many repositories as do", async () => {
  const chain = chainOf(["nobody a", "nobody b"]);
  const client = openV1Client(house.registry, actor);
  await client.push(...chain);
  for (const repository of ["nobody/one", "nobody/two"]) {
    await client.tag(name(repository), "1", topOf(chain));
    expect((await today.inspect(name(repository), "1")).layers).toHaveLength(2);
    for (const { layer } of chain) expect(await today.read(name(repository), digestOf(layer))).toEqual(layer);
    expect(await to(repository).pull(topOf(chain))).toEqual(chain);
  }
});

describe("Deleting a blob over OCI", () => {
  const held = "unsupported blob: the blob is a layer of a v1 image that a tag leads to: delete the tag first";
  const drop = (repository: string, bytes: Uint8Array) =>
    faultOf(house.registry.blobs.delete(at("oci"), name(repository), digestOf(bytes)));

  test("is refused while a tag leads to an image whose layer it is, though no manifest names it", async () => {
    const empty = samples.E0.bytes;
    const chain = chainOf(["held a", "held b", "held c"], { "held b": empty });
    const where = name("held/app");
    await to("held/app").push(...chain);
    expect(await drop("held/app", chain[2]?.layer ?? empty)).toBe("done");
    await to("held/app").tag(where, "1", topOf(chain));
    expect(await drop("held/app", empty)).toBe(held);
    expect(await drop("held/app", chain[0]?.layer ?? empty)).toMatch("a manifest of this repository names the blob");
    expect(await to("held/app").pull(topOf(chain))).toEqual(chain);
    await house.registry.tags.delete(at("oci"), where, (await today.tags(where))[0] as never);
    expect(await drop("held/app", empty)).toBe("done");
  });

  test("is refused for tags that wait, that are v1's alone, and that today's clients set on such an image", async () => {
    const empty = samples.E1.bytes;
    const bad = Uint8Array.of(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0, 9);
    const chain = chainOf(["kept a", "kept b", "kept c"], { "kept b": empty, "kept c": bad });
    const where = name("held/more");
    const client = to("held/more");
    await client.push(...chain.slice(0, 2));
    await client.json(chain[2] ?? imageOf("none", undefined));
    await client.tag(where, "waits", topOf(chain));
    expect(await drop("held/more", empty)).toBe(held);
    await client.push(...chain.slice(2));
    expect(Object.keys(await keptTags(house, "held/more"))).toEqual(["waits"]);
    for (const bytes of [bad, empty]) expect(await drop("held/more", bytes)).toBe(held);
    await client.tag(where, "built", chain[1]?.id ?? "");
    await house.registry.v1Tags.delete(actor, where, "waits");
    expect(await drop("held/more", bad)).toBe("done");
    const { bytes } = await today.inspect(where, "built");
    await today.manifest(where, bytes, "today");
    await house.registry.v1Tags.delete(actor, where, "built");
    expect(await client.tags(where)).toEqual({ today: chain[1]?.id ?? "" });
    expect(await drop("held/more", empty)).toBe(held);
  });

  test("is not for what an image of today was derived from", async () => {
    const where = name("held/derived");
    const layer = todaysLayer(encode("derived"));
    const digest = await today.push(where, { layers: [layer] }, "1");
    const { "1": top = "" } = await to("held/derived").tags(where);
    expect(await drop("held/derived", layer.bytes)).toMatch("a manifest of this repository names the blob");
    await house.registry.manifests.delete(at("oci"), where, digest);
    expect(await drop("held/derived", layer.bytes)).toBe("done");
    expect(await faultOf(to("held/derived").read((await to("held/derived").ancestry(top))[1] ?? ""))).toBe(
      "unknown image: Image not found",
    );
  });
});
