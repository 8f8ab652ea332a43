// The transcripts of docker-registry 0.7.3, standalone, replayed over a socket: status line, every header in its order, and
// body, but for Server, Date and Connection. T1 to T5 are those of the article, the others what was measured beside them.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { startServer, type TestServer } from "../server.ts";
import { payloadChecksum } from "./checksums.ts";
import { type Header, type Reply, type Sent, send } from "./wire.ts";

const top = "c5881f11ded97fd2252adf93268114329e985624c5d7bb86e439a36109d1124e";
const latest = "e54ca5efa2e962582a223ca9810f7f1b62ea9b5c3975d14a5da79d3bf6020f37";
const precise = "ebe4be4dd427fcc7e137b340f60e458baa5fb710a280332454d2c8a8209a14d7";
const layer = randomBytes(300_000);
const curl: readonly Header[] = [
  ["User-Agent", "curl/7.35.0"],
  ["Accept", "*/*"],
];

let server: TestServer;

beforeAll(async () => {
  server = await startServer();
  for (const id of [top, latest, precise]) await complete(id, layer);
  for (const [tag, id] of [
    ["latest", latest],
    ["precise", precise],
  ]) {
    expect((await ask("PUT", `/v1/repositories/ubuntu/tags/${tag}`, `"${id}"`)).status).toBe(200);
  }
}, 30_000);

afterAll(() => server.stop());

/** Sends what curl sends, to the host of the transcripts. */
function ask(method: string, target: string, body?: string | Uint8Array, more: readonly Header[] = []): Promise<Reply> {
  const bytes = typeof body === "string" ? Buffer.from(body) : body;
  const length: Header[] = bytes === undefined ? [] : [["Content-Length", String(bytes.byteLength)]];
  const sent: Sent = { method, target, host: "localhost:5000", headers: [...curl, ...more, ...length], body: bytes };
  return send(server.url, sent);
}

async function complete(id: string, bytes: Uint8Array): Promise<void> {
  const json = Buffer.from(`{"id":"${id}","created":"2014-06-24T11:54:49Z"}`);
  const checksum: Header = ["X-Docker-Checksum-Payload", payloadChecksum(json, bytes)];
  for (const [part, body, more] of [
    ["json", json, []],
    ["layer", bytes, []],
    ["checksum", undefined, [checksum, ["Content-Length", "0"]]],
  ] as const) {
    const { status, text } = await ask("PUT", `/v1/images/${id}/${part}`, body, more);
    expect([part, status, text]).toEqual([part, 200, "true"]);
  }
}

/** An answer as a transcript has it. */
function shown({ status, reason, headers }: Reply): string[] {
  const kept = headers.filter(([name]) => !["server", "date", "connection", "keep-alive"].includes(name.toLowerCase()));
  return [`${status} ${reason}`, ...kept.map(([name, value]) => `${name}: ${value}`)];
}

/** What ends every answer. The last line is not of 2014: no browser may take a layer for a page. */
const versions = [
  "X-Docker-Registry-Version: 0.7.3",
  "X-Docker-Registry-Config: dev",
  "X-Content-Type-Options: nosniff",
];
const noCache = (length: number) => [
  "Expires: -1",
  "Content-Type: application/json",
  "Pragma: no-cache",
  "Cache-Control: no-cache",
  `Content-Length: ${length}`,
  ...versions,
];

/** The answer of a route with JSON and nothing of its own. */
async function expectJson(reply: Reply, status: string, body: string): Promise<void> {
  expect(shown(reply)).toEqual([status, ...noCache(Buffer.byteLength(body))]);
  expect(reply.text).toBe(body);
}

