// v1 clients that misbehave: they go away in the middle of a layer, send another length than they said, or send what expands
// without end. Nothing is left of them, and the server goes on.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createGzip, zstdCompressSync } from "node:zlib";
import { measureMemory } from "../../hostile/world.ts";
import { findLeftovers } from "../leftovers.ts";
import { contentOf, digestOf } from "../random.ts";
import { type Client, openClient } from "../registry-client.ts";
import { type Server, startServer } from "../server.ts";
import { countHandles, eventually, headOf, openLine } from "../sockets.ts";
import { errorOrText, expectError, expectPiece, type Piece, pieceOf, pushPiece, putChecksum } from "./chains.ts";
import { openV1Client, type V1Client } from "./client.ts";

const patience = 60_000;
const mebibyte = 2 ** 20;
/** Sixteen at a time, with what each holds of its body and of what it expands to. */
const maxGrowthMebibytes = 600;
const large = pieceOf(1, contentOf(1, 3_000_000));
const path = `/v1/images/${large.image.id}/layer`;

let folder = "";
let server: Server & { readonly url: string };
let client: Client;
let v1: V1Client;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "berth-v1-clients-"));
  server = await startServer(folder);
  client = openClient(server.url);
  v1 = openV1Client(client);
  expect((await v1.putJson(large.image, undefined)).status).toBe(200);
  // The threads that hash are made by the first layer, and hold handles of their own.
  const first = contentOf(2, 3_000_000);
  expect((await client.putWhole("first", digestOf(first), first)).status).toBe(201);
});

afterAll(async () => {
  expect(server.log()).not.toContain("a bug");
  expect(await findLeftovers(folder)).toEqual([]);
  server.signal("SIGTERM");
  expect(await server.ended).toBe(0);
  await rm(folder, { recursive: true });
});

/** Runs `work` and waits until the server holds no more handles, and no more files, than before. */
async function withoutLeak(work: () => Promise<void>): Promise<void> {
  const before = await countHandles(server.pid);
  await work();
  await eventually(async () => (await countHandles(server.pid)) <= before);
  await eventually(async () => (await findLeftovers(folder)).length === 0);
  expectError(await v1.get(large.image.id, "json", undefined), 400);
}

for (const sent of [0, 100, 20_000, 1_000_000]) {
  test(
    `a client that goes away after ${sent} bytes of a layer leaves no handle and no file`,
    () =>
      withoutLeak(async () => {
        for (let i = 0; i < 8; i++) {
          const part = large.bytes.subarray(0, sent);
          const { socket, closed } = await openLine(server.url, headOf("PUT", path, large.bytes.byteLength), part);
          await Bun.sleep(i * 5);
          if (i % 2 === 0) socket.destroy();
          else socket.resetAndDestroy();
          await closed;
        }
      }),
    patience,
  );
}

test(
  "a layer that is shorter than its Content-Length, or whose chunks break off or are none, is not taken",
  () =>
    withoutLeak(async () => {
      const chunked = `PUT ${path} HTTP/1.1\r\nHost: registry\r\nTransfer-Encoding: chunked\r\n\r\n`;
      const many = `10000\r\n${"x".repeat(65_536)}\r\n`;
      for (const [head, body] of [
        [headOf("PUT", path, large.bytes.byteLength), large.bytes.subarray(1)],
        [headOf("PUT", path, 5), "four"],
        ...["5\r\nabc", "zz\r\nabc\r\n0\r\n\r\n", many, `${many}zz\r\n`].map((each) => [chunked, each] as const),
      ] as const) {
        const line = await openLine(server.url, head, body);
        line.socket.end();
        expect(await line.closed).not.toMatch(/^HTTP\/1.1 2/);
      }
      expectError(await putChecksum(v1, large), 400);
    }),
  patience,
);

