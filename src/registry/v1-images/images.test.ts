// One image on its way: announced, uploaded, complete; each Fault in the words of the protocol; whose parent may be what.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type Digest, digestOf } from "#lib/digest";
import { samples } from "#lib/layers/testing";
import { incomingOf } from "#lib/stream";
import { quarantineBlob } from "../blobs.sql.ts";
import { openTestRegistry, type TestRegistry } from "../testing.ts";
import { completeImage } from "./images.sql.ts";
import {
  at,
  chainOf,
  encode,
  faultOf,
  idOf,
  imageOf,
  layerOf,
  name,
  openTodaysClient,
  openV1Client,
  payloadOf,
} from "./testing.ts";

const actor = at("docker-v1");
const noImage = "unknown image: Image not found";
const arriving = "conflict arriving-image: Image is being uploaded, retry later";
const there = "conflict image: Image already exists";
const cannotSet = "conflict checksum: Cannot set this image checksum";
const mismatch = "invalid checksum: Checksum mismatch";
const noParent = "invalid image: Image depends on a non existing parent";

let house: TestRegistry;
let client: ReturnType<typeof openV1Client>;
beforeAll(async () => {
  house = await openTestRegistry({ store: "fs" });
  client = openV1Client(house.registry, actor);
});
afterAll(() => house.remove());

const in_ = (repository: string) => openV1Client(house.registry, actor, name(repository));
const v1 = () => house.registry.v1Images;
const asking = { actor, repository: undefined };
const reads = (id: string) =>
  Promise.all([v1().get(asking, id), v1().openLayer(asking, id), v1().ancestry(asking, id)].map(faultOf));

describe("The state of an image", () => {
  const image = imageOf("states", undefined);

  test("is absent at first: nothing can be read, and only its JSON can be put", async () => {
    expect(await reads(image.id)).toEqual([noImage, noImage, noImage]);
    expect(await faultOf(v1().files(asking, image.id))).toBe(noImage);
    expect(await faultOf(client.layer(image))).toBe(noImage);
    expect(await faultOf(client.checksum(image))).toBe(noImage);
    expect(await faultOf(client.tag(name("states/app"), "1", image.id))).toBe(noImage);
  });

  test("is announced by its JSON, as often as it is sent: it is being uploaded", async () => {
    await client.json(image);
    await client.json(image);
    expect(await reads(image.id)).toEqual([arriving, arriving, arriving]);
    expect(await faultOf(v1().files(asking, image.id))).toBe(arriving);
    expect(await faultOf(client.checksum(image))).toBe(mismatch);
  });

  test("is uploaded by its layer, which may be replaced, and still cannot be read", async () => {
    await client.layer({ ...image, layer: layerOf("another") });
    await client.layer(image);
    expect(await reads(image.id)).toEqual([arriving, arriving, arriving]);
  });

  test("forgets the layer when its JSON comes anew", async () => {
    await client.json(image);
    expect(await faultOf(client.checksum(image))).toBe(mismatch);
    await client.layer(image);
  });

  test("stays uploaded after a checksum that is wrong, or is none", async () => {
    const put = (payload?: string, tarsum?: string) => faultOf(v1().putChecksum(asking, image.id, { payload, tarsum }));
    expect(await put()).toBe("invalid checksum: Missing Image's checksum");
    expect(await put("", "")).toBe("invalid checksum: Missing Image's checksum");
    expect(await put(`sha256:${"0".repeat(64)}`)).toBe(mismatch);
    expect(await put("sha256:")).toBe(mismatch);
    expect(await put(undefined, `tarsum+sha256:${"0".repeat(64)}`)).toBe(mismatch);
    expect(await reads(image.id)).toEqual([arriving, arriving, arriving]);
  });

  test("is complete by the checksum, and gives back every byte", async () => {
    await client.checksum(image);
    expect(await client.pull(image.id)).toEqual([image]);
    const { checksums, isAmbiguous } = await client.read(image.id);
    expect(checksums).toEqual([payloadOf(image)]);
    expect(isAmbiguous).toBe(false);
  });

  test("changes no more once it is complete", async () => {
    expect(await faultOf(client.json(image))).toBe(there);
    expect(await faultOf(client.layer(image))).toBe(there);
    expect(await faultOf(client.checksum(image))).toBe(cannotSet);
    expect(await client.pull(image.id)).toEqual([image]);
  });
});

