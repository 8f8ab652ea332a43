// Errors of /v2/: the envelope everywhere, the codes of the spec, and nothing internal on the wire.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { call } from "#http/call";
import { guard } from "#http/guard";
import { Fault, type Kind } from "#lib/fault";
import { silentLog } from "#lib/log";
import { openTestRegistry, type TestRegistry } from "#registry/testing";
import { faultAnswer, ociErrors } from "./index.ts";
import { type Ask, check, type Expected, errorsOf, openAsk, pushImage, type Row, see } from "./testing.ts";

const digest = `sha256:${"a".repeat(64)}`;
let house: TestRegistry;
let ask: Ask;

beforeAll(async () => {
  house = await openTestRegistry();
  ask = openAsk(house.registry);
  await pushImage(ask, "team/errors", "latest");
});
afterAll(() => house.remove());

const noRoute: Expected = { status: 404, codes: ["UNSUPPORTED"] };
const invalidName: Expected = { status: 400, codes: ["NAME_INVALID"] };
const notAllowed = (allow: string): Expected => ({ status: 405, headers: { allow }, codes: ["UNSUPPORTED"] });
const ping: Expected = { status: 200, headers: { "content-type": "application/json" }, text: "{}" };

const rows: readonly Row[] = [
  ["the door says that it is there", "GET", "/v2/", {}, ping],
  ["the door is there without the last slash", "GET", "/v2", {}, ping],
  ["no such route", "GET", "/v2/team/errors/nothing/here", {}, noRoute],
  ["another version", "GET", "/v3/", {}, noRoute],
  ["a name alone", "GET", "/v2/team", {}, noRoute],
  ["tags without a name", "GET", "/v2/tags/list", {}, noRoute],
  ["tags without list", "GET", "/v2/team/errors/tags/", {}, noRoute],
  ["a manifest without a reference", "GET", "/v2/team/errors/manifests/", {}, noRoute],
  ["dot segments", "GET", "/v2/team/../errors/tags/list", {}, invalidName],
  ["dot segments that are escaped", "GET", "/v2/team/%2e%2e/errors/tags/list", {}, invalidName],
  ["a NUL", "GET", "/v2/team%00/tags/list", {}, invalidName],
  ["a line feed", "GET", "/v2/team%0a/tags/list", {}, invalidName],
  ["a bad escape", "GET", "/v2/team%zz/tags/list", {}, invalidName],
  ["bytes that are no UTF-8", "GET", "/v2/team%ff/tags/list", {}, invalidName],
  ["an empty segment", "GET", "/v2/team//errors/tags/list", {}, invalidName],
  ["PUT of the door", "PUT", "/v2/", {}, notAllowed("GET, HEAD")],
  ["DELETE of the catalog", "DELETE", "/v2/_catalog", {}, notAllowed("GET, HEAD")],
  ["POST of tags", "POST", "/v2/team/errors/tags/list", {}, notAllowed("GET, HEAD")],
  ["POST of a manifest", "POST", "/v2/team/errors/manifests/x", {}, notAllowed("GET, HEAD, PUT, DELETE")],
  ["PUT of a blob", "PUT", `/v2/team/errors/blobs/${digest}`, {}, notAllowed("GET, HEAD, DELETE")],
  ["GET of uploads", "GET", "/v2/team/errors/blobs/uploads/", {}, notAllowed("POST")],
  ["POST of an upload", "POST", "/v2/team/errors/blobs/uploads/1", {}, notAllowed("GET, HEAD, PATCH, PUT, DELETE")],
  ["DELETE of referrers", "DELETE", `/v2/team/errors/referrers/${digest}`, {}, notAllowed("GET, HEAD")],
  ["a method that nobody knows", "BREW", "/v2/", {}, notAllowed("GET, HEAD")],
];

describe("a request", () => {
  for (const [sentence, method, target, parts, expected] of rows) {
    test(sentence, async () => check(await ask(method, target, parts), expected));
    if (method !== "GET" || expected.codes === undefined) continue;
    test(`HEAD gets the same status and length, and no body: ${sentence}`, async () => {
      const { bytes, headers } = await ask("GET", target, parts);
      const expectedHeaders = { ...headers, "content-length": String(bytes.byteLength) };
      check(await ask("HEAD", target, parts), { status: expected.status, headers: expectedHeaders, text: "" });
    });
  }
});

