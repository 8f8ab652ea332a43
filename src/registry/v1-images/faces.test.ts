// From today to v1 in the registry: images of every kind are chains that v1 clients can pull, and what is none is absent;
// also what was pushed before v1 was spoken.
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { zstdCompressSync } from "node:zlib";
import { digestOf } from "#lib/digest";
import { dockerList, dockerManifest, ociIndex, ociManifest } from "#lib/media-type";
import { parseTag } from "#lib/reference";
import { openTestRegistry, type TestRegistry } from "../testing.ts";
import { deriveChain, emptyLayerBytes } from "./derive.ts";
import {
  at,
  decode,
  descriptorOf,
  encode,
  faultOf,
  gzip,
  linux,
  name,
  noLayer,
  ociLayer,
  openTodaysClient,
  openV1Client,
  type TodaysImage,
  todaysLayer,
  writeImage,
} from "./testing.ts";

setDefaultTimeout(60_000);
const actor = at("docker-v1");
const noImage = "unknown image: Image not found";
const dockerConfig = "application/vnd.docker.container.image.v1+json";
const zstd = (bytes: Uint8Array) => new Uint8Array(zstdCompressSync(bytes));

let house: TestRegistry;
let today: ReturnType<typeof openTodaysClient>;
let old: ReturnType<typeof openV1Client>;
const open = () => {
  today = openTodaysClient(house.registry, at("oci"));
  old = openV1Client(house.registry, actor);
};
beforeAll(async () => {
  house = await openTestRegistry({ store: "fs" });
  open();
});
afterAll(() => house.remove());

/** The layer of `text`, as it unpacks and as it is sent. */
const sent = (text: string, size = 1536) => todaysLayer(encode(text.padEnd(size, "\0")));
const topOf = async (repository: string, tag = "1") => (await old.tags(name(repository)))[tag] ?? "";

/** The ids that the rules give to an image, base first. */
function idsOf(image: TodaysImage): string[] {
  const { config, manifest } = writeImage(image);
  const derived = deriveChain({ mediaType: image.mediaType ?? ociManifest, bytes: manifest }, config);
  return "reason" in derived ? [] : derived.images.map(({ id }) => id);
}

describe("An image of today", () => {
  test.each([
    ["OCI", { mediaType: ociManifest }],
    ["schema 2", { mediaType: dockerManifest, configType: dockerConfig }],
  ])("is a chain of its layers and one for its config: %s", async (kind, form) => {
    const image = {
      ...form,
      layers: [sent(`${kind} a`), sent(`${kind} b`, 100_000)],
      config: { config: { Cmd: ["/app"] } },
    };
    const where = name(`kinds/${kind === "OCI" ? "oci" : "docker"}`);
    await today.push(where, image, "1", "2");
    const top = await topOf(where.path);
    expect(await old.tags(where)).toEqual({ "1": top, "2": top });
    expect((await old.ancestry(top)).toReversed()).toEqual(idsOf(image));
    const chain = await old.pull(top);
    expect(chain.map(({ layer }) => layer)).toEqual([...image.layers.map(({ bytes }) => bytes), noLayer]);
    expect(chain.map(({ json }) => JSON.parse(decode(json)).id)).toEqual(chain.map(({ id }) => id));
    expect(JSON.parse(decode(chain[2]?.json ?? new Uint8Array())).config).toEqual({ Cmd: ["/app"] });
    expect((await old.read(top)).isAmbiguous).toBe(false);
  });

  test("without layers is one image", async () => {
    await today.push(name("kinds/none"), { layers: [] }, "1");
    expect((await old.pull(await topOf("kinds/none"))).map(({ layer }) => layer)).toEqual([emptyLayerBytes]);
  });

  test("has a config as large as a file", async () => {
    const image = { layers: [sent("large")], config: { config: { Labels: { large: "x".repeat(60_000) } } } };
    await today.push(name("kinds/large"), image, "1");
    expect((await old.ancestry(await topOf("kinds/large"))).toReversed()).toEqual(idsOf(image));
  });

  test("shares the images of its base with all that stand on it", async () => {
    const base = sent("shared");
    await today.push(name("kinds/base"), { layers: [base] }, "1");
    await today.push(name("kinds/child"), { layers: [base, sent("on shared")] }, "1");
    const [below] = (await old.ancestry(await topOf("kinds/base"))).toReversed();
    expect((await old.ancestry(await topOf("kinds/child"))).toReversed()[0]).toBe(below ?? "");
  });

  test("has foreign layers when they are stored, and is absent when they are not", async () => {
    const foreign = sent("foreign");
    const type = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
    const image = { layers: [{ ...foreign, mediaType: type }, sent("not foreign")] };
    const { config, manifest } = writeImage(image);
    for (const where of [name("foreign/without"), name("foreign/with")]) {
      for (const bytes of [config, image.layers[1]?.bytes ?? config]) await today.blob(where, bytes);
    }
    await today.manifest(name("foreign/without"), manifest, "1");
    expect(await old.tags(name("foreign/without"))).toEqual({});
    await today.blob(name("foreign/with"), foreign.bytes);
    await today.manifest(name("foreign/with"), manifest, "1");
    expect((await old.pull(await topOf("foreign/with")))[0]?.layer).toEqual(foreign.bytes);
    await today.blob(name("foreign/without"), foreign.bytes);
    expect(await topOf("foreign/without")).toBe(await topOf("foreign/with"));
  });
});

