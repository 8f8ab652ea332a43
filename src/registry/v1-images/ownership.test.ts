// Ids are chosen by who pushes and prove nothing: where people have rights, nobody's push is in the way of another's, no tag
// leads to foreign content, and knowing the id of a private image gives nothing.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type Access, type Action, type Actor, openAccess } from "#access";
import { digestOf } from "#lib/digest";
import { Fault } from "#lib/fault";
import { openTestRegistry, type TestRegistry } from "../testing.ts";
import { deriveChain } from "./derive.ts";
import {
  at,
  chainOf,
  encode,
  faultOf,
  type Image,
  idOf,
  imageOf,
  layerOf,
  linux,
  name,
  openTodaysClient,
  openV1Client,
  type TodaysImage,
  todaysLayer,
  writeImage,
} from "./testing.ts";

const noImage = "unknown image: Image not found";
const there = "conflict image: Image already exists";
const noParent = "invalid image: Image depends on a non existing parent";
const ociManifest = "application/vnd.oci.image.manifest.v1+json";

/** Everybody owns the namespace of their name; what is called `open` there, and what is in `library`, all may pull. */
function allows(actor: Actor, path: string, action: Action): boolean {
  if (path === "") return false;
  const [namespace, repository] = path.includes("/") ? path.split("/") : ["library", path];
  if (namespace === actor.id) return true;
  return action === "pull" && (namespace === "library" || repository === "open");
}
const people: Access = {
  allows,
  require(actor, path, action) {
    if (!allows(actor, path, action)) throw new Fault("denied", "repository", `${action} is not allowed`);
  },
};

let house: TestRegistry;
beforeAll(async () => {
  house = await openTestRegistry({ access: people });
});
afterAll(() => house.remove());

const victim = at("docker-v1", "victim");
const attacker = at("docker-v1", "attacker");
const library = at("docker-v1", "library");
/** Of `repository` when its requests carry a token for it; without, they say only who asks. */
const as = (actor: Actor, repository?: string) =>
  openV1Client(house.registry, actor, repository === undefined ? undefined : name(repository));
const today = (actor: Actor) => openTodaysClient(house.registry, { ...actor, protocol: "oci" });
const announce = (actor: Actor, repository: string, images: readonly Pick<Image, "id">[]) =>
  house.registry.v1Repositories.announce(
    actor,
    name(repository),
    encode(JSON.stringify(images.map(({ id }) => ({ id })))),
  );
const topOf = (chain: readonly Pick<Image, "id">[]) => chain.at(-1)?.id ?? "";
const withLayers = (chain: readonly Image[], text: string): Image[] =>
  chain.map((each) => ({ ...each, layer: layerOf(`${text} ${each.id}`) }));

/** How a push says where it goes: by a token, or by what it announced before. */
const ways = ["by its token", "by its announcement"] as const;
async function begin(actor: Actor, repository: string, way: (typeof ways)[number], chain: readonly Image[]) {
  await announce(actor, repository, chain);
  return as(actor, way === "by its token" ? repository : undefined);
}