test("T1: the layer of a complete image", async () => {
  const reply = await ask("GET", `/v1/images/${top}/layer`);
  const expires = reply.get("expires") ?? "";
  const year = 31_536_000_000;
  expect(Math.abs(Date.parse(expires) - Date.parse(reply.get("date") ?? "") - year)).toBeLessThan(3000);
  expect(expires).toMatch(/^[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/);
  expect(shown(reply).sort()).toEqual(
    [
      "200 OK",
      "Accept-Ranges: bytes",
      "Cache-Control: public, max-age=31536000",
      `Content-Length: ${layer.byteLength}`,
      "Content-Type: application/octet-stream",
      `Expires: ${expires}`,
      "Last-Modified: Thu, 01 Jan 1970 00:00:00 GMT",
      ...versions,
    ].sort(),
  );
  expect(reply.body.equals(layer)).toBe(true);
});

test("T2: a layer that is there is not replaced", async () => {
  const form: Header = ["Content-Type", "application/x-www-form-urlencoded"];
  const reply = await ask("PUT", `/v1/images/${top}/layer`, "test-image-layer", [form]);
  await expectJson(reply, "409 CONFLICT", '{"error": "Image already exists"}');
  expect((await ask("GET", `/v1/images/${top}/layer`)).body.equals(layer)).toBe(true);
});

test("T3: the tags of a repository of the library", async () => {
  const reply = await ask("GET", "/v1/repositories/ubuntu/tags");
  expect(Buffer.byteLength(reply.text)).toBe(157);
  await expectJson(reply, "200 OK", `{"latest": "${latest}", "precise": "${precise}"}`);
});

test("T4: what is not the name of a tag is redirected, and nothing is deleted", async () => {
  const reply = await ask("DELETE", "/v1/repositories/ubuntu/latest");
  const target = "http://localhost:5000/v1/repositories/ubuntu/latest/";
  expect(shown(reply).sort()).toEqual(
    [
      "301 MOVED PERMANENTLY",
      "Content-Length: 311",
      "Content-Type: text/html; charset=utf-8",
      `Location: ${target}`,
      ...versions,
    ].sort(),
  );
  expect(reply.text).toBe(
    [
      '<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 3.2 Final//EN">',
      "<title>Redirecting...</title>",
      "<h1>Redirecting...</h1>",
      `<p>You should be redirected automatically to target URL: <a href="${target}">${target}</a>.  If not click the link.`,
    ].join("\n"),
  );
  expect((await ask("GET", "/v1/repositories/ubuntu/tags/latest")).text).toBe(`"${latest}"`);
});

test("T5: a ping", async () => {
  const reply = await ask("GET", "/v1/_ping");
  expect(shown(reply)).toEqual(["200 OK", "X-Docker-Registry-Standalone: True", ...noCache(4)]);
  expect(reply.text).toBe("true");
});

test("The other answers of known length have it", async () => {
  const rows: readonly (readonly [string, string, number])[] = [
    ["/v1/repositories/alice/nowhere/tags", '{"error": "Repository not found"}', 33],
    [`/v1/images/${"0".repeat(64)}/json`, '{"error": "Image not found"}', 28],
    ["/v1/repositories/ubuntu/tags/nowhere", '{"error": "Tag not found"}', 26],
    ["/v1/users/", '"OK"', 4],
    [`/v1/images/${top}/ancestry`, `["${top}"]`, 68],
  ];
  for (const [target, body, length] of rows) {
    const { text, get } = await ask("GET", target);
    expect([target, text, get("content-length")]).toEqual([target, body, String(length)]);
  }
  const empty = await ask("GET", "/v1/search?q=there-is-nothing-like-this");
  expect(empty.text).toBe('{"num_results": 0, "query": "there-is-nothing-like-this", "results": []}');
});

test("The answers about a repository name token and endpoint in the measured order", async () => {
  const rows: readonly (readonly [string, string, string, string, string])[] = [
    ["PUT", "/v1/repositories/alice/app/", "[]", "200 OK", "write"],
    ["GET", "/v1/repositories/alice/app/images", "", "200 OK", "read"],
    ["PUT", "/v1/repositories/alice/app/images", "[]", "204 NO CONTENT", "write"],
    ["DELETE", "/v1/repositories/alice/app/images", "", "204 NO CONTENT", "delete"],
  ];
  for (const [method, target, body, status, access] of rows) {
    const reply = await ask(method, target, method === "PUT" ? body : undefined);
    const token = reply.get("x-docker-token") ?? "";
    expect(token).toMatch(new RegExp(`^Token signature=[A-Z0-9]{16},repository="alice/app",access=${access}$`));
    const cors = ["Access-Control-Allow-Origin: *", "Access-Control-Allow-Methods: GET"];
    expect([method, ...shown(reply)]).toEqual([
      method,
      status,
      `X-Docker-Token: ${token}`,
      "X-Docker-Endpoints: localhost:5000",
      "Pragma: no-cache",
      "Cache-Control: no-cache",
      "Expires: -1",
      "Content-Type: application/json",
      `WWW-Authenticate: ${token}`,
      `Content-Length: ${reply.body.byteLength}`,
      ...(method === "GET" ? cors : []),
      ...versions,
    ]);
  }
});

test("The JSON of an image carries checksum and size in the measured order", async () => {
  const json = `{"id":"${top}","created":"2014-06-24T11:54:49Z"}`;
  const reply = await ask("GET", `/v1/images/${top}/json`);
  expect(reply.text).toBe(json);
  expect(shown(reply)).toEqual([
    "200 OK",
    `X-Docker-Payload-Checksum: ${payloadChecksum(Buffer.from(json), layer)}`,
    `Expires: ${reply.get("expires")}`,
    "Last-Modified: Thu, 01 Jan 1970 00:00:00 GMT",
    "Cache-Control: public, max-age=31536000",
    `X-Docker-Size: ${layer.byteLength}`,
    "Content-Type: application/json",
    `Content-Length: ${json.length}`,
    ...versions,
  ]);
});

test("An image that is asked for again is not modified, one that is not there is not found", async () => {
  const again: Header = ["If-Modified-Since", "yesterday"];
  for (const part of ["json", "layer", "ancestry"]) {
    const reply = await ask("GET", `/v1/images/${top}/${part}`, undefined, [again]);
    expect([reply.status, reply.get("cache-control"), reply.get("last-modified"), reply.text]).toEqual([
      304,
      "public, max-age=31536000",
      undefined,
      "",
    ]);
    expect((await ask("GET", `/v1/images/${"0".repeat(64)}/${part}`, undefined, [again])).status).toBe(404);
  }
});

test("HEAD has the headers of GET", async () => {
  for (const part of ["json", "layer", "ancestry"]) {
    const [head, get] = [await ask("HEAD", `/v1/images/${top}/${part}`), await ask("GET", `/v1/images/${top}/${part}`)];
    const withoutTime = (reply: Reply) => shown(reply).filter((line) => !line.startsWith("Expires:"));
    expect(withoutTime(head)).toEqual(withoutTime(get));
    expect(head.text).toBe("");
  }
});

test("A download is resumed as engines resume it", async () => {
  const size = layer.byteLength;
  const rows: readonly (readonly [string, number, string | undefined, Uint8Array])[] = [
    ["bytes=0-9", 206, `bytes 0-9/${size}`, layer.subarray(0, 10)],
    // The last byte that an engine asks for is the one after the end.
    [`bytes=100-${size}`, 206, `bytes 100-${size - 1}/${size}`, layer.subarray(100)],
    ["bytes=100-", 206, `bytes 100-${size - 1}/${size}`, layer.subarray(100)],
    [`bytes=${size}-${size}`, 416, undefined, Buffer.alloc(0)],
    [`bytes=${size + 5}-${size + 9}`, 416, undefined, Buffer.alloc(0)],
  ];
  for (const [range, status, content, bytes] of rows) {
    const reply = await ask("GET", `/v1/images/${top}/layer`, undefined, [["Range", range]]);
    expect([range, reply.status, reply.get("content-length")]).toEqual([range, status, String(bytes.byteLength)]);
    if (content !== undefined) expect(reply.get("content-range")).toBe(content);
    expect(reply.body.equals(bytes)).toBe(true);
    expect(reply.get("cache-control")).toBe("public, max-age=31536000");
  }
});