describe("What is no image is absent", () => {
  test.each([
    ["an artifact", { layers: [sent("artifact")], configType: "application/vnd.example+json" }],
    ["an empty config", { layers: [sent("cosign")], configType: "application/vnd.oci.empty.v1+json" }],
    ["a layer that is no archive", { layers: [{ ...sent("in-toto"), mediaType: "application/vnd.in-toto+json" }] }],
    ["an encrypted layer", { layers: [{ ...sent("secret"), mediaType: `${ociLayer}+gzip+encrypted` }] }],
  ])("%s", async (kind, image) => {
    const where = name(`absent/${kind.replaceAll(" ", "-")}`);
    await today.push(where, image, "1");
    await today.push(where, { layers: [sent(`beside ${kind}`)] }, "2");
    expect(Object.keys(await old.tags(where))).toEqual(["2"]);
    expect(await faultOf(house.registry.v1Tags.get(actor, where, "1", linux))).toBe("unknown tag: Tag not found");
  });

  test("a config whose diff_ids are not as many as its layers", async () => {
    const where = name("absent/mismatch");
    const [a, b] = [sent("mismatch a"), sent("mismatch b")];
    const { config } = writeImage({ layers: [a] });
    const { manifest } = writeImage({ layers: [a, b] });
    const named = {
      ...JSON.parse(decode(manifest)),
      config: descriptorOf("application/vnd.oci.image.config.v1+json", config),
    };
    for (const bytes of [a.bytes, b.bytes, config]) await today.blob(where, bytes);
    await today.manifest(where, encode(JSON.stringify(named)), "1");
    expect(await old.tags(where)).toEqual({});
    expect(await today.tags(where)).toEqual(["1"]);
  });
});

describe("A zstd layer", () => {
  const plain = encode("zstd".repeat(30_000));
  const layer = todaysLayer(plain, zstd(plain), `${ociLayer}+zstd`);

  test("is given as what it decodes to, with its length", async () => {
    await today.push(name("zstd/app"), { layers: [layer, sent("beside zstd")] }, "1");
    const chain = await old.pull(await topOf("zstd/app"));
    expect(chain[0]?.layer).toEqual(plain);
    expect(chain[1]?.layer).toEqual(sent("beside zstd").bytes);
  });

  test("is still given after a restart, and in another repository", async () => {
    house = await house.restart();
    open();
    expect((await old.pull(await topOf("zstd/app")))[0]?.layer).toEqual(plain);
    await today.copy(name("zstd/app"), "1", name("zstd/copy"));
    expect((await old.pull(await topOf("zstd/copy")))[0]?.layer).toEqual(plain);
  });

  test("is decoded once for all who ask at the same time", async () => {
    const many = encode("many ask".repeat(50_000));
    await today.push(name("zstd/many"), { layers: [todaysLayer(many, zstd(many), `${ociLayer}+zstd`)] }, "1");
    const [base = ""] = (await old.ancestry(await topOf("zstd/many"))).toReversed();
    for (const each of await Promise.all(Array.from({ length: 8 }, () => old.readLayer(base))))
      expect(each).toEqual(many);
    expect(await house.store.uploads.list()).toEqual([]);
  });

  test("is found whatever its media type says", async () => {
    const wrong = encode("labelled as gzip".repeat(100));
    await today.push(name("zstd/label"), { layers: [todaysLayer(wrong, zstd(wrong), `${ociLayer}+gzip`)] }, "1");
    expect((await old.pull(await topOf("zstd/label")))[0]?.layer).toEqual(wrong);
  });

  test("gives nothing of another blob that its config says it decodes to", async () => {
    const secret = gzip(encode("a secret of somebody else"));
    await today.blob(name("victim/secret"), secret);
    const bytes = zstd(encode("not a secret"));
    const thief = { bytes, mediaType: `${ociLayer}+zstd`, diffId: digestOf(secret) };
    await today.push(name("thief/app"), { layers: [thief] }, "1");
    const [base = ""] = (await old.ancestry(await topOf("thief/app"))).toReversed();
    expect(decode(await old.readLayer(base))).toBe("not a secret");
    expect(await faultOf(today.read(name("thief/app"), digestOf(secret)))).toMatch(/^unknown blob/);
  });

  test("that is damaged, or expands without end, is not there", async () => {
    const cut = zstd(encode("cut".repeat(9_000))).slice(0, -5);
    const bomb = zstd(new Uint8Array(400 * 1024 ** 2));
    for (const [which, bytes] of [
      ["cut", cut],
      ["bomb", bomb],
    ] as const) {
      const where = name(`zstd/${which}`);
      await today.push(where, { layers: [{ bytes, mediaType: `${ociLayer}+zstd`, diffId: digestOf(bytes) }] }, "1");
      const [base = ""] = (await old.ancestry(await topOf(where.path))).toReversed();
      for (let i = 0; i < 2; i++) expect(await faultOf(old.readLayer(base))).toBe(noImage);
      expect(await house.store.uploads.list()).toEqual([]);
    }
  });
});

