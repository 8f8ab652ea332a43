// The store in a folder keeps the contract, outlives its process, and is as it was when a step fails. The faults are real:
// files where folders should be, folders that are gone, files that were cut, and a limit on what may be written.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdir, mkdtemp, readdir, rename, rm, rmdir, stat, symlink, truncate } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { digestOf } from "#lib/digest";
import { samplePrefix, samples } from "#lib/layers/testing";
import { Broken, bodyOf, brokenBody, bytesLike, describeStore, makeId, readKey, readRange } from "../contract.ts";
import { describeLayers } from "../layers/contract.ts";
import type { Store } from "../store.ts";
import { openFsStore } from "./index.ts";
import { fitting } from "./testing.ts";

const makeFolder = () => mkdtemp(join(tmpdir(), "berth-store-"));

const makePlace = async () => {
  const folder = await makeFolder();
  return { store: openFsStore(folder), remove: () => rm(folder, { recursive: true }) };
};

describeStore("a folder", makePlace);
describeLayers("a folder", makePlace);

describe("a store in a folder", () => {
  const busy = { kind: "busy", subject: "store" };
  const bytes = bytesLike(1, 600_000);
  const half = 300_000;
  const [first, second] = [bytes.subarray(0, half), bytes.subarray(half)];
  const digest = digestOf(bytes);
  let folder: string;
  let store: Store;
  const fileOf = (id: string) => join(folder, "uploads", id);
  const reopen = async () => {
    await store.close();
    store = openFsStore(folder);
  };
  const begin = async () => {
    const id = makeId();
    await store.uploads.append(id, "sha256", 0, bodyOf(first));
    return id;
  };
  /** The upload is as it was, and can be finished. */
  const finish = async (id: string) => {
    expect(await store.uploads.size(id)).toBe(half);
    expect(await store.uploads.append(id, "sha256", half, bodyOf(second))).toBe(bytes.byteLength);
    expect(await store.uploads.digest(id, "sha256")).toBe(digest);
    expect(Buffer.compare(await readKey(store, await store.uploads.commit(id, digest)), bytes)).toBe(0);
  };

  beforeAll(async () => {
    folder = await makeFolder();
    store = openFsStore(folder);
  });
  afterAll(async () => {
    await store.close();
    await rm(folder, { recursive: true });
  });

  test("bytes that another process wrote in the meantime are hashed anew, also when they are as many", async () => {
    const id = await begin();
    const other = openFsStore(folder);
    await other.uploads.truncate(id, 0);
    await other.uploads.append(id, "sha256", 0, bodyOf(second));
    await other.close();
    expect(await store.uploads.digest(id, "sha256")).toBe(digestOf(second));
    await store.uploads.remove(id);
  });

  test("an upload goes on when the store was closed and opened", async () => {
    const id = await begin();
    await reopen();
    await finish(id);
  });

  test("an upload is hashed when the store was closed and opened", async () => {
    const id = await begin();
    await reopen();
    expect(await store.uploads.digest(id, "sha256")).toBe(digestOf(first));
    await finish(id);
  });

  test("a blob is there when the store was closed and opened", async () => {
    const id = await begin();
    const key = await store.uploads.commit(id, digestOf(first));
    await reopen();
    expect(Buffer.compare(await readKey(store, key), first)).toBe(0);
    await store.uploads.revert(id, digestOf(first));
    await finish(id);
  });

  test("empty folders that a copy left out are made again", async () => {
    const id = await begin();
    await store.close();
    const folders = ["sha256", "sha512"].map((algorithm) => join(folder, algorithm));
    const shards = await Promise.all(
      folders.map(async (each) => (await readdir(each)).map((name) => join(each, name))),
    );
    // A folder that holds something stays.
    await Promise.all(shards.flat().map((shard) => rmdir(shard).catch(() => undefined)));
    store = openFsStore(folder);
    await finish(id);
  });

  test("what is synced while more of it arrives is whole, and hashed as it is", async () => {
    const id = makeId();
    const part = bytesLike(7, 8 * 1024 * 1024);
    const parts = Array.from({ length: 20 }, () => part);
    expect(await store.uploads.append(id, "sha256", 0, bodyOf(...parts))).toBe(20 * part.byteLength);
    const hash = new Bun.CryptoHasher("sha256");
    for (const each of parts) hash.update(each);
    const digest = await store.uploads.digest(id, "sha256");
    expect(String(digest)).toBe(`sha256:${hash.digest("hex")}`);
    expect((await stat(fileOf(id))).size).toBe(20 * part.byteLength);
    await store.uploads.remove(id);
  });

  test("what was found out about a layer is found out again when the store was closed and opened", async () => {
    const id = makeId();
    await store.layers.receive(id, samplePrefix, bodyOf(samples.L1.bytes));
    await reopen();
    expect(await store.layers.facts({ upload: id }, samplePrefix)).toMatchObject(samples.L1.facts);
    await store.uploads.remove(id);
  });

  test("a layer that another process wrote in the meantime is read anew", async () => {
    const id = makeId();
    await store.layers.receive(id, samplePrefix, bodyOf(samples.L1.bytes));
    const other = openFsStore(folder);
    await other.layers.receive(id, samplePrefix, bodyOf(samples.L3.bytes));
    await other.close();
    expect(await store.layers.facts({ upload: id }, samplePrefix)).toMatchObject(samples.L3.facts);
    await store.uploads.remove(id);
  });

  test("a layer for which there is no place fails, also in its midst", async () => {
    const id = makeId();
    await symlink("/dev/full", fileOf(id));
    const layer = gzipSync(bytesLike(3, 3_000_000).map((byte, i) => byte ^ (i >> 9)));
    await expect(store.layers.receive(id, samplePrefix, bodyOf(layer))).rejects.toMatchObject(busy);
    await store.uploads.remove(id);
    await store.layers.receive(id, samplePrefix, bodyOf(layer));
    expect(await store.layers.facts({ upload: id }, samplePrefix)).toMatchObject({ diffSize: 3_000_000 });
    await store.uploads.remove(id);
  });

  test("more uploads than hashes are remembered go on all the same", async () => {
    // Equal ends: all go to one worker.
    const ids = Array.from({ length: 1100 }, () => `${makeId().slice(0, -4)}0000`);
    await Promise.all(ids.map((id) => store.uploads.append(id, "sha256", 0, bodyOf(bytes.subarray(0, 2)))));
    for (const id of ids.slice(0, 20)) {
      await store.uploads.append(id, "sha256", 2, bodyOf(bytes.subarray(2, 4)));
      expect(await store.uploads.digest(id, "sha256")).toBe(digestOf(bytes.subarray(0, 4)));
    }
    await Promise.all(ids.map((id) => store.uploads.remove(id)));
  });

  test("a file that is no upload is listed, and can be removed", async () => {
    await Bun.write(fileOf(".keep me"), "stray");
    expect(await store.uploads.list()).toContain(".keep me");
    await store.uploads.remove(".keep me");
    expect(await store.uploads.list()).not.toContain(".keep me");
  });

  test("nothing stays open: not of broken bodies, not of readers that leave", async () => {
    const id = await begin();
    const key = await store.uploads.commit(id, digestOf(first));
    const before = (await readdir("/dev/fd")).length;
    for (let i = 0; i < 30; i++) {
      const source = await store.blobs.open(key);
      for await (const _ of source.read(0, half)) break;
      await source.close();
      const broken = makeId();
      await store.uploads.append(broken, "sha256", 0, brokenBody(second)).catch(() => undefined);
      await store.layers.receive(broken, samplePrefix, brokenBody(samples.L1.bytes)).catch(() => undefined);
      await store.layers.files({ key });
      await store.uploads.remove(broken);
    }
    // Other threads may be about to close something: what leaks, leaks thirty times.
    expect((await readdir("/dev/fd")).length).toBeLessThan(before + 10);
  });

  test("that cannot be made says so", async () => {
    await Bun.write(join(folder, "a file"), "");
    for (const root of [join(folder, "a file"), join(folder, "a file", "below")])
      expect(() => openFsStore(root)).toThrow(expect.objectContaining(busy));
  });

  test("a part that cannot be opened fails, and leaves nothing", async () => {
    const id = makeId();
    await mkdir(fileOf(id));
    await expect(store.uploads.append(id, "sha256", 0, bodyOf(first))).rejects.toMatchObject(busy);
    await expect(store.uploads.remove(id)).rejects.toMatchObject(busy);
    await rm(fileOf(id), { recursive: true });
    expect(await store.uploads.append(id, "sha256", 0, bodyOf(first))).toBe(half);
    await finish(id);
  });

  test("a part that is sent to a device fails", async () => {
    const id = makeId();
    await symlink("/dev/full", fileOf(id));
    await expect(store.uploads.append(id, "sha256", 0, bodyOf(first))).rejects.toMatchObject(busy);
    await store.uploads.remove(id);
    expect((await stat("/dev/full")).isCharacterDevice()).toBe(true);
  });

  test("a part fails while the folder of uploads is gone, and is sent again when it is back", async () => {
    const id = await begin();
    await rename(join(folder, "uploads"), join(folder, "away"));
    await expect(store.uploads.append(id, "sha256", half, bodyOf(second))).rejects.toMatchObject(busy);
    await expect(store.uploads.append(makeId(), "sha256", 0, bodyOf(second))).rejects.toMatchObject(busy);
    await expect(store.uploads.list()).rejects.toMatchObject(busy);
    await rename(join(folder, "away"), join(folder, "uploads"));
    await finish(id);
  });

  test("a part behind bytes that are gone fails and changes nothing", async () => {
    const id = await begin();
    await reopen();
    await truncate(fileOf(id), 1000);
    await expect(store.uploads.append(id, "sha256", half, bodyOf(second))).rejects.toMatchObject(busy);
    expect(await store.uploads.size(id)).toBe(1000);
    await store.uploads.append(id, "sha256", 1000, bodyOf(bytes.subarray(1000, half)));
    await finish(id);
  });

  test("a body that breaks at a part that does not fit breaks as bodies do", async () => {
    const id = await begin();
    const broken = store.uploads.append(id, "sha256", half, brokenBody());
    expect(await broken.catch((error: unknown) => error)).toBeInstanceOf(Broken);
    await finish(id);
  });

  test("what is not there cannot be hashed, truncated or committed", async () => {
    const id = makeId();
    await expect(store.uploads.digest(id, "sha256")).rejects.toMatchObject(busy);
    await expect(store.uploads.truncate(id, 0)).rejects.toMatchObject(busy);
    await expect(store.uploads.commit(id, digest)).rejects.toMatchObject(busy);
    expect(await store.uploads.size(id)).toBeUndefined();
  });

  test("a commit fails while its folder is gone, and is tried again when it is back", async () => {
    const id = await begin();
    const target = join(folder, dirname(store.uploads.key(id, digestOf(first))));
    await rename(target, `${target} away`);
    await expect(store.uploads.commit(id, digestOf(first))).rejects.toMatchObject(busy);
    await rename(`${target} away`, target);
    await finish(id);
  });

  test("a commit fails while something else is in its place", async () => {
    const id = await begin();
    const target = join(folder, store.uploads.key(id, digestOf(first)));
    await mkdir(join(target, "inside"), { recursive: true });
    await expect(store.uploads.commit(id, digestOf(first))).rejects.toMatchObject(busy);
    await expect(store.blobs.remove(store.uploads.key(id, digestOf(first)))).rejects.toMatchObject(busy);
    await rm(target, { recursive: true });
    await finish(id);
  });

  test("a commit cannot be taken back while something else is in its place", async () => {
    const id = await begin();
    await store.uploads.commit(id, digestOf(first));
    await mkdir(fileOf(id));
    await expect(store.uploads.revert(id, digestOf(first))).rejects.toMatchObject(busy);
    await rm(fileOf(id), { recursive: true });
    await store.uploads.revert(id, digestOf(first));
    await finish(id);
  });

  test("a blob that is cut while it is read ends with an error, not early", async () => {
    const id = await begin();
    const key = await store.uploads.commit(id, digestOf(first));
    const source = await store.blobs.open(key);
    await truncate(join(folder, key), 1000);
    await expect(readRange(source)).rejects.toMatchObject(busy);
    await source.close();
  });

  test("a folder is no blob", async () => {
    const key = `sha256/00/${"0".repeat(64)}.folder`;
    await mkdir(join(folder, key));
    const source = await store.blobs.open(key);
    await expect(readRange(source)).rejects.toMatchObject(busy);
    await source.close();
  });

  test("a part that the disk cannot take fails as full, ends its body, and leaves the upload as it was", async () => {
    const script = join(import.meta.dir, "testing.ts");
    const limited = `trap '' XFSZ; ulimit -f 1000; exec "$0" "$1" "$2"`;
    const { stdout } = Bun.spawn(["sh", "-c", limited, process.execPath, script, folder], { stdout: "pipe" });
    expect(JSON.parse(await new Response(stdout).text())).toEqual({
      failure: "full store",
      hasBodyEnded: true,
      sizeAfterFailure: fitting.byteLength,
      isDigestRight: true,
    });
  });
});
