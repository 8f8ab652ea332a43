// One tag, two tongues: what either protocol does to a tag shows at once in the other; and round trips, from v1 to today and
// back, from today to v1 and back.
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { digestOf } from "#lib/digest";
import { samples } from "#lib/layers/testing";
import { dockerManifest } from "#lib/media-type";
import { parseTag } from "#lib/reference";
import { openTestRegistry, type TestRegistry } from "../testing.ts";
import {
  at,
  chainOf,
  decode,
  encode,
  eventsOf,
  faultOf,
  historyOf,
  type Image,
  idOf,
  imageOf,
  linux,
  name,
  openTodaysClient,
  openV1Client,
  todaysLayer,
} from "./testing.ts";

setDefaultTimeout(60_000);
const actor = at("docker-v1");
const oci = at("oci");
const noTag = "unknown tag: Tag not found";
const noRepository = "unknown repository: Repository not found";

let house: TestRegistry;
let today: ReturnType<typeof openTodaysClient>;
beforeAll(async () => {
  house = await openTestRegistry();
  today = openTodaysClient(house.registry, oci);
});
afterAll(() => house.remove());

const to = (repository: string) => openV1Client(house.registry, actor, name(repository));
const topOf = (chain: readonly Pick<Image, "id">[]) => chain.at(-1)?.id ?? "";
const image = (...texts: string[]) => ({ layers: texts.map((text) => todaysLayer(encode(text.padEnd(1024, "\0")))) });
const tagEvents = async (path: string) => (await eventsOf(house, path)).filter((each) => each.startsWith("tag."));
const protocols = async (path: string, tag = "1") =>
  (await historyOf(house, path, tag)).map(({ protocol }) => protocol);

async function push(repository: string, chain: readonly Image[], tag = "1"): Promise<string> {
  await to(repository).pushMissing(...chain);
  await to(repository).tag(name(repository), tag, topOf(chain));
  return topOf(chain);
}

describe("A tag that v1 set", () => {
  test("is moved by today's clients, and shows the image that is derived from what they pushed", async () => {
    const where = name("one/moved");
    const old = await push("one/moved", chainOf(["moved a", "moved b"]));
    const digest = await today.push(where, image("moved today"), "1");
    const shown = (await to("one/moved").tags(where))["1"];
    expect(shown).not.toBe(old);
    const [base] = await to("one/moved").pull(shown ?? "");
    expect(base?.layer).toEqual(image("moved today").layers[0]?.bytes);
    expect(await protocols("one/moved")).toEqual(["docker-v1", "oci"]);
    expect(await house.registry.v1Tags.info(actor, where, "1")).toBeUndefined();
    await to("one/moved").tag(where, "1", old);
    expect(await today.digest(where, "1")).not.toBe(digest);
    expect(await to("one/moved").tags(where)).toEqual({ "1": old });
    expect(await protocols("one/moved")).toEqual(["docker-v1", "oci", "docker-v1"]);
    expect(await tagEvents("one/moved")).toEqual(["docker-v1", "oci", "docker-v1"].map((each) => `tag.move 1 ${each}`));
  });

  test("is deleted by today's clients, and by deleting its manifest", async () => {
    const where = name("one/deleted");
    for (const drop of [
      () => house.registry.tags.delete(oci, where, parseTag("1")),
      async () => {
        const { digest } = await house.registry.manifests.resolve(oci, where, { tag: parseTag("1") });
        await house.registry.manifests.delete(oci, where, digest);
      },
    ]) {
      const top = await push("one/deleted", chainOf(["deleted a", "deleted b"]));
      await drop();
      expect(await to("one/deleted").tags(where)).toEqual({});
      expect(await faultOf(house.registry.v1Tags.get(actor, where, "1", linux))).toBe(noTag);
      expect(await to("one/deleted").ancestry(top)).toHaveLength(2);
    }
    await push("one/deleted", chainOf(["deleted a", "deleted b"]));
    expect(await today.tags(where)).toEqual(["1"]);
    expect(await protocols("one/deleted")).toEqual(["docker-v1", "oci", "docker-v1", "oci", "docker-v1"]);
  });

  test("keeps its image when today's clients push the same manifest, under any name", async () => {
    const where = name("one/same");
    const top = await push("one/same", chainOf(["same a", "same b"]));
    const { bytes } = await today.inspect(where, "1");
    await today.manifest(where, bytes, "1", "2");
    expect(await to("one/same").tags(where)).toEqual({ "1": top, "2": top });
    expect(await protocols("one/same")).toEqual(["docker-v1"]);
    expect(await house.registry.v1Tags.info(actor, where, "1")).toEqual({ last_update: 1 });
  });

  test("that waits ends when today's clients set it", async () => {
    const where = name("one/waits");
    const chain = chainOf(["waits a"]);
    for (const each of chain) await to("one/waits").json(each);
    await to("one/waits").tag(where, "1", topOf(chain));
    const digest = await today.push(where, image("waits today"), "1");
    await to("one/waits").push(...chain);
    expect(await today.digest(where, "1")).toBe(digest);
    expect((await to("one/waits").tags(where))["1"]).not.toBe(topOf(chain));
  });
});