/** Which status and code each kind has when its subject has none of its own. */
const kinds = {
  invalid: [400, "UNSUPPORTED"],
  unauthenticated: [401, "UNAUTHORIZED"],
  denied: [403, "DENIED"],
  unknown: [404, "NAME_UNKNOWN"],
  conflict: [409, "UNSUPPORTED"],
  "too-large": [413, "SIZE_INVALID"],
  range: [416, "SIZE_INVALID"],
  unsupported: [405, "UNSUPPORTED"],
  quota: [403, "DENIED"],
  busy: [503, "UNAVAILABLE"],
  full: [507, "UNAVAILABLE"],
  upstream: [502, "UNAVAILABLE"],
} as const satisfies Record<Kind, readonly [number, string]>;

const kindList: readonly Kind[] = [
  "invalid",
  "unauthenticated",
  "denied",
  "unknown",
  "conflict",
  "too-large",
  "range",
  "unsupported",
  "quota",
  "busy",
  "full",
  "upstream",
];

describe("what goes wrong", () => {
  for (const kind of kindList) {
    test(`${kind} has its status and code, and keeps its cause to itself`, async () => {
      const cause = new Error("/var/secret: select * from blobs");
      const seen = await see(faultAnswer(new Fault(kind, "repository", "a sentence", { fact: 1 }, cause)));
      const [status, code] = kinds[kind];
      const { "content-type": _, ...headers } = seen.headers;
      expect(seen.status).toBe(status);
      expect(errorsOf(seen)).toEqual([{ code, message: "a sentence", detail: { fact: 1 } }]);
      const again: Record<string, string> = status === 503 || status === 507 ? { "retry-after": "5" } : {};
      expect(headers).toEqual(status === 405 ? { allow: "GET, HEAD" } : again);
      expect(seen.text).not.toContain("secret");
    });
  }

  for (const [kind, subject, status] of [
    ["too-large", "request", 431],
    ["invalid", "timeout", 408],
  ] as const) {
    test(`${kind} ${subject} is ${status}`, async () => {
      check(await see(faultAnswer(new Fault(kind, subject, "a sentence"))), { status, codes: ["UNSUPPORTED"] });
    });
  }

  test("an expectation that is not met is 417", async () => {
    const seen = await see(faultAnswer(new Fault("unsupported", "expectation", "a sentence")));
    check(seen, { status: 417, codes: ["UNSUPPORTED"] });
  });

  test("an answer names at most 256 digests", async () => {
    const digests = Array.from({ length: 10_000 }, () => digest);
    const seen = await see(faultAnswer(new Fault("unknown", "manifest-blob", "a sentence", { digests })));
    expect(errorsOf(seen).length).toBe(256);
  });

  test("a page of another site is denied, before its body is read", async () => {
    const headers = { origin: "https://elsewhere.example", host: "registry.example" };
    check(await ask("POST", "/v2/team/errors/blobs/uploads/", { headers }), { status: 403, codes: ["DENIED"] });
    check(await ask("DELETE", "/v2/team/errors/manifests/latest", { headers }), { status: 403, codes: ["DENIED"] });
    expect((await ask("GET", "/v2/team/errors/manifests/latest", { headers })).status).toBe(200);
  });

  test("a bug is 500, with the id under which it was logged and no other word", async () => {
    const broken = guard(() => Promise.reject(new TypeError("secret of /var/lib")), ociErrors, silentLog);
    const seen = await see(await broken(call("GET", "/v2/")));
    expect(seen.status).toBe(500);
    expect(errorsOf(seen)).toEqual([{ code: "UNKNOWN", message: "internal error", detail: { requestId: "test" } }]);
    const head = await see(await broken(call("HEAD", "/v2/")));
    expect({ status: head.status, text: head.text }).toEqual({ status: 500, text: "" });
  });
});
