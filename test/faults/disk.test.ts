// A disk that is full, read-only, or turns read-only under the server: a clear error, nothing lost, no restart needed.
// Needs root, for the disks.
import { afterEach, expect, test } from "bun:test";
import { join } from "node:path";
import { type Disk, fillDisk, mountImage, mountMemory } from "./disks.ts";
import { expectEnvelope, expectImage, imageOf, pushImage, putTag } from "./images.ts";
import { findLeftovers } from "./leftovers.ts";
import { contentOf, digestOf } from "./random.ts";
import { type Client, openClient, type Reply } from "./registry-client.ts";
import { type Server, spawnServer, startServer } from "./server.ts";

const patience = 60_000;
const mebibyte = 2 ** 20;
const cleanups: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
});

async function useDisk(making: Promise<Disk>): Promise<Disk> {
  const disk = await making;
  cleanups.push(() => disk.remove());
  return disk;
}

async function use(folder: string): Promise<{ server: Server; client: Client }> {
  const server = await startServer(folder);
  cleanups.push(() => server.kill());
  return { server, client: openClient(server.url) };
}

/** Sends requests that need space until one is refused; returns those answers that took something. */
async function untilFull(request: (seed: number) => Promise<Reply>): Promise<Reply> {
  for (let seed = 1_000; ; seed++) {
    const reply = await request(seed);
    if (reply.status !== 201) return reply;
  }
}

test(
  "a disk that is full of blobs answers 507 to every way to push, loses nothing, and needs no restart",
  async () => {
    const disk = await useDisk(mountMemory(24));
    const folder = join(disk.folder, "data");
    const { server, client } = await use(folder);
    const old = imageOf(1, 2 * mebibyte);
    await pushImage(client, "disk", "latest", old);
    const half = contentOf(9, 400_000);
    const { location } = await client.startUpload("disk");
    expect((await client.patch(location, half.slice(0, 200_000), 0, 200_000)).status).toBe(202);

    const makeSpace = await fillDisk(disk, 3 * mebibyte);
    const large = contentOf(10, 5 * mebibyte);
    expectEnvelope(await client.putWhole("disk", digestOf(large), large), 507);
    const whole = await client.startUpload("disk");
    expectEnvelope(await client.putUpload(whole.location, digestOf(large), large), 507);
    const parts = await client.startUpload("disk");
    expectEnvelope(await client.patch(parts.location, large, 0, large.byteLength), 507);
    const offset = (await client.getUpload(parts.location)).headers.get("range");
    expect(offset).toBe("0-0");
    expect(await findLeftovers(folder)).toEqual([]);
    await expectImage(client, "disk", "latest", old);
    expect((await client.getUpload(location)).headers.get("range")).toBe("0-199999");

    await makeSpace();
    expect((await client.putUpload(location, digestOf(half), half.slice(200_000))).status).toBe(201);
    expect((await client.putUpload(whole.location, digestOf(large), large)).status).toBe(201);
    await pushImage(client, "disk", "next", imageOf(20, mebibyte));
    await expectImage(client, "disk", "latest", old);
    server.signal("SIGTERM");
    expect(await server.ended).toBe(0);

    const again = await use(folder);
    await expectImage(again.client, "disk", "latest", old);
    expect(digestOf((await again.client.getBlob("disk", digestOf(half))).bytes)).toBe(digestOf(half));
    expect(await findLeftovers(folder)).toEqual([]);
    expect(server.log()).not.toContain("a bug");
  },
  patience,
);