describe("A tag that today's clients set", () => {
  test("is deleted over v1", async () => {
    const where = name("two/deleted");
    const digest = await today.push(where, image("two deleted"), "1", "2");
    await house.registry.v1Tags.delete(actor, where, "1");
    expect(await today.tags(where)).toEqual(["2"]);
    expect(await faultOf(house.registry.v1Tags.delete(actor, where, "1"))).toBe(noTag);
    expect(await faultOf(house.registry.v1Tags.delete(actor, where, ".no tag"))).toBe(noTag);
    const [, last] = await historyOf(house, "two/deleted", "1");
    expect(last).toEqual({ protocol: "docker-v1", old_digest: digest, new_digest: null });
    expect((await tagEvents("two/deleted")).at(-1)).toBe("tag.delete 1 docker-v1");
  });

  test("can be set over v1 for the image that another tag shows", async () => {
    const where = name("two/again");
    const digest = await today.push(where, image("two again"), "1");
    const { "1": top = "" } = await to("two/again").tags(where);
    await to("two/again").tag(where, "2", top);
    expect(await today.digest(where, "2")).toBe(digest);
    expect(await to("two/again").tags(where)).toEqual({ "1": top, "2": top });
  });

  test("is listed with those of v1, in byte order", async () => {
    const where = name("two/order");
    await today.push(where, image("two order"), "b", "_", "B");
    const chain = chainOf(["order a"]);
    await push("two/order", chain, "a");
    const waits = imageOf("order waits", undefined);
    await to("two/order").json(waits);
    await to("two/order").tag(where, "A", waits.id);
    const { tags } = await house.registry.v1Tags.list(actor, where, linux);
    expect(tags.map((each) => each.name)).toEqual(["A", "B", "_", "a", "b"]);
    expect(await today.tags(where)).toEqual(["B", "_", "a", "b"]);
  });
});

describe("A repository that is deleted", () => {
  test("over v1 is gone for both, and its images stay", async () => {
    const where = name("gone/app");
    const chain = chainOf(["gone a", "gone b"]);
    await push("gone/app", chain);
    await today.push(where, image("gone today"), "2");
    await house.registry.v1Repositories.delete(actor, where);
    expect(await faultOf(house.registry.v1Tags.list(actor, where, linux))).toBe(noRepository);
    expect(await faultOf(house.registry.v1Repositories.delete(actor, where))).toBe(noRepository);
    expect(await faultOf(house.registry.v1Tags.get(actor, where, "1", linux))).toBe(noTag);
    expect(await faultOf(today.tags(where))).toMatch(/^unknown repository/);
    expect(await openV1Client(house.registry, actor).pull(topOf(chain))).toEqual(chain);
    expect((await eventsOf(house, "gone/app")).at(-1)).toBe("repository.delete - docker-v1");
  });

  test("can be pushed again, and nothing is sent twice", async () => {
    const where = name("gone/app");
    const chain = chainOf(["gone a", "gone b"]);
    await to("gone/app").tag(where, "1", topOf(chain));
    expect(await to("gone/app").pull(topOf(chain))).toEqual(chain);
    expect(await to("gone/app").tags(where)).toEqual({ "1": topOf(chain) });
    expect((await today.inspect(where, "1")).layers).toHaveLength(2);
    expect(await today.tags(where)).toEqual(["1"]);
  });
});

