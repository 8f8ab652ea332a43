// The door of /v1/ behind a port: the transcripts of 2014 byte by byte, but for Date and what the runtime adds.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { connect } from "node:net";
import { guard } from "#http/guard";
import { type Listening, listen } from "#http/listen";
import { systemClock } from "#lib/clock";
import { silentLog } from "#lib/log";
import { openTestRegistry, type TestRegistry } from "#registry/testing";
import { dockerV1Errors, openDockerV1Door } from "./index.ts";
import { exchange, idOf, imageJson, openAsk, payloadOf, pushImage } from "./testing.ts";

const id = "c5881f11ded97fd2252adf93268114329e985624c5d7bb86e439a36109d1124e";
const layer = Uint8Array.from({ length: 300_000 }, (_, i) => i * 13 + (i >> 8));
let house: TestRegistry;
let server: Listening;

beforeAll(async () => {
  house = await openTestRegistry({ store: "fs" });
  await pushImage(openAsk(house), id, { layer });
  const { v1Images: images, v1Tags: tags, v1Repositories: repositories, check } = house.registry;
  const own = { sessionKey: "a key", isSecure: () => false, hostname: "box", clock: { now: house.now } };
  const door = guard(openDockerV1Door({ images, tags, repositories, check, ...own }), dockerV1Errors, silentLog);
  const where = { host: "127.0.0.1", port: 0, clock: systemClock, log: silentLog };
  server = await listen({ ...where, door, refusal: dockerV1Errors.fault });
});
afterAll(async () => {
  await server.close(0);
  await house.remove();
});