describe("Poisoning: the bytes of somebody else under the ids of a push to come", () => {
  test.each(ways)("are not in its way when the push says where it goes %s", async (way) => {
    const kind = way.replaceAll(" ", "-");
    const chain = chainOf([`future ${kind} a`, `future ${kind} b`]);
    const poison = withLayers(chain, "poison");
    const bad = await begin(attacker, "attacker/open", way, poison);
    await bad.push(...poison);
    await bad.tag(name("attacker/open"), kind, topOf(poison));
    const good = await begin(victim, "victim/app", way, chain);
    for (const { id } of chain) expect(await faultOf(good.read(id))).toBe(noImage);
    await good.push(...chain);
    await good.tag(name("victim/app"), kind, topOf(chain));
    expect((await today(victim).inspect(name("victim/app"), kind)).layers).toEqual(
      chain.map(({ layer }): string => digestOf(layer)),
    );
    expect(await as(victim, "victim/app").pull(topOf(chain))).toEqual(chain);
    expect(await as(attacker, "attacker/open").pull(topOf(chain))).toEqual(poison);
    expect((await as(victim, "victim/app").read(topOf(chain))).isAmbiguous).toBe(true);
  });

  test.each(ways)("are not in its way while they are arriving, nor when only the parent is theirs: %s", async (way) => {
    const kind = `half-${way.replaceAll(" ", "-")}`;
    const chain = chainOf([`${kind} a`, `${kind} b`]);
    const [base, top] = chain;
    if (base === undefined || top === undefined) throw new Error("there are two");
    const bad = await begin(attacker, "attacker/open", way, chain);
    await bad.push({ ...base, layer: layerOf("poisoned base") });
    await bad.json(top);
    const good = await begin(victim, "victim/app", way, [top]);
    expect(await faultOf(good.json(top))).toBe(noParent);
    await announce(victim, "victim/app", chain);
    await good.push(...chain);
    await bad.layer(top);
    await bad.checksum(top);
    await good.tag(name("victim/app"), kind, top.id);
    expect(await as(victim, "victim/app").pull(top.id)).toEqual(chain);
  });

  test("are not taken for an image of today under a derived id", async () => {
    const image: TodaysImage = { layers: [todaysLayer(encode("to be derived"))] };
    const { config, manifest } = writeImage(image);
    const derived = deriveChain({ mediaType: ociManifest, bytes: manifest }, config);
    const [base, top] = "images" in derived ? derived.images : [];
    if (base === undefined || top === undefined) throw new Error("there are two");
    const forged = { id: base.id, json: base.json, layer: layerOf("forged") };
    const forgedTop = { id: top.id, json: top.json, layer: layerOf("forged top") };
    await as(attacker, "attacker/open").push(forged, forgedTop);
    await today(victim).push(name("victim/open"), image, "1");
    expect((await as(victim, "victim/open").pull(top.id))[0]?.layer).toEqual(image.layers[0]?.bytes);
    // Who names no repository gets what the id fixes.
    expect((await as(victim).pull(top.id))[0]?.layer).toEqual(image.layers[0]?.bytes);
    // And a child of it has the layers of the image of today.
    const child = imageOf("on derived", top);
    await as(victim, "victim/app").push(child);
    await as(victim, "victim/app").tag(name("victim/app"), "child", child.id);
    expect((await today(victim).inspect(name("victim/app"), "child")).layers[0]).toBe(
      digestOf(image.layers[0]?.bytes ?? config),
    );
    // In its own repository the forger keeps what they sent.
    expect((await as(attacker, "attacker/open").pull(top.id))[0]?.layer).toEqual(forged.layer);
  });

  test("are not found by way of a manifest that both have", async () => {
    const chain = chainOf(["both a", "both b"]);
    const renamed = chain.map((each, i) =>
      imageOf(`both ${"ab"[i]}`, i === 0 ? undefined : { id: idOf("evil 0") }, each.layer),
    );
    const evil = renamed.map((each, i) => {
      const members = JSON.parse(new TextDecoder().decode(each.json));
      return { ...each, id: idOf(`evil ${i}`), json: encode(JSON.stringify({ ...members, id: idOf(`evil ${i}`) })) };
    });
    await as(attacker, "attacker/open").push(...evil);
    await as(attacker, "attacker/open").tag(name("attacker/open"), "both", topOf(evil));
    await today(victim).copy(name("attacker/open"), "both", name("victim/copy"));
    const { both = "" } = await as(victim, "victim/copy").tags(name("victim/copy"));
    expect(evil.map(({ id }) => id)).not.toContain(both);
    await as(victim, "victim/copy").push({ ...imageOf("evil", undefined), ...evilFree(topOf(evil)) });
    expect(await as(victim, "victim/copy").ancestry(topOf(evil))).toEqual([topOf(evil)]);
  });

  const evilFree = (id: string) => ({ id, json: encode(JSON.stringify({ id })) });
});