test("the images of a repository are those that were announced and those behind its tags", async () => {
  const where = name("list/app");
  const list = async () => JSON.parse(decode(await house.registry.v1Repositories.images(actor, where)));
  expect(await faultOf(list())).toBe(noRepository);
  const chain = chainOf(["list a", "list b"]);
  const entries = [{ id: topOf(chain), Tag: "1" }, { id: idOf("list never pushed") }];
  await house.registry.v1Repositories.announce(actor, where, encode(JSON.stringify(entries)));
  expect(await list()).toEqual(entries);
  await push("list/app", chain);
  await today.push(where, image("list today"), "2");
  const { "2": derived = "" } = await to("list/app").tags(where);
  const ids = (await list()).map(({ id }: { id: string }) => id);
  expect(new Set(ids)).toEqual(
    new Set([
      ...entries.map(({ id }) => id),
      ...chain.map(({ id }) => id),
      ...(await to("list/app").ancestry(derived)),
    ]),
  );
  await house.registry.v1Repositories.finish(
    actor,
    where,
    encode(JSON.stringify([{ id: topOf(chain), checksum: "sha256:1" }])),
  );
  expect(await list()).toContainEqual({ id: topOf(chain), checksum: "sha256:1" });
});

describe("From today to v1 and back", () => {
  test("a derived chain that is pushed to where it came from is the same digest, and nothing is sent", async () => {
    const where = name("back/same");
    const digest = await today.push(where, image("back a", "back b"), "1");
    const { "1": top = "" } = await to("back/same").tags(where);
    const chain = await to("back/same").pull(top);
    for (const each of chain)
      expect(await faultOf(to("back/same").json(each))).toBe("conflict image: Image already exists");
    await to("back/same").tag(where, "2", top);
    expect(await today.digest(where, "2")).toBe(digest);
  });

  test.each([
    ["docker", dockerManifest],
    ["oci", undefined],
  ])("and so it is in another repository: %s", async (kind, mediaType) => {
    const from = name(`back/${kind}`);
    const where = name(`back/to-${kind}`);
    const whole = {
      ...image(`back ${kind} a`, `back ${kind} b`),
      ...(mediaType === undefined ? {} : { mediaType, configType: "application/vnd.docker.container.image.v1+json" }),
    };
    const digest = await today.push(from, whole, "1");
    const { "1": top = "" } = await to(from.path).tags(from);
    await to(where.path).tag(where, "9", top);
    expect(await today.digest(where, "9")).toBe(digest);
    for (const { bytes } of whole.layers) expect(await today.read(where, digestOf(bytes))).toEqual(bytes);
    expect(await to(where.path).tags(where)).toEqual({ "9": top });
    expect(await to(where.path).pull(top)).toEqual(await to(from.path).pull(top));
  });

  test("also when today's tag is gone, as long as its manifest is there", async () => {
    const where = name("back/untagged");
    const digest = await today.push(where, image("untagged"), "1");
    const { "1": top = "" } = await to("back/untagged").tags(where);
    await house.registry.tags.delete(oci, where, parseTag("1"));
    await to("back/untagged").tag(where, "1", top);
    expect(await today.digest(where, "1")).toBe(digest);
  });

  test("a chain whose manifest is gone is built anew from what is there", async () => {
    const where = name("back/anew");
    const digest = await today.push(where, image("anew"), "1");
    const { "1": top = "" } = await to("back/anew").tags(where);
    await house.registry.manifests.delete(oci, where, digest);
    await to("back/anew").tag(where, "1", top);
    const made = await today.inspect(where, "1");
    expect(made.layers).toEqual(image("anew").layers.map(({ bytes }): string => digestOf(bytes)));
    expect(await to("back/anew").tags(where)).toEqual({ "1": top });
  });

  test("a child of a derived chain has the layers of its base, and one entry of history for its config", async () => {
    const base = image("child base a", "child base b");
    await today.push(name("back/base"), base, "1");
    const { "1": parent = "" } = await to("back/base").tags(name("back/base"));
    for (const repository of ["back/base", "back/child"]) {
      const child = imageOf(`${repository} on derived`, { id: parent });
      await push(repository, [child], "child");
      const made = await today.inspect(name(repository), "child");
      expect(made.layers).toEqual([...base.layers.map(({ bytes }): string => digestOf(bytes)), digestOf(child.layer)]);
      expect(made.config.rootfs.diff_ids.slice(0, 2)).toEqual(base.layers.map(({ diffId }) => diffId));
      expect(made.config.history.map((each: { empty_layer?: boolean }) => each.empty_layer ?? false)).toEqual([
        false,
        false,
        true,
        false,
      ]);
      expect(await to(repository).ancestry(child.id)).toHaveLength(4);
    }
  });

  test("a child of what says that it unpacks to something else says the truth", async () => {
    const [layer] = image("honest").layers;
    const liar = { layers: [{ ...(layer ?? todaysLayer(encode(""))), diffId: digestOf(encode("a lie")) }] };
    await today.push(name("back/liar"), liar, "1");
    const { "1": parent = "" } = await to("back/liar").tags(name("back/liar"));
    await push("back/liar", [imageOf("on a lie", { id: parent })], "child");
    const made = await today.inspect(name("back/liar"), "child");
    expect(made.config.rootfs.diff_ids[0]).toBe(layer?.diffId ?? "");
  });
});

