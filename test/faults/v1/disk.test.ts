// A disk that fills up under v1 pushes: 507 in the words of v1, nothing lost that was acknowledged, and all goes on once there
// is space. Needs root, for the disks.
import { afterEach, expect, test } from "bun:test";
import { join } from "node:path";
import { type Disk, fillDisk, mountMemory } from "../disks.ts";
import { findLeftovers } from "../leftovers.ts";
import { inParts } from "../pushing.ts";
import { contentOf } from "../random.ts";
import { type Client, openClient } from "../registry-client.ts";
import { type Server, startServer } from "../server.ts";
import { expectError, expectPiece, type Piece, pieceOf, pushPiece, putChecksum } from "./chains.ts";
import { openV1Client } from "./client.ts";

const patience = 60_000;
const mebibyte = 2 ** 20;
const cleanups: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
});

async function useDisk(): Promise<Disk> {
  const disk = await mountMemory(24);
  cleanups.push(() => disk.remove());
  return disk;
}

async function use(folder: string): Promise<{ server: Server; client: Client }> {
  const server = await startServer(folder);
  cleanups.push(() => server.kill());
  return { server, client: openClient(server.url) };
}

test(
  "a layer that does not fit answers 507, leaves no file, and is taken once there is space",
  async () => {
    const disk = await useDisk();
    const folder = join(disk.folder, "data");
    const { server, client } = await use(folder);
    const v1 = openV1Client(client);
    const old = pieceOf(1, contentOf(1, 2 * mebibyte));
    await pushPiece(client, "disk", "latest", old);
    const large = pieceOf(2, contentOf(2, 5 * mebibyte));
    expect((await v1.putJson(large.image, undefined)).status).toBe(200);

    const makeSpace = await fillDisk(disk, 3 * mebibyte);
    expectError(await v1.putLayer(large.image, undefined, large.bytes), 507);
    expectError(await v1.putLayer(large.image, undefined, inParts(large.bytes, 100_000)), 507);
    expectError(await putChecksum(v1, large), 400);
    expectError(await v1.get(large.image.id, "layer", undefined), 400);
    expect(await findLeftovers(folder)).toEqual([]);
    await expectPiece(client, "disk", "latest", old);

    await makeSpace();
    expect((await v1.putLayer(large.image, undefined, inParts(large.bytes, 100_000))).status).toBe(200);
    expect((await putChecksum(v1, large)).status).toBe(200);
    expect((await v1.putTag("disk", "large", large.image.id)).status).toBe(200);
    server.signal("SIGTERM");
    expect(await server.ended).toBe(0);

    const again = await use(folder);
    await expectPiece(again.client, "disk", "latest", old);
    await expectPiece(again.client, "disk", "large", large);
    expect(await findLeftovers(folder)).toEqual([]);
    expect(server.log()).not.toContain("a bug");
  },
  patience,
);

/** What came of a request that needs space: true when it was taken. */
async function isTaken(request: Promise<Awaited<ReturnType<Client["ask"]>>>): Promise<boolean> {
  const reply = await request;
  if (reply.status !== 200) expectError(reply, 507);
  return reply.status === 200;
}

test(
  "a database without space refuses every v1 write with 507, makes nothing half, and goes on once there is space",
  async () => {
    const disk = await useDisk();
    const folder = join(disk.folder, "data");
    const { server, client } = await use(folder);
    const v1 = openV1Client(client);
    const old = pieceOf(1, contentOf(1, 5_000));
    await pushPiece(client, "disk", "latest", old);
    const ready = pieceOf(3, contentOf(3, 5_000));
    expect((await v1.putJson(ready.image, undefined)).status).toBe(200);
    expect((await v1.putLayer(ready.image, undefined, ready.bytes)).status).toBe(200);

    const makeSpace = await fillDisk(disk, 0);
    const pieces: { piece: Piece; isUploaded: boolean }[] = [];
    for (let seed = 100, isFull = false; !isFull; seed++) {
      const piece = pieceOf(seed, contentOf(seed, 12_000));
      if (await isTaken(v1.putJson(piece.image, undefined))) {
        const isUploaded = await isTaken(v1.putLayer(piece.image, undefined, piece.bytes));
        pieces.push({ piece, isUploaded });
        isFull = !isUploaded;
      } else isFull = true;
    }
    const isComplete = await isTaken(putChecksum(v1, ready));
    const isTagged = await isTaken(v1.putTag("disk", "ready", ready.image.id));
    const isAnnounced = await isTaken(v1.announce("disk", [{ id: ready.image.id }]));
    await expectPiece(client, "disk", "latest", old);

    await makeSpace();
    expect((await v1.get(ready.image.id, "json", undefined)).status).toBe(isComplete ? 200 : 400);
    expect((await v1.getTag("disk", "ready")).status).toBe(isTagged ? 200 : 404);
    expect((await client.getManifest("disk", "ready")).status).toBe(isTagged && isComplete ? 200 : 404);
    expect(isAnnounced).toBeBoolean();
    await server.kill();
    const again = await use(folder);
    const v1Again = openV1Client(again.client);
    if (!isComplete) expect((await putChecksum(v1Again, ready)).status).toBe(200);
    expect((await v1Again.putTag("disk", "ready", ready.image.id)).status).toBe(200);
    await expectPiece(again.client, "disk", "ready", ready);
    await expectPiece(again.client, "disk", "latest", old);
    for (const { piece, isUploaded } of pieces) {
      if (!isUploaded) expect((await v1Again.putLayer(piece.image, undefined, piece.bytes)).status).toBe(200);
      expect((await putChecksum(v1Again, piece)).status).toBe(200);
    }
    expect(await findLeftovers(folder)).toEqual([]);
    expect(server.log()).not.toContain("a bug");
  },
  patience,
);