describe("Theft: the id of an image in a private repository", () => {
  const chain = chainOf(["private a", "private b"]);
  const top = topOf(chain);
  const derivedTop = async () => (await as(victim, "victim/private").tags(name("victim/private")))["today"] ?? "";

  beforeAll(async () => {
    await as(victim, "victim/private").push(...chain);
    await as(victim, "victim/private").tag(name("victim/private"), "1", top);
    await today(victim).push(name("victim/private"), { layers: [todaysLayer(encode("private today"))] }, "today");
  });

  test.each(ways)("gives nothing to who announces it, %s", async (way) => {
    const client = await begin(attacker, "attacker/thief", way, chain);
    for (const id of [top, chain[0]?.id ?? "", await derivedTop()]) {
      expect(await faultOf(client.read(id))).toBe(noImage);
      expect(await faultOf(client.ancestry(id))).toBe(noImage);
      expect(await faultOf(client.readLayer(id))).toBe(noImage);
      expect(await faultOf(client.tag(name("attacker/thief"), "1", id))).toBe(noImage);
      expect(await faultOf(client.json(imageOf(`child of ${id}`, { id })))).toBe(noParent);
      expect(await faultOf(client.layer({ id, layer: layerOf("x") }))).toBe(noImage);
    }
    expect(await as(attacker, "attacker/thief").tags(name("attacker/thief"))).toEqual({});
  });

  test("gives nothing to who pushes under it: their own bytes are theirs", async () => {
    const own = withLayers(chain, "thief");
    await as(attacker, "attacker/thief").push(...own);
    await as(attacker, "attacker/thief").tag(name("attacker/thief"), "1", top);
    expect(await as(attacker, "attacker/thief").pull(top)).toEqual(own);
    expect(await as(victim, "victim/private").pull(top)).toEqual(chain);
  });

  test("is not to be read with the repository of its owner, nor after that has been deleted", async () => {
    expect(await faultOf(as(attacker, "victim/private").read(top))).toMatch(/^denied/);
    const secret = imageOf("private and deleted", undefined);
    await as(victim, "victim/deleted").push(secret);
    await house.registry.v1Repositories.delete(victim, name("victim/deleted"));
    for (const client of [as(attacker), as(attacker, "attacker/thief")]) {
      expect(await faultOf(client.read(secret.id))).toBe(noImage);
    }
    expect(await as(victim).pull(secret.id)).toEqual([secret]);
    await as(victim, "victim/app").tag(name("victim/app"), "restored", secret.id);
    expect(await as(victim, "victim/app").pull(secret.id)).toEqual([secret]);
  });

  test("gives nothing by way of a manifest whose subject is a private blob", async () => {
    const secret = chain[0]?.layer ?? layerOf("none");
    const { config, manifest } = writeImage({ layers: [todaysLayer(encode("bait"))] });
    const subject = { mediaType: ociManifest, digest: digestOf(secret), size: secret.byteLength };
    const bait = encode(JSON.stringify({ ...JSON.parse(new TextDecoder().decode(manifest)), subject }));
    const pusher = today(attacker);
    for (const bytes of [todaysLayer(encode("bait")).bytes, config]) await pusher.blob(name("attacker/bait"), bytes);
    await pusher.manifest(name("attacker/bait"), bait, "1");
    const { "1": id = "" } = await as(attacker, "attacker/bait").tags(name("attacker/bait"));
    await as(attacker, "attacker/hook").tag(name("attacker/hook"), "1", id);
    expect(await faultOf(pusher.read(name("attacker/hook"), digestOf(secret)))).toMatch(/^unknown blob/);
    expect(await pusher.tags(name("attacker/hook"))).toEqual(["1"]);
  });
});