describe("From v1 to today and back", () => {
  const chain = chainOf(["orig a", "orig b", "orig c"], { "orig b": samples.E0.bytes });

  test("an image that is copied shows the ids that it was pushed under, empty ones too", async () => {
    const top = await push("orig/app", chain);
    const digest = await today.copy(name("orig/app"), "1", name("orig/copy"), "2");
    expect(digest).toBe((await today.inspect(name("orig/app"), "1")).digest);
    expect(await to("orig/copy").tags(name("orig/copy"))).toEqual({ "2": top });
    expect(await to("orig/copy").pull(top)).toEqual(chain);
    await house.registry.v1Repositories.delete(actor, name("orig/app"));
    expect(await to("orig/copy").pull(top)).toEqual(chain);
  });

  test("the oldest ids are shown for a manifest that several chains lead to; a tag over v1 shows its own", async () => {
    const renamed: Image[] = [];
    for (const [i, { layer, json }] of chain.entries()) {
      const id = idOf(`other orig ${i}`);
      const { id: _, parent: __, ...members } = JSON.parse(decode(json));
      const parent = renamed.at(-1);
      renamed.push({
        id,
        json: encode(JSON.stringify({ ...members, id, ...(parent === undefined ? {} : { parent: parent.id }) })),
        layer,
      });
    }
    const top = await push("orig/second", chain, "old");
    const other = await push("orig/second", renamed, "new");
    const { bytes, digest } = await today.inspect(name("orig/second"), "new");
    expect(await today.digest(name("orig/second"), "old")).toBe(digest);
    await today.manifest(name("orig/second"), bytes, "today");
    expect(await to("orig/second").tags(name("orig/second"))).toEqual({ old: top, new: other, today: top });
  });
});