test(
  "a JSON or a checksum whose client goes away changes nothing",
  () =>
    withoutLeak(async () => {
      for (const [target, length] of [
        [`/v1/images/${large.image.id}/json`, 500],
        [`/v1/images/${large.image.id}/checksum`, 10],
        ["/v1/repositories/clients/", 1_000],
        ["/v1/repositories/clients/tags/latest", 66],
      ] as const) {
        const line = await openLine(server.url, headOf("PUT", target, length), "[{");
        line.socket.resetAndDestroy();
        await line.closed;
      }
      expect((await v1.listTags("clients")).status).toBe(404);
    }),
  patience,
);

/** Watches the memory of the server while `work` is done. */
async function withBoundedMemory(what: string, work: () => Promise<void>): Promise<void> {
  const before = await measureMemory(server);
  let most = before;
  const watch = setInterval(async () => {
    most = Math.max(most, await measureMemory(server));
  }, 20);
  await work().finally(() => clearInterval(watch));
  process.stdout.write(`${what}: ${before} MiB before, ${most} MiB at most\n`);
  expect(most - before).toBeLessThan(maxGrowthMebibytes);
}

/** So many mebibytes of zeros, compressed by gzip: about a thousandth of it. */
async function zerosAsGzip(mebibytes: number): Promise<Uint8Array<ArrayBuffer>> {
  const gzip = createGzip({ level: 9 });
  const parts: Buffer[] = [];
  gzip.on("data", (part: Buffer) => parts.push(part));
  const ended = new Promise((resolve) => gzip.once("end", resolve));
  const zeros = new Uint8Array(mebibyte);
  for (let i = 0; i < mebibytes; i++) {
    if (!gzip.write(zeros)) await new Promise((resolve) => gzip.once("drain", resolve));
  }
  gzip.end();
  await ended;
  return Uint8Array.from(Buffer.concat(parts));
}

/** Both halves of a tag on an image that no image of today can be built from: v1 alone has it. */
async function expectOldOnly(tag: string, { image }: Piece): Promise<void> {
  expect(errorOrText(await v1.getTag("clients", tag))).toBe(`"${image.id}"`);
  expect((await client.getManifest("clients", tag)).status).toBe(404);
  expect((await client.listTags("clients")) ?? []).not.toContain(tag);
}

for (const [name, makeBomb] of [
  ["gzip that expands to 2 GiB", () => zerosAsGzip(2_048)],
  // Frames that each expand by thirty thousand.
  [
    "zstd that expands to 64 GiB",
    async () => {
      const frame = zstdCompressSync(new Uint8Array(64 * mebibyte));
      return Uint8Array.from(Buffer.concat(Array.from({ length: 1024 }, () => frame)));
    },
  ],
] as const) {
  test(
    `a layer of ${name} is taken, its tag stays with v1, and memory is bounded`,
    async () => {
      const bomb = pieceOf(name.length + 100, await makeBomb());
      await withBoundedMemory(name, async () => {
        await pushPiece(client, "clients", "bomb", bomb);
        expect((await client.ask("GET", `/v1/images/${bomb.image.id}/files`)).status).toBeLessThan(500);
      });
      await expectOldOnly("bomb", bomb);
      const layer = await v1.get(bomb.image.id, "layer", undefined);
      expect([layer.status, layer.bytes.byteLength]).toEqual([200, bomb.bytes.byteLength]);
    },
    patience,
  );
}

test(
  "many bombs at a time hold up nobody else",
  async () => {
    const bytes = await zerosAsGzip(1_024);
    const bombs = Array.from({ length: 16 }, (_, i) => pieceOf(500 + i, bytes));
    const honest = pieceOf(600, contentOf(600, 200_000));
    await withBoundedMemory("16 bombs", async () => {
      const pushing = bombs.map((bomb, i) => pushPiece(client, "clients", `bomb-${i}`, bomb));
      await pushPiece(client, "clients", "honest", honest);
      await Promise.all(pushing);
    });
    await expectPiece(client, "clients", "honest", honest);
    for (const [i, bomb] of bombs.entries()) await expectOldOnly(`bomb-${i}`, bomb);
  },
  patience,
);
