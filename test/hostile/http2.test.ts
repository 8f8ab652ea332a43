// HTTP/2 at its worst: requests that HTTP/1.1 cannot even say, and frames that are none. A malformed request is a stream
// error there (RFC 9113, section 8.1.1), and frames that are none end their connection; everything else gets the envelope.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { type ClientHttp2Session, connect, type OutgoingHttpHeaders } from "node:http2";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { eventually } from "../faults/sockets.ts";
import { expectGuarded, expectRefusal } from "./envelope.ts";
import { openServers } from "./servers.ts";
import type { WireAnswer } from "./wire.ts";
import { digestOf, expectPull, expectUntouched, measureMemory, openWorld, type World } from "./world.ts";

const { servers, remove } = openServers();
let world: World;
let session: ClientHttp2Session;

beforeAll(async () => {
  world = await openWorld({ flags: servers["TLS"] ?? [] });
  session = connect(world.server.url, { rejectUnauthorized: false });
  session.on("error", () => undefined);
});
afterAll(async () => {
  session.destroy();
  await world.server.stop();
  remove();
});

type Outcome = WireAnswer | "reset";

/** One request on the shared session; `reset` when its stream ends without an answer. */
function ask(headers: OutgoingHttpHeaders, body?: string | Uint8Array): Promise<Outcome> {
  return new Promise((resolve) => {
    const stream = session.request(headers, { endStream: body === undefined });
    let answer: WireAnswer | undefined;
    const came: Buffer[] = [];
    stream.on("response", ({ ":status": status = 0, ...others }) => {
      const texts = Object.entries(others).map(([name, value]) => [name, String(value)]);
      answer = { status, headers: Object.fromEntries(texts), body: "" };
    });
    stream.on("data", (part: Buffer) => came.push(part));
    stream.on("error", () => undefined);
    stream.on("close", () => {
      resolve(answer === undefined ? "reset" : { ...answer, body: Buffer.concat(came).toString("latin1") });
    });
    if (body !== undefined) stream.end(body);
  });
}

const manifestPath = "/v2/hostile/image/manifests/refused";
const uploadsPath = "/v2/hostile/image/blobs/uploads/";

const refused: readonly (readonly [what: string, headers: OutgoingHttpHeaders, status: number, body?: string])[] = [
  ["CONNECT", { ":method": "CONNECT", ":authority": "registry.example:443" }, 400],
  ["an asterisk", { ":method": "OPTIONS", ":path": "*" }, 400],
  ["a method that nobody knows", { ":method": "BREW", ":path": "/v2/" }, 405],
  ["a method in small letters", { ":method": "get", ":path": "/v2/" }, 405],
  ["two authorities", { ":method": "GET", ":path": "/v2/", ":authority": "a.example", host: "b.example" }, 400],
  ["a path that is not ASCII", { ":path": "/v2/é/tags/list" }, 400],
  ["a path with an escaped NUL", { ":path": "/v2/a%00b/tags/list" }, 400],
  ["a path with dot segments", { ":path": "/v2/../etc/passwd" }, 400],
  ["a path of 20,000 characters", { ":path": `/v2/${"a".repeat(20_000)}/tags/list` }, 400],
  ["an expectation", { ":method": "PUT", ":path": manifestPath, expect: "200-ok" }, 417, "{}"],
  ["a manifest that is none", { ":method": "PUT", ":path": manifestPath }, 400, "{"],
  ["a manifest of brackets", { ":method": "PUT", ":path": manifestPath }, 400, "[".repeat(100_000)],
  ["a manifest that is too large", { ":method": "PUT", ":path": manifestPath }, 413, "x".repeat(6 << 20)],
  ["a blob of another digest", { ":method": "POST", ":path": `${uploadsPath}?digest=${digestOf("a")}` }, 400, "b"],
  ["an upload that is none", { ":method": "PATCH", ":path": `${uploadsPath}none` }, 404, "x".repeat(1 << 20)],
  ["a page of another site", { ":method": "POST", ":path": uploadsPath, origin: "https://elsewhere.example" }, 403],
  ["a page that hides its site", { ":method": "DELETE", ":path": manifestPath, "sec-fetch-site": "cross-site" }, 403],
  ["a page number", { ":path": "/v2/_catalog?n=-1" }, 400],
];

for (const [what, headers, status, body] of refused) {
  test(`${what} is refused`, async () => {
    const answer = await ask(headers, body);
    if (answer === "reset") throw new Error("there was no answer");
    expectRefusal(world.server, answer);
    expect(answer.status).toBe(status);
  });
}

const malformed: readonly (readonly [what: string, headers: OutgoingHttpHeaders, body?: string])[] = [
  ["an empty path", { ":path": "" }],
  ["a path without a slash", { ":path": "v2/" }],
  ["a whole URL as the path", { ":path": "http://registry.example/v2/" }],
  ["a line break in the path", { ":path": "/v2/\r\nX-Evil: yes" }],
  ["a space in the path", { ":path": "/v2/ HTTP/1.1" }],
  ["a coding", { ":path": "/v2/", te: "gzip" }],
  ["an authority that is none", { ":path": "/v2/", ":authority": "a b" }],
  ["more bytes than were said", { ":method": "PUT", ":path": manifestPath, "content-length": "1" }, "{}"],
  ["less bytes than were said", { ":method": "PUT", ":path": manifestPath, "content-length": "9" }, "{}"],
  ["a length that is none", { ":method": "PUT", ":path": manifestPath, "content-length": "two" }, "{}"],
  ["headers of 50,000 bytes", { ":path": "/v2/", x: "a".repeat(50_000) }],
];