test("a layer is kept byte for byte, in the database or in a file, also across a restart", async () => {
  const images = [0, 10, 16_384, 16_385, 300_000].map((size) => {
    const layer = new Uint8Array(size).map((_, i) => (i * 7919) % 251);
    return imageOf(`bytes ${size}`, undefined, layer);
  });
  await client.push(...images);
  house = await house.restart();
  client = openV1Client(house.registry, actor);
  for (const image of images) expect(await client.pull(image.id)).toEqual([image]);
});

test("a tarsum alone completes an image, and is kept beside the other checksum", async () => {
  const image = imageOf("tarsum", undefined, samples.L1.bytes);
  await client.json(image);
  await client.layer(image);
  const row = await house.db.read<{ digest: string }>("select digest from v1_images where image_id = ?", image.id);
  expect(row[0]?.digest).toBe(samples.L1.digest);
  const key = (
    await house.db.read<{ content: Uint8Array }>("select content from blobs where digest = ?", samples.L1.digest)
  )[0];
  const tarsum = await house.store.layers.tarsum({ content: key?.content ?? new Uint8Array() }, image.json);
  await v1().putChecksum(asking, image.id, { payload: "sha256:wrong", tarsum });
  expect((await client.read(image.id)).checksums).toEqual([payloadOf(image), tarsum]);
});

test("a checksum that was sent ahead completes an image with its layer, or refuses the layer", async () => {
  const image = imageOf("ahead", undefined);
  const ahead = (checksum: string) => v1().putJson(asking, image.id, image.json, checksum);
  expect(await faultOf(ahead("sha256"))).toBe("invalid checksum: Invalid checksum format");
  await ahead(payloadOf(image));
  expect(await faultOf(client.layer({ ...image, layer: layerOf("other") }))).toBe(
    "invalid checksum: Checksum mismatch, ignoring the layer",
  );
  expect(await faultOf(client.layer({ ...image, layer: layerOf("other", 90_000) }))).toBe(
    "invalid checksum: Checksum mismatch, ignoring the layer",
  );
  expect(await faultOf(client.read(image.id))).toBe(arriving);
  await client.layer(image);
  expect(await client.pull(image.id)).toEqual([image]);
  expect(await faultOf(client.checksum(image))).toBe(cannotSet);
  expect(await house.store.uploads.list()).toEqual([]);
});

test("a checksum that was compared with another layer than the one that is there now completes nothing", async () => {
  const image = imageOf("compared", undefined);
  await client.json(image);
  await client.layer(image);
  const [row] = await house.db.read<{ id: number; revision: number }>(
    "select id, revision from v1_images where image_id = ?",
    image.id,
  );
  const stamp = { at: house.now(), actor: null, protocol: "docker-v1", address: "127.0.0.1", requestId: "test" };
  const complete = (digest: Digest) =>
    faultOf(
      house.db.write(completeImage, {
        imageRow: row?.id ?? 0,
        revision: row?.revision ?? 0,
        digest,
        tarsum: null,
        stamp,
      }),
    );
  expect(await complete(digestOf(layerOf("that was there before")))).toBe(arriving);
  expect(await complete(digestOf(image.layer))).toBe("done");
  expect(await complete(digestOf(image.layer))).toBe(cannotSet);
});

