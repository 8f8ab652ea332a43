// Clients that misbehave: they go away in the middle of a body or a download, or send another length than they said. The
// server answers or closes, keeps no file and no handle, and goes on.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findLeftovers } from "./leftovers.ts";
import { contentOf, digestOf } from "./random.ts";
import { type Client, openClient } from "./registry-client.ts";
import { type Server, startServer } from "./server.ts";
import { countHandles, eventually, headOf, openLine } from "./sockets.ts";

const patience = 60_000;
const bytes = contentOf(1, 3_000_000);
const digest = digestOf(bytes);

let folder = "";
let server: Server & { readonly url: string };
let client: Client;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "berth-clients-"));
  server = await startServer(folder);
  client = openClient(server.url);
  const whole = contentOf(2, 8_000_000);
  expect((await client.putWhole("clients", digestOf(whole), whole)).status).toBe(201);
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
  expect((await client.ask("GET", "/v2/")).status).toBe(200);
}

const ways = [
  { name: "POST ?digest=", method: "POST", target: async () => `/v2/clients/blobs/uploads/?digest=${digest}` },
  { name: "PATCH", method: "PATCH", target: async () => (await client.startUpload("clients")).location },
  {
    name: "PUT",
    method: "PUT",
    target: async () => `${(await client.startUpload("clients")).location}?digest=${digest}`,
  },
];

for (const { name, method, target } of ways) {
  for (const sent of [0, 100, 20_000, 1_000_000]) {
    test(
      `a client that goes away after ${sent} bytes of a ${name} leaves no handle and no file`,
      () =>
        withoutLeak(async () => {
          for (let i = 0; i < 8; i++) {
            const head = headOf(method, await target(), bytes.byteLength);
            const { socket, closed } = await openLine(server.url, head, bytes.subarray(0, sent));
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
    `a ${name} whose body is shorter than its Content-Length is not taken`,
    () =>
      withoutLeak(async () => {
        const line = await openLine(server.url, headOf(method, await target(), bytes.byteLength), bytes.subarray(1));
        line.socket.end();
        expect(await line.closed).not.toMatch(/^HTTP\/1.1 2/);
        expect((await client.getBlob("clients", digest)).status).toBe(404);
      }),
    patience,
  );
}

test(
  "what follows a body that is longer than its Content-Length is refused, and the blob is whole or not there",
  () =>
    withoutLeak(async () => {
      for (const [size, seed] of [
        [1_000, 10],
        [500_000, 11],
      ] as const) {
        const content = contentOf(seed, size);
        const target = `/v2/clients/blobs/uploads/?digest=${digestOf(content)}`;
        const line = await openLine(server.url, headOf("POST", target, size), content, "far too much\r\n\r\n");
        const came = await line.closed;
        expect(came).toMatch(/^HTTP\/1.1 (?:201|400)/);
        expect(came).toContain('"errors":[');
        const blob = await client.getBlob("clients", digestOf(content));
        if (blob.status !== 404) expect(digestOf(blob.bytes)).toBe(digestOf(content));
      }
    }),
  patience,
);

test(
  "a chunked body that breaks off or is none is not taken",
  () =>
    withoutLeak(async () => {
      for (const broken of ["5\r\nabc", "zz\r\nabc\r\n0\r\n\r\n", "3\r\nabcd\r\n0\r\n\r\n"]) {
        const head = `POST /v2/clients/blobs/uploads/?digest=${digest} HTTP/1.1\r\nHost: registry\r\n`;
        const line = await openLine(server.url, `${head}Transfer-Encoding: chunked\r\n\r\n`, broken);
        line.socket.end();
        expect(await line.closed).not.toMatch(/^HTTP\/1.1 2/);
      }
    }),
  patience,
);

test(
  "an upload whose client went away goes on at the offset that the server tells",
  async () => {
    const { location } = await client.startUpload("clients");
    expect((await client.patch(location, bytes.slice(0, 50_000), 0, 50_000)).status).toBe(202);
    const rest = bytes.slice(50_000);
    const { socket, closed } = await openLine(
      server.url,
      headOf("PATCH", location, rest.byteLength),
      rest.slice(0, 900_000),
    );
    await Bun.sleep(50);
    socket.destroy();
    await closed;
    // While the server still takes in what had been sent, the offset grows: a part at the old one is told the new one.
    await eventually(async () => {
      const offset = Number((await client.getUpload(location)).headers.get("range")?.slice(2)) + 1;
      expect(offset).toBeGreaterThanOrEqual(50_000);
      expect(offset).toBeLessThanOrEqual(950_000);
      const { status } = await client.patch(location, bytes.slice(offset), offset, bytes.byteLength - offset);
      expect([202, 416]).toContain(status);
      return status === 202;
    });
    expect((await client.putUpload(location, digest)).status).toBe(201);
    expect(digestOf((await client.getBlob("clients", digest)).bytes)).toBe(digest);
  },
  patience,
);

test(
  "two hundred downloads that are broken off leave no handle",
  () =>
    withoutLeak(async () => {
      const target = `/v2/clients/blobs/${digestOf(contentOf(2, 8_000_000))}`;
      for (let i = 0; i < 200; i++) {
        const line = await openLine(server.url, `GET ${target} HTTP/1.1\r\nHost: registry\r\n\r\n`);
        if (i % 3 > 0) await line.until(/\r\n\r\n./s);
        if (i % 2 === 0) line.socket.destroy();
        else line.socket.resetAndDestroy();
        await line.closed;
      }
    }),
  patience,
);