describe("An index", () => {
  const platforms: readonly (readonly [string, object])[] = [
    ["amd64", { os: "linux", architecture: "amd64" }],
    ["arm v7", { os: "linux", architecture: "arm", variant: "v7" }],
    ["arm v6", { os: "linux", architecture: "arm", variant: "v6" }],
    ["arm64", { os: "linux", architecture: "arm64", variant: "v8" }],
    ["attestation", { os: "unknown", architecture: "unknown" }],
    ["windows", { os: "windows", architecture: "amd64" }],
  ];

  const pushIndex = async (repository: string, chosen: readonly string[], mediaType = ociIndex) => {
    const where = name(repository);
    const tops = new Map<string, string>();
    const manifests = [];
    for (const [label, platform] of platforms.filter(([each]) => chosen.includes(each))) {
      const image = { layers: [sent(`${repository} ${label}`)] };
      const { config, manifest } = writeImage(image);
      for (const bytes of [image.layers[0]?.bytes ?? config, config]) await today.blob(where, bytes);
      await today.manifest(where, manifest);
      manifests.push({ ...descriptorOf(ociManifest, manifest), platform });
      tops.set(label, idsOf(image).at(-1) ?? "");
    }
    await today.manifest(where, encode(JSON.stringify({ schemaVersion: 2, mediaType, manifests })), "1");
    return tops;
  };
  const shownTo = async (repository: string, arch: string, os = "linux") => {
    const platform = { os, arch };
    const one = house.registry.v1Tags.get(actor, name(repository), "1", platform).then(
      (got) => (got.isByPlatform ? got.imageId : "not by platform"),
      () => undefined,
    );
    const { tags, isByPlatform } = await house.registry.v1Tags.list(actor, name(repository), platform);
    expect(isByPlatform).toBe(true);
    const id = await one;
    expect(tags[0]?.imageId).toBe(id);
    return id;
  };

  test.each([ociIndex, dockerList])(
    "shows each machine its image, in list and single tag alike: %s",
    async (mediaType) => {
      const repository = `index/${mediaType === ociIndex ? "oci" : "docker"}`;
      const tops = await pushIndex(
        repository,
        platforms.map(([label]) => label),
        mediaType,
      );
      expect(await shownTo(repository, "amd64")).toBe(tops.get("amd64"));
      expect(await shownTo(repository, "arm")).toBe(tops.get("arm v6"));
      expect(await shownTo(repository, "arm64")).toBe(tops.get("arm64"));
      expect(await shownTo(repository, "s390x")).toBeUndefined();
      expect(await shownTo(repository, "amd64", "windows")).toBe(tops.get("windows"));
      expect(await shownTo(repository, "amd64", "linux")).not.toBe(await shownTo(repository, "amd64", "windows"));
      const listed = JSON.parse(decode(await house.registry.v1Repositories.images(actor, name(repository))));
      expect(listed.map(({ id }: { id: string }) => id)).toEqual(
        expect.arrayContaining([...tops.values()].slice(0, 4)),
      );
    },
  );

  test("takes the next best when the best is not there", async () => {
    const tops = await pushIndex("index/next", ["arm v7", "arm v6"]);
    const where = name("index/next");
    const { bytes } = await house.registry.manifests.get(at("oci"), where, { tag: parseTag("1") });
    const best = JSON.parse(decode(bytes)).manifests.find(
      (each: { platform: { variant?: string } }) => each.platform.variant === "v6",
    );
    await house.registry.manifests.delete(at("oci"), where, best.digest);
    expect(await shownTo("index/next", "arm")).toBe(tops.get("arm v7"));
  });

  test("is not by platform for who sees only images", async () => {
    await today.push(name("index/image"), { layers: [sent("image alone")] }, "1");
    const { isByPlatform } = await house.registry.v1Tags.list(actor, name("index/image"), linux);
    expect(isByPlatform).toBe(false);
  });
});

