// The door of /v2/ behind a port: what goes over the wire byte by byte, and what the HTTP parser itself refuses.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { connect } from "node:net";
import { guard } from "#http/guard";
import { type Listening, listen } from "#http/listen";
import { systemClock } from "#lib/clock";
import { digestOf } from "#lib/digest";
import { silentLog } from "#lib/log";
import { openTestRegistry, type TestRegistry } from "#registry/testing";
import { faultAnswer, ociErrors, openOciDoor } from "./index.ts";
import { bytesLike, openAsk, pushBlob } from "./testing.ts";

const large = bytesLike(1, 600_000);
const digest = digestOf(large);
let house: TestRegistry;
let server: Listening;

beforeAll(async () => {
  house = await openTestRegistry({ store: "fs" });
  const door = guard(openOciDoor(house.registry), ociErrors, silentLog);
  const where = { host: "127.0.0.1", port: 0, clock: systemClock, log: silentLog };
  server = await listen({ ...where, door, refusal: faultAnswer });
  await pushBlob(openAsk(house.registry), "team/wire", large);
});
afterAll(async () => {
  await server.close(0);
  await house.remove();
});

const ask = (target: string, init: RequestInit = {}) => fetch(`http://127.0.0.1:${server.port}${target}`, init);

/** Sends bytes as they are; returns what comes back until the server closes. */
function exchange(...parts: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(server.port, "127.0.0.1", () => {
      for (const part of parts) socket.write(part);
    });
    let text = "";
    socket.on("data", (bytes) => {
      text += bytes.toString("latin1");
    });
    socket.on("close", () => resolve(text));
    socket.on("error", reject);
  });
}

const refusals: readonly (readonly [sentence: string, request: string, status: number])[] = [
  ["what is no HTTP", "NONSENSE\r\n\r\n", 400],
  ["a method that is none", "G@T /v2/ HTTP/1.1\r\nHost: x\r\n\r\n", 400],
  [
    "two lengths",
    "PUT /v2/ HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    400,
  ],
  ["a length that is none", "PUT /v2/ HTTP/1.1\r\nHost: x\r\nContent-Length: five\r\n\r\n", 400],
  ["a header without a name", "GET /v2/ HTTP/1.1\r\nHost: x\r\n: y\r\n\r\n", 400],
  ["headers of 64 KiB", `GET /v2/ HTTP/1.1\r\nHost: x\r\nX: ${"x".repeat(65_536)}\r\n\r\n`, 431],
];

describe("the wire", () => {
  for (const [sentence, request, status] of refusals) {
    test(`${sentence} is refused with the envelope, and the connection ends`, async () => {
      const [head = "", body = ""] = (await exchange(request)).split("\r\n\r\n");
      expect(head).toStartWith(`HTTP/1.1 ${status} `);
      expect(head).toContain("\r\nContent-Type: application/json\r\n");
      expect(head).toContain("\r\nConnection: close");
      expect(JSON.parse(body)).toMatchObject({ errors: [{ code: "UNSUPPORTED" }] });
    });
  }

  test("a connection serves many requests, and HEAD has a length and no body", async () => {
    const path = `/v2/team/wire/blobs/${digest}`;
    const text = await exchange(
      `HEAD ${path} HTTP/1.1\r\nHost: x\r\n\r\n`,
      "HEAD /v2/team/none/tags/list HTTP/1.1\r\nHost: x\r\n\r\n",
      `GET ${path} HTTP/1.1\r\nHost: x\r\nRange: bytes=0-3\r\nConnection: close\r\n\r\n`,
    );
    const [found = "", missing = "", part = "", bytes = ""] = text.split("\r\n\r\n");
    expect(found).toContain("200 OK\r\n");
    expect(found).toContain("\r\nContent-Length: 600000");
    expect(missing).toStartWith("HTTP/1.1 404 Not Found\r\n");
    expect(missing).toMatch(/\r\nContent-Length: [1-9]\d+/);
    expect(part).toStartWith("HTTP/1.1 206 Partial Content\r\n");
    expect(part).toContain("\r\nContent-Range: bytes 0-3/600000");
    expect(part.toLowerCase()).not.toContain("transfer-encoding");
    expect(Buffer.from(bytes, "latin1")).toEqual(Buffer.from(large.subarray(0, 4)));
  });

  test("a blob comes whole, with its length", async () => {
    const answer = await ask(`/v2/team/wire/blobs/${digest}`);
    expect(answer.headers.get("content-length")).toBe("600000");
    expect(Buffer.compare(await answer.bytes(), large)).toBe(0);
  });

  test("an upload comes with a length or in chunks", async () => {
    for (const body of [large, new Response(large).body]) {
      const begun = await ask("/v2/team/wire/blobs/uploads/", { method: "POST" });
      const path = begun.headers.get("location") ?? "";
      const sent = await ask(path, { method: "PATCH", body });
      expect({ status: sent.status, range: sent.headers.get("range") }).toEqual({ status: 202, range: "0-599999" });
      expect((await ask(`${path}?digest=${digest}`, { method: "PUT" })).status).toBe(201);
    }
  });

  test("a manifest that says that it is too large is refused before it is read", async () => {
    const head = "PUT /v2/team/wire/manifests/x HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n";
    expect(await exchange(head)).toStartWith("HTTP/1.1 413 ");
  });

  test("an upload whose client went away goes on where it stopped", async () => {
    const begun = await ask("/v2/team/wire/blobs/uploads/", { method: "POST" });
    const path = begun.headers.get("location") ?? "";
    const socket = connect(server.port, "127.0.0.1");
    socket.write(`PATCH ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: 600000\r\n\r\n`);
    await new Promise((resolve) => socket.write(large.subarray(0, 400_000), resolve));
    socket.destroy();
    const stored = async () => Number(/^0-(\d+)$/.exec((await ask(path)).headers.get("range") ?? "")?.[1] ?? 0) + 1;
    while ((await stored()) === 1) await Bun.sleep(5);
    const put = async () => {
      const offset = await stored();
      const headers = { "content-range": `${offset}-599999` };
      return ask(`${path}?digest=${digest}`, { method: "PUT", body: large.subarray(offset), headers });
    };
    let answer = await put();
    // The server may still have been writing what had come.
    while (answer.status === 416) answer = await put();
    expect(answer.status).toBe(201);
  });
});
