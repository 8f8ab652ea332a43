// The Hub's transcripts of 2014 (T6 to T10) behind a port, byte by byte but for Date and what the runtime adds.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { guard } from "#http/guard";
import { type Listening, listen } from "#http/listen";
import { systemClock } from "#lib/clock";
import { silentLog } from "#lib/log";
import { openTestRegistry, type TestRegistry } from "#registry/testing";
import { dockerV1Errors, openDockerV1Door } from "./index.ts";
import { basic, exchange, idOf, openTestAccounts } from "./testing.ts";

const repository = "/v1/repositories/sampritavh/dockerplayground";
const ids = Array.from({ length: 16 }, (_, i) => idOf(i.toString(16)));
const credentials = `Authorization: ${basic("sampritavh", "toto42")}\r\n`;
const last = ["X-Docker-Registry-Version: 0.7.3", "X-Docker-Registry-Config: dev", "X-Content-Type-Options: nosniff"];
let house: TestRegistry;
let server: Listening;

beforeAll(async () => {
  house = await openTestRegistry();
  const { v1Images: images, v1Tags: tags, v1Repositories: repositories, check } = house.registry;
  const own = { sessionKey: "a key", isSecure: () => false, hostname: "box", clock: { now: house.now } };
  const mode = { kind: "hub", accounts: openTestAccounts(new Set()) } as const;
  const door = guard(openDockerV1Door({ images, tags, repositories, check, mode, ...own }), dockerV1Errors, silentLog);
  const where = { host: "127.0.0.1", port: 0, clock: systemClock, log: silentLog };
  server = await listen({ ...where, door, refusal: dockerV1Errors.fault });
  await ask("POST", "/v1/users/", '{"email": "s@flux7.com", "password": "toto42", "username": "sampritavh"}', "");
  for (const name of [repository, `${repository}3`])
    await ask("PUT", `${name}/`, JSON.stringify(ids.map((id) => ({ id }))));
});
afterAll(async () => {
  await server.close(0);
  await house.remove();
});

function ask(method: string, path: string, body = "", headers = credentials): Promise<string> {
  const types = "Accept: application/json\r\nContent-Type: application/json\r\n";
  const length = body === "" ? "" : `Content-Length: ${body.length}\r\n`;
  const head = `${method} ${path} HTTP/1.1\r\nHost: localhost:5000\r\nConnection: close\r\n${types}${headers}${length}`;
  return exchange(server.port, `${head}\r\n${body}`);
}

/** An answer with JSON. */
function answer(status: string, body: string): string {
  const noCache = ["Expires: -1", "Content-Type: application/json", "Pragma: no-cache", "Cache-Control: no-cache"];
  return [`HTTP/1.1 ${status}`, ...noCache, `Content-Length: ${body.length}`, ...last, "", body].join("\r\n");
}

/** An answer about the images of a repository to who wants no token, in the order that was measured. */
function indexAnswer(status: string, body: string, more: readonly string[] = []): string {
  const first = ["Pragma: no-cache", "Cache-Control: no-cache", "Expires: -1"];
  const type = ["Content-Type: application/json", `Content-Length: ${body.length}`, ...more];
  return [`HTTP/1.1 ${status}`, ...first, ...type, ...last, "", body].join("\r\n");
}

test("T6: a repository is deleted", async () => {
  expect(await ask("DELETE", `${repository}3`)).toStartWith("HTTP/1.1 301 MOVED PERMANENTLY\r\n");
  expect(await ask("DELETE", `${repository}3/`)).toBe(indexAnswer("202 ACCEPTED", '""'));
});

test("T7, T8: sixteen images, and the checksum of one", async () => {
  const cors = ["Access-Control-Allow-Origin: *", "Access-Control-Allow-Methods: GET"];
  const list = (checksum: string) =>
    `[${ids.map((id, i) => `{"checksum": "${i === 7 ? checksum : ""}", "id": "${id}"}`).join(", ")}]`;
  expect(list("")).toHaveLength(0x5c0);
  expect(await ask("GET", `${repository}/images`, "", "")).toBe(indexAnswer("200 OK", list(""), cors));
  const checksum = "b486531f9a779a0c".repeat(4);
  const put = await ask("PUT", `${repository}/images`, JSON.stringify([{ id: ids[7], checksum }]));
  expect(put).toBe(indexAnswer("204 NO CONTENT", ""));
  expect(list(checksum)).toHaveLength(0x600);
  expect(await ask("GET", `${repository}/images`, "", "")).toBe(indexAnswer("200 OK", list(checksum), cors));
});

test("T9: a log-in", async () => {
  expect(await ask("GET", "/v1/users")).toStartWith("HTTP/1.1 301 MOVED PERMANENTLY\r\n");
  expect(await ask("GET", "/v1/users/")).toBe(answer("200 OK", '"OK"'));
});

test("T10: a registration", async () => {
  const body = '{"email": "test@flux7.com", "password": "toto42", "username": "testhubapi"}';
  expect(await ask("POST", "/v1/users", body, "")).toStartWith("HTTP/1.1 301 MOVED PERMANENTLY\r\n");
  expect(await ask("POST", "/v1/users/", body, "")).toBe(answer("201 CREATED", '"User created"'));
});