describe("The JSON of an image", () => {
  const put = (id: string, text: string) => faultOf(v1().putJson(asking, id, encode(text), undefined));
  const base = imageOf("json base", undefined);
  const done = imageOf("json done", base);
  const id = idOf("json new");

  test("is refused for the first thing that is wrong with it", async () => {
    await client.push(base, done);
    expect(await put(id, "[]")).toBe("invalid image: Invalid JSON");
    expect(await put(id, "{}")).toBe("invalid image: Invalid JSON");
    expect(await put(id, '{"id":')).toBe("invalid image: Invalid JSON");
    expect(await put(id, '{"parent":"x"}')).toBe("invalid image: Missing key `id' in JSON");
    expect(await put(id, `{"id":"${done.id}","parent":"nobody"}`)).toBe("invalid image: JSON data contains invalid id");
    expect(await put(id, `{"id":"${id}","parent":"${idOf("nobody")}"}`)).toBe(noParent);
    expect(await put(done.id, `{"id":"${done.id}","parent":"${idOf("nobody")}"}`)).toBe(noParent);
    expect(await put(done.id, `{"id":"${done.id}","parent":"${base.id}"}`)).toBe(there);
    expect(await put(id, `{"id":"${id}","x":"${"x".repeat(1024 * 1024)}"}`)).toBe(
      "too-large image: Image JSON too large",
    );
    expect(await faultOf(client.read(id))).toBe(noImage);
  });

  test("may name a parent that is still being uploaded", async () => {
    const [first, second] = chainOf(["parent in progress", "child of it"]);
    if (first === undefined || second === undefined) throw new Error("there are two");
    await client.json(first);
    await client.push(second);
    expect(await client.ancestry(second.id)).toEqual([second.id, first.id]);
    expect(await faultOf(client.ancestry(first.id))).toBe(arriving);
    await client.push(first);
    expect(await client.pull(second.id)).toEqual([first, second]);
  });

  test("may not name itself, nor what stands on it", async () => {
    const [a, b, c] = chainOf(["ring a", "ring b", "ring c"]);
    if (a === undefined || b === undefined || c === undefined) throw new Error("there are three");
    expect(await put(a.id, `{"id":"${a.id}","parent":"${a.id}"}`)).toBe(noParent);
    for (const each of [a, b, c]) await client.json(each);
    for (const parent of [a, b, c]) {
      expect(await put(a.id, `{"id":"${a.id}","parent":"${parent.id}"}`)).toBe(noParent);
    }
    await client.push(a, b, c);
    expect(await client.pull(c.id)).toEqual([a, b, c]);
  });

  test("may not close a ring by way of another repository", async () => {
    const [a, b, c] = chainOf(["two rings a", "two rings b", "two rings c"]);
    if (a === undefined || b === undefined || c === undefined) throw new Error("there are three");
    const [one, two] = [in_("ring/one"), in_("ring/two")];
    await one.json(a);
    await two.json(b);
    await one.json(c);
    const onTop = (text: string, parent: string) => ({ ...imageOf(text, { id: parent }), id: idOf(text) });
    expect(await faultOf(one.json(onTop("two rings a", c.id)))).toBe(noParent);
    expect(await faultOf(two.json(onTop("two rings a", b.id)))).toBe(noParent);
    expect(await faultOf(two.json(onTop("two rings b", c.id)))).toBe(noParent);
    await one.push(a);
    await two.push(b);
    await one.push(c);
    expect(await one.ancestry(c.id)).toEqual([c.id, b.id, a.id]);
  });

  test("may be told anew under another parent, and what stands on it follows", async () => {
    const [x, y, z] = chainOf(["move x", "move y", "move z"]);
    const other = imageOf("move other", undefined);
    if (x === undefined || y === undefined || z === undefined) throw new Error("there are three");
    await client.push(x, other);
    for (const each of [y, z]) await client.json(each);
    const moved = imageOf("move y", other);
    await client.push(moved, z);
    expect(await client.pull(z.id)).toEqual([other, moved, z]);
  });
});