const ask = (method: string, path: string, body = "") =>
  exchange(
    server.port,
    `${method} ${path} HTTP/1.1\r\nHost: localhost:5000\r\nConnection: close\r\n`,
    body === ""
      ? "\r\n"
      : `Content-Type: application/x-www-form-urlencoded\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );

const last = ["X-Docker-Registry-Version: 0.7.3", "X-Docker-Registry-Config: dev", "X-Content-Type-Options: nosniff"];
const answer = (status: string, headers: readonly string[], body: string) =>
  [`HTTP/1.1 ${status}`, ...headers, ...last, "", body].join("\r\n");
const noCache = (length: number) => [
  ...["Expires: -1", "Content-Type: application/json", "Pragma: no-cache", "Cache-Control: no-cache"],
  `Content-Length: ${length}`,
];

describe("on the wire", () => {
  test("the ping is that of 2014", async () => {
    const headers = ["X-Docker-Registry-Standalone: True", ...noCache(4)];
    expect(await ask("GET", "/v1/_ping")).toBe(answer("200 OK", headers, "true"));
    expect(await ask("HEAD", "/v1/_ping")).toBe(answer("200 OK", headers, ""));
  });

  test("a layer that is there is refused as in 2014", async () => {
    const text = await ask("PUT", `/v1/images/${id}/layer`, "test-image-layer");
    expect(text).toBe(answer("409 CONFLICT", noCache(33), '{"error": "Image already exists"}'));
  });

  test("a slash redirect is that of 2014", async () => {
    const url = "http://localhost:5000/v1/repositories/ubuntu/latest/";
    const headers = ["Content-Type: text/html; charset=utf-8", "Content-Length: 311", `Location: ${url}`];
    const body = [
      '<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 3.2 Final//EN">',
      "<title>Redirecting...</title>",
      "<h1>Redirecting...</h1>",
      `<p>You should be redirected automatically to target URL: <a href="${url}">${url}</a>.  If not click the link.`,
    ].join("\n");
    expect(await ask("DELETE", "/v1/repositories/ubuntu/latest")).toBe(answer("301 MOVED PERMANENTLY", headers, body));
  });

  test("a layer comes whole and in part, with one length, before the rest", async () => {
    const rest = [
      ...["Expires: Fri, 01 Jan 2027 00:00:00 GMT", "Last-Modified: Thu, 01 Jan 1970 00:00:00 GMT"],
      ...["Cache-Control: public, max-age=31536000", "Content-Type: application/octet-stream"],
    ];
    const all = ["Content-Length: 300000", "Accept-Ranges: bytes", ...rest];
    const bytes = Buffer.from(layer).toString("latin1");
    expect(await ask("GET", `/v1/images/${id}/layer`)).toBe(answer("200 OK", all, bytes));
    expect(await ask("HEAD", `/v1/images/${id}/layer`)).toBe(answer("200 OK", all, ""));
    const range = (value: string) =>
      exchange(
        server.port,
        `GET /v1/images/${id}/layer HTTP/1.1\r\nHost: x\r\nRange: ${value}\r\nConnection: close\r\n\r\n`,
      );
    const part = ["Content-Length: 10", "Accept-Ranges: bytes", "Content-Range: bytes 299990-299999/300000", ...rest];
    expect(await range("bytes=299990-300000")).toBe(answer("206 PARTIAL CONTENT", part, bytes.slice(-10)));
    const outside = ["Content-Length: 0", "Accept-Ranges: bytes", ...rest];
    const words = "416 REQUESTED RANGE NOT SATISFIABLE";
    expect(await range("bytes=300000-300000")).toBe(answer(words, outside, ""));
  });

  test("no content has a length, and what is not modified has none", async () => {
    expect(await ask("PUT", "/v1/users/alice/", "x")).toBe(answer("204 NO CONTENT", noCache(0), ""));
    const since = "If-Modified-Since: x\r\nConnection: close";
    const expected = ["Expires: Fri, 01 Jan 2027 00:00:00 GMT", "Cache-Control: public, max-age=31536000"];
    expect(await exchange(server.port, `GET /v1/images/${id}/json HTTP/1.1\r\nHost: x\r\n${since}\r\n\r\n`)).toBe(
      answer("304 NOT MODIFIED", expected, ""),
    );
  });

  test("a layer is taken in chunks, as Docker sends it", async () => {
    const other = idOf("1");
    const json = imageJson(other);
    const put = (part: string, init: RequestInit) =>
      fetch(`http://127.0.0.1:${server.port}/v1/images/${other}/${part}`, { ...init, method: "PUT" });
    expect((await put("json", { body: json })).status).toBe(200);
    const sent = await put("layer", { body: new Response(layer).body });
    expect({ status: sent.status, text: await sent.text() }).toEqual({ status: 200, text: "true" });
    const headers = { "x-docker-checksum-payload": payloadOf(json, layer) };
    expect((await put("checksum", { headers })).status).toBe(200);
    const got = await fetch(`http://127.0.0.1:${server.port}/v1/images/${other}/layer`);
    expect(Buffer.compare(await got.bytes(), layer)).toBe(0);
  });

  test("a layer whose client went away leaves the image as it was announced", async () => {
    const other = idOf("2");
    const json = imageJson(other);
    const url = `http://127.0.0.1:${server.port}/v1/images/${other}`;
    await fetch(`${url}/json`, { method: "PUT", body: json });
    const socket = connect(server.port, "127.0.0.1");
    socket.write(`PUT /v1/images/${other}/layer HTTP/1.1\r\nHost: x\r\nContent-Length: 300000\r\n\r\n`);
    await new Promise((resolve) => socket.write(layer.subarray(0, 200_000), resolve));
    socket.destroy();
    const checksum = { "x-docker-checksum-payload": payloadOf(json, layer) };
    const early = await fetch(`${url}/checksum`, { method: "PUT", headers: checksum });
    expect(await early.text()).toBe('{"error": "Checksum mismatch"}');
    expect((await fetch(`${url}/layer`, { method: "PUT", body: layer })).status).toBe(200);
    expect((await fetch(`${url}/checksum`, { method: "PUT", headers: checksum })).status).toBe(200);
  });

  test("what the HTTP parser refuses has one length", async () => {
    const text = await exchange(server.port, "NONSENSE\r\n\r\n");
    expect(text).toStartWith("HTTP/1.1 400 BAD REQUEST\r\nExpires: -1\r\n");
    expect(text.match(/Content-Length/g)).toHaveLength(1);
    expect(text).toEndWith('{"error": "the request is not valid HTTP"}');
  });
});