test(
  "a database that has no space answers 507, moves no tag, and goes on once there is space",
  async () => {
    const disk = await useDisk(mountMemory(24));
    const folder = join(disk.folder, "data");
    const { server, client } = await use(folder);
    const old = imageOf(1, 5_000);
    const next = imageOf(3, 5_000);
    await pushImage(client, "disk", "latest", old);
    await pushImage(client, "disk", "next", next);

    const makeSpace = await fillDisk(disk, 0);
    const pushed: Uint8Array[] = [];
    const refusal = await untilFull(async (seed) => {
      const blob = contentOf(seed, 12_000);
      const reply = await client.putWhole("disk", digestOf(blob), blob);
      if (reply.status === 201) pushed.push(blob);
      return reply;
    });
    expectEnvelope(refusal, 507);
    const replies = await Promise.all(
      Array.from({ length: 16 }, async (_, i) => {
        const blob = contentOf(5_000 + i, 12_000);
        const reply = await client.putWhole("disk", digestOf(blob), blob);
        if (reply.status === 201) pushed.push(blob);
        return reply;
      }),
    );
    for (const reply of replies.filter(({ status }) => status !== 201)) expectEnvelope(reply, 507);
    const moved = await putTag(client, "disk", "latest", next);
    if (moved.status !== 201) expectEnvelope(moved, 507);
    const deleted = await client.deleteManifest("disk", "next");
    if (deleted.status !== 202) expectEnvelope(deleted, 507);
    const isAsAnswered = async (asked: Client) => {
      await expectImage(asked, "disk", "latest", moved.status === 201 ? next : old);
      expect((await asked.getManifest("disk", "next")).status).toBe(deleted.status === 202 ? 404 : 200);
      for (const blob of pushed) {
        expect(digestOf((await asked.getBlob("disk", digestOf(blob))).bytes)).toBe(digestOf(blob));
      }
    };
    await isAsAnswered(client);

    await makeSpace();
    await isAsAnswered(client);
    await pushImage(client, "disk", "after", imageOf(30, 100_000));
    await server.kill();
    const again = await use(folder);
    await isAsAnswered(again.client);
    await expectImage(again.client, "disk", "after", imageOf(30, 100_000));
    expect(await findLeftovers(folder)).toEqual([]);
  },
  patience,
);

/** Starts a server that must end by itself; returns what it said. */
async function refusedStart(folder: string): Promise<string> {
  const server = spawnServer(folder);
  cleanups.push(() => server.kill());
  expect(await server.ended).toBe(1);
  expect(server.log()).not.toMatch(/^ +at /m);
  return server.log();
}

test(
  "a start on a disk without space or on a read-only disk is refused with a sentence that names the folder",
  async () => {
    const disk = await useDisk(mountMemory(24));
    const folder = join(disk.folder, "data");
    const makeSpace = await fillDisk(disk, 0);
    expect(await refusedStart(folder)).toContain(`data folder ${folder}`);
    await makeSpace();
    const first = await use(folder);
    const image = imageOf(1, 100_000);
    await pushImage(first.client, "disk", "latest", image);
    await first.server.kill();
    disk.remount("ro");
    expect(await refusedStart(folder)).toContain(`data folder ${folder}`);
    expect(await refusedStart(join(disk.folder, "new"))).toContain(`data folder ${join(disk.folder, "new")}`);
    disk.remount("rw");
    const again = await use(folder);
    await expectImage(again.client, "disk", "latest", image);
  },
  patience,
);

test(
  "a disk that turns read-only under the server fails every push with an envelope, and pulls go on",
  async () => {
    const disk = await useDisk(mountImage(64));
    const folder = join(disk.folder, "data");
    const { server, client } = await use(folder);
    const image = imageOf(1, 100_000);
    await pushImage(client, "disk", "latest", image);
    const { location } = await client.startUpload("disk");
    const large = contentOf(10, 300_000);
    expect((await client.patch(location, large.slice(0, 100_000), 0, 100_000)).status).toBe(202);

    disk.remount("abort");
    for (const blob of [contentOf(11, 100), large]) {
      expectEnvelope(await client.putWhole("disk", digestOf(blob), blob), 503);
    }
    expectEnvelope(await client.patch(location, large.slice(100_000), 100_000, 200_000), 503);
    expectEnvelope(await client.putUpload(location, digestOf(large), large.slice(100_000)), 503);
    expectEnvelope(await putTag(client, "disk", "other", image), 503);
    expectEnvelope(await client.deleteManifest("disk", "latest"), 503);
    await expectImage(client, "disk", "latest", image);
    expect((await client.getManifest("disk", "other")).status).toBe(404);
    expect(server.log()).not.toContain("a bug");
    await server.kill();
  },
  patience,
);