describe("What is there already", () => {
  test("is what is in one's own repositories, and in the library", async () => {
    const [mine, common] = [imageOf("mine", undefined), imageOf("common", undefined)];
    await as(victim, "victim/one").push(mine);
    await as(library, "base").push(common);
    for (const image of [mine, common]) {
      expect(await faultOf(as(victim, "victim/two").json(image))).toBe(there);
      expect(await as(victim, "victim/two").pull(image.id)).toEqual([image]);
      await as(victim, "victim/two").tag(name("victim/two"), "1", image.id);
      expect(await as(victim, "victim/two").tags(name("victim/two"))).toEqual({ "1": image.id });
    }
  });

  test("is not what one may only pull: it is sent again, and is one's own then", async () => {
    const image = imageOf("only to pull", undefined);
    await as(attacker, "attacker/open").push(image);
    await as(attacker, "attacker/open").tag(name("attacker/open"), "pull", image.id);
    expect(await as(victim).pull(image.id)).toEqual([image]);
    expect(await faultOf(as(victim, "victim/two").tag(name("victim/two"), "2", image.id))).toBe(noImage);
    expect(await faultOf(as(victim, "victim/two").read(image.id))).toBe(noImage);
    await as(victim, "victim/two").push(image);
    await as(victim, "victim/two").tag(name("victim/two"), "2", image.id);
    expect((await as(victim, "victim/two").read(image.id)).isAmbiguous).toBe(false);
  });

  test("is whatever was derived from an image of today that one may pull", async () => {
    const digest = await today(attacker).push(
      name("attacker/open"),
      { layers: [todaysLayer(encode("for all"))] },
      "derived",
    );
    const { derived = "" } = await as(attacker, "attacker/open").tags(name("attacker/open"));
    expect(await as(victim, "victim/two").pull(derived)).toHaveLength(2);
    await as(victim, "victim/two").tag(name("victim/two"), "derived", derived);
    expect(await today(victim).digest(name("victim/two"), "derived")).toBe(digest);
  });
});

test("nobody may push to, tag, delete or read what is not theirs", async () => {
  const { v1Repositories, v1Tags } = house.registry;
  const image = imageOf("denied", undefined);
  const where = name("victim/app");
  const tries = [
    as(attacker, "victim/app").json(image),
    as(attacker, "victim/app").layer(image),
    as(attacker, "victim/app").checksum(image),
    as(attacker, "victim/app").tag(where, "1", image.id),
    as(attacker).json(image),
    v1Tags.delete(attacker, where, "1"),
    v1Tags.list(attacker, where, linux),
    v1Tags.get(attacker, where, "1", linux),
    v1Tags.info(attacker, where, "1"),
    v1Repositories.announce(attacker, where, encode("[]")),
    v1Repositories.finish(attacker, where, encode("[]")),
    v1Repositories.images(attacker, where),
    v1Repositories.delete(attacker, where),
    v1Repositories.access(attacker, where),
    v1Repositories.setAccess(attacker, where, "public"),
  ];
  for (const said of await Promise.all(tries.map(faultOf))) expect(said).toMatch(/^denied repository/);
});

test("in the open mode an image that two repositories have in different bytes is ambiguous, and each has its own", async () => {
  const open = await openTestRegistry({ access: openAccess({ open: true }) });
  const anybody = at("docker-v1");
  const of = (repository: string) => openV1Client(open.registry, anybody, name(repository));
  const image = imageOf("ambiguous", undefined);
  const other = { ...image, layer: layerOf("something else") };
  await of("one/app").json(image);
  await of("two/app").json(other);
  for (const [repository, each] of [
    ["one/app", image],
    ["two/app", other],
  ] as const) {
    await of(repository).layer(each);
    await of(repository).checksum(each);
  }
  for (const [repository, each] of [
    ["one/app", image],
    ["two/app", other],
  ] as const) {
    await of(repository).tag(name(repository), "1", each.id);
    expect(await of(repository).pull(each.id)).toEqual([each]);
    expect((await of(repository).read(each.id)).isAmbiguous).toBe(true);
  }
  // The oldest, for who does not say which.
  expect(await openV1Client(open.registry, anybody).pull(image.id)).toEqual([image]);
  await open.remove();
});