test("chains that meet in a ring by way of two repositories are not built, and nothing runs away", async () => {
  const [one, two] = [in_("meet/one"), in_("meet/two")];
  const [x, y] = chainOf(["meet x", "meet y"]);
  if (x === undefined || y === undefined) throw new Error("there are two");
  await one.json(x);
  await two.json(y);
  // In its own repository y is a base, and x may stand on it: seen from the other one, x stands on itself.
  const yAsBase = imageOf("meet y", undefined);
  await one.push(yAsBase);
  const xOnY = imageOf("meet x", yAsBase);
  await one.push(xOnY);
  await two.layer(y);
  await two.checksum(y);
  await two.tag(name("meet/two"), "1", y.id);
  expect(await two.tags(name("meet/two"))).toEqual({ "1": y.id });
  expect(await openTodaysClient(house.registry, at("oci")).tags(name("meet/two"))).toEqual([]);
  expect(await one.ancestry(xOnY.id)).toEqual([xOnY.id, yAsBase.id]);
  expect(await faultOf(in_("meet/three").json(imageOf("meet z", y)))).toBe(noParent);
});

test("what a layer that was replaced needed is free again", async () => {
  const where = name("free/app");
  const [one, two] = [layerOf("free 1"), layerOf("free 2")];
  const image = imageOf("free", undefined, two);
  const pushing = in_("free/app");
  const free = async () =>
    (
      await house.db.read<{ digest: string }>(
        `select b.digest from repository_blobs l join blobs b on b.id = l.blob_id join live_repositories r on r.id = l.repository_id
         where r.path = ? and l.unreferenced_since is not null order by l.linked_at`,
        where.path,
      )
    ).length;
  await pushing.json(image);
  await pushing.layer({ ...image, layer: one });
  expect(await free()).toBe(0);
  await pushing.layer(image);
  expect(await free()).toBe(1);
  await pushing.json(image);
  expect(await free()).toBe(2);
  await pushing.push(image);
  expect(await free()).toBe(1);
});

describe("A layer that the store has lost", () => {
  const image = imageOf("lost", undefined, new Uint8Array(50_000).fill(9));
  const child = imageOf("lost child", image);

  test("takes its image with it, which can be pushed again", async () => {
    await client.push(image, child);
    await client.tag(name("lost/app"), "1", child.id);
    const [blob] = await house.db.read<{ id: number; storage_key: string }>(
      "select id, storage_key from blobs where digest = ?",
      digestOf(image.layer),
    );
    await house.db.write(quarantineBlob, { blobId: blob?.id ?? 0, key: blob?.storage_key ?? "" });
    expect(await reads(image.id)).toEqual([noImage, noImage, noImage]);
    await client.tag(name("lost/app"), "2", child.id);
    expect(await openTodaysClient(house.registry, at("oci")).tags(name("lost/app"))).toEqual(["1"]);
    await client.push(image);
    expect(await client.pull(child.id)).toEqual([image, child]);
    house.pass(2 * 3_600_000);
    await house.registry.settleTags();
    expect(await openTodaysClient(house.registry, at("oci")).tags(name("lost/app"))).toEqual(["1", "2"]);
  });
});

test("files of a layer that is no archive are not to be had", async () => {
  const image = imageOf("no archive", undefined, encode("this is no archive at all"));
  const archive = imageOf("archive", undefined, samples.L1.bytes);
  await client.push(image, archive);
  expect(await faultOf(v1().files(asking, image.id))).toBe("unsupported image: Layer format not supported");
  expect(JSON.parse((await v1().files(asking, archive.id)).text).map(([path]: string[]) => path)).toEqual([
    "etc",
    "etc/hello.txt",
  ]);
});

test("a layer whose body breaks off leaves the image as it was", async () => {
  const image = imageOf("breaks off", undefined, layerOf("breaks off", 100_000));
  await client.json(image);
  const broken = incomingOf(image.layer);
  const body = {
    async *[Symbol.asyncIterator]() {
      yield new Uint8Array(20_000);
      throw new Error("the client has gone");
    },
    stop: broken.stop,
  };
  await expect(v1().putLayer(asking, image.id, body)).rejects.toThrow("the client has gone");
  expect(await faultOf(client.checksum(image))).toBe(mismatch);
  await client.push(image);
  expect(await house.store.uploads.list()).toEqual([]);
});