for (const [what, headers, body] of malformed) {
  test(`${what}: the stream is reset or refused, and the session goes on`, async () => {
    const outcome = await ask(headers, body);
    if (outcome !== "reset") expectRefusal(world.server, outcome);
    const next = await ask({ ":path": "/v2/" });
    if (next === "reset") throw new Error("there was no answer");
    expectGuarded(next);
    expect(next.status).toBe(200);
  });
}

test("an authority or a Host alone will do, and a page of its own origin may begin an upload", async () => {
  const { origin } = new URL(world.server.url);
  for (const headers of [{ ":path": "/v2/" }, { ":path": "/v2/", host: "registry.example" }])
    expect(await ask(headers)).toMatchObject({ status: 200 });
  expect(await ask({ ":method": "POST", ":path": uploadsPath, origin })).toMatchObject({ status: 202 });
});

test("HEAD has the headers of GET and no body", async () => {
  for (const path of ["/v2/", "/v2/none", "/v2/hostile/image/manifests/latest", "/v2/%00"]) {
    const [got, had] = [await ask({ ":path": path }), await ask({ ":method": "HEAD", ":path": path })];
    if (got === "reset" || had === "reset") throw new Error("there was no answer");
    expect({ ...had, headers: { ...had.headers, date: "" } }).toEqual({
      ...got,
      headers: { ...got.headers, date: "" },
      body: "",
    });
  }
});

/** A frame: length, type, flags, stream. https://www.rfc-editor.org/rfc/rfc9113#section-4.1 */
function frame(type: number, flags: number, stream: number, payload: Uint8Array = new Uint8Array()): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.byteLength, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

const types = { data: 0, headers: 1, reset: 3, settings: 4, ping: 6, windowUpdate: 8, continuation: 9 } as const;
const endStream = 1;
const endHeaders = 4;
const endOfBoth = endStream | endHeaders;
const preface = Buffer.concat([Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), frame(types.settings, 0, 0)]);
/** `:method: GET`, `:scheme: https`, `:path: /`, and an authority, in HPACK. */
const block = Buffer.concat([Buffer.from([0x82, 0x87, 0x84, 0x41, 0x01]), Buffer.from("x")]);
const opened = (stream: number) => frame(types.headers, endOfBoth, stream, block);
const repeat = (count: number, make: (i: number) => Buffer) =>
  Buffer.concat(Array.from({ length: count }, (_, i) => make(i)));

const frames: readonly (readonly [what: string, bytes: Buffer])[] = [
  ["no preface", Buffer.from("GET /v2/ HTTP/1.1\r\nHost: x\r\n\r\n")],
  ["noise behind the preface", Buffer.concat([preface, Buffer.alloc(1000, 0xff)])],
  ["a frame of 16 MiB", Buffer.concat([preface, Buffer.from([0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 1])])],
  ["data on a stream that is none", Buffer.concat([preface, frame(types.data, 0, 7, Buffer.from("x"))])],
  ["headers on stream 0", Buffer.concat([preface, frame(types.headers, endOfBoth, 0, block)])],
  ["headers on an even stream", Buffer.concat([preface, opened(2)])],
  ["HPACK that is none", Buffer.concat([preface, frame(types.headers, endOfBoth, 1, Buffer.alloc(50, 0xff))])],
  ["a window of 0", Buffer.concat([preface, frame(types.windowUpdate, 0, 0, Buffer.alloc(4))])],
  [
    "a window beyond all windows",
    Buffer.concat([preface, repeat(3, () => frame(types.windowUpdate, 0, 0, Buffer.from([0x7f, 255, 255, 255])))]),
  ],
  ["settings of five bytes", Buffer.concat([preface, frame(types.settings, 0, 0, Buffer.alloc(5))])],
  ["a continuation of nothing", Buffer.concat([preface, frame(types.continuation, 4, 1, block)])],
  [
    "100,000 continuations",
    Buffer.concat([
      preface,
      frame(types.headers, 1, 1, block),
      repeat(100_000, () => frame(types.continuation, 0, 1, Buffer.from([0x00, 1, 120, 1, 121]))),
    ]),
  ],
  ["100,000 pings", Buffer.concat([preface, repeat(100_000, () => frame(types.ping, 0, 0, Buffer.alloc(8)))])],
  ["100,000 settings", Buffer.concat([preface, repeat(100_000, () => frame(types.settings, 0, 0))])],
  [
    "20,000 streams that are reset at once",
    Buffer.concat([
      preface,
      repeat(20_000, (i) =>
        Buffer.concat([opened(2 * i + 1), frame(types.reset, 0, 2 * i + 1, Buffer.from([0, 0, 0, 8]))]),
      ),
    ]),
  ],
  ["20,000 streams at once", Buffer.concat([preface, repeat(20_000, (i) => opened(2 * i + 1))])],
];

async function dial(): Promise<TLSSocket> {
  const { hostname, port } = new URL(world.server.url);
  const options = { host: hostname, port: Number(port), rejectUnauthorized: false, ALPNProtocols: ["h2"] };
  return new Promise((resolve, reject) => {
    const socket: TLSSocket = connectTls(options, () => resolve(socket));
    socket.once("error", reject);
  });
}

for (const [what, bytes] of frames) {
  test(`${what}: the server serves on`, async () => {
    const socket = await dial();
    socket.on("error", () => undefined).resume();
    socket.end(bytes);
    await expectPull(world);
    await eventually(async () => socket.bytesWritten > 0 || socket.destroyed);
    await expectPull(world);
    socket.destroy();
  });
}

test("nothing came of it, the memory is bounded, and a pull works", async () => {
  const memory = await measureMemory(world.server);
  process.stdout.write(`HTTP/2: ${memory} MiB after all of it\n`);
  expect(memory).toBeLessThan(700);
  expect(world.server.output()).not.toContain("a bug");
  await expectUntouched(world);
  await expectPull(world);
});