describe("With manifests that may name what is missing", () => {
  let lenient: TestRegistry;
  beforeAll(async () => {
    lenient = await openTestRegistry({ settings: { manifestsMissing: "any" } });
  });
  afterAll(() => lenient.remove());

  test("an image is absent until its config and its layers are there", async () => {
    const pusher = openTodaysClient(lenient.registry, at("oci"));
    const client = openV1Client(lenient.registry, actor);
    const where = name("lenient/app");
    const image = { layers: [sent("lenient a"), sent("lenient b")] };
    const { config, manifest } = writeImage(image);
    await pusher.manifest(where, manifest, "1");
    await pusher.push(where, { layers: [sent("whole")] }, "whole");
    for (const bytes of [...image.layers.map((each) => each.bytes), config]) {
      expect(Object.keys(await client.tags(where))).toEqual(["whole"]);
      await pusher.blob(where, bytes);
    }
    expect(Object.keys(await client.tags(where))).toEqual(["1", "whole"]);
    expect((await client.ancestry((await client.tags(where))["1"] ?? "")).toReversed()).toEqual(idsOf(image));
  });

  test("a child of an index is found when it comes after its index, and its layers after it", async () => {
    const pusher = openTodaysClient(lenient.registry, at("oci"));
    const client = openV1Client(lenient.registry, actor);
    const where = name("lenient/index");
    const image = { layers: [sent("late child")] };
    const { config, manifest } = writeImage(image);
    const manifests = [{ ...descriptorOf(ociManifest, manifest), platform: { os: "linux", architecture: "amd64" } }];
    await pusher.manifest(where, encode(JSON.stringify({ schemaVersion: 2, mediaType: ociIndex, manifests })), "1");
    expect(await client.tags(where)).toEqual({});
    await pusher.manifest(where, manifest);
    expect(await client.tags(where)).toEqual({});
    for (const bytes of [image.layers[0]?.bytes ?? config, config]) await pusher.blob(where, bytes);
    expect(await client.tags(where)).toEqual({ "1": idsOf(image).at(-1) ?? "" });
  });
});

describe("What was pushed before v1 was spoken", () => {
  const images: readonly TodaysImage[] = Array.from({ length: 3 }, (_, i) => ({ layers: [sent(`older ${i}`)] }));
  let older: TestRegistry;
  beforeAll(async () => {
    older = await openTestRegistry({ store: "fs" });
  });
  afterAll(() => older.remove());

  /** Brings the tables back to what they are after the migration. */
  const forget = async () => {
    await older.execute(
      ...["v1_tags", "v1_index_images", "v1_manifests", "v1_images"].map((table) => `delete from ${table}`),
      "update v1_backfill set next_id = 0, last_id = (select max(id) from manifests)",
    );
    expect(await older.db.read("select * from v1_images")).toEqual([]);
  };
  const list = (repository: string) => openV1Client(older.registry, actor).tags(name(repository));

  test("is found in the background, page by page", async () => {
    const pusher = openTodaysClient(older.registry, at("oci"));
    for (let i = 0; i < 250; i++) {
      await pusher.push(
        name("older/app"),
        images[i] ?? { layers: [], config: { created: `${2000 + i}-01-01T00:00:00Z` } },
        `t${i}`,
      );
    }
    await pusher.push(name("older/artifact"), { layers: [], configType: "application/vnd.example+json" }, "1");
    const before = await list("older/app");
    expect(Object.keys(before)).toHaveLength(250);
    await forget();
    let pages = 1;
    while (await older.registry.backfill()) pages++;
    expect(pages).toBe(3);
    expect(await older.registry.backfill()).toBe(false);
    expect(await list("older/app")).toEqual(before);
    expect(before["t1"]).toBe(idsOf(images[1] ?? { layers: [] }).at(-1) ?? "");
    expect(await list("older/artifact")).toEqual({});
  });

  test("is found before that when somebody asks", async () => {
    await forget();
    expect(Object.keys(await list("older/app"))).toHaveLength(250);
    expect(await older.registry.backfill()).toBe(false);
  });

  test("is found again after a restart in the middle", async () => {
    await forget();
    expect(await older.registry.backfill()).toBe(true);
    older = await older.restart();
    while (await older.registry.backfill());
    expect(Object.keys(await list("older/app"))).toHaveLength(250);
  });
});
