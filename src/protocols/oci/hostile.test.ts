// Any request line, any headers, any body: the door answers each of them, never with a bug, and always in the words of the
// spec.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import fc from "fast-check";
import { digestOf } from "#lib/digest";
import { dockerManifest, ociIndex, ociManifest } from "#lib/media-type";
import { openTestRegistry, type TestRegistry } from "#registry/testing";
import { type Ask, bytesFrom, errorsOf, openAsk, pushImage, type Seen } from "./testing.ts";

const runs = 2_000;
const digest = digestOf(bytesFrom("x"));
let house: TestRegistry;
let ask: Ask;
let upload = "";

beforeAll(async () => {
  house = await openTestRegistry();
  ask = openAsk(house.registry);
  await pushImage(ask, "team/any", "latest");
  upload = (await ask("POST", "/v2/team/any/blobs/uploads/")).headers["location"] ?? "";
});
afterAll(() => house.remove());

/** Text that means something here, or nothing anywhere. */
const word = fc.oneof(
  fc.constantFrom("team/any", "team", "latest", digest, digest.slice(0, 20), "manifests", "blobs", "uploads", "tags"),
  fc.constantFrom(
    "list",
    "referrers",
    "_catalog",
    "v2",
    "..",
    ".",
    "",
    "__proto__",
    "constructor",
    "sha256:",
    "%",
    "%00",
  ),
  fc.constantFrom(
    "%2e%2e",
    "%2F",
    "%C3%A9",
    "%FF",
    "\u0000",
    "\r\n",
    "\ud800",
    "a".repeat(300),
    "0-0",
    "-1",
    "9".repeat(30),
  ),
  fc.string({ unit: "binary", maxLength: 12 }),
  fc.string({ maxLength: 12 }),
);
const anyPath = fc.array(word, { maxLength: 8 }).map((parts) => `/v2/${parts.join("/")}`);
const nearPath = fc
  .tuple(
    fc.constantFrom("team/any", "team/none", "ubuntu"),
    fc.constantFrom("manifests", "blobs", "referrers", "tags"),
    word,
  )
  .map(([name, verb, last]) => `/v2/${name}/${verb}/${last}`);
const uploadPath = fc.constantFrom("/v2/team/any/blobs/uploads/", "upload");
const query = fc
  .array(
    fc.tuple(fc.oneof(word, fc.constantFrom("n", "last", "digest", "mount", "from", "tag", "artifactType")), word),
    {
      maxLength: 4,
    },
  )
  .map((pairs) => (pairs.length === 0 ? "" : `?${pairs.map(([name, value]) => `${name}=${value}`).join("&")}`));
const method = fc.oneof(
  fc.constantFrom("GET", "HEAD", "PUT", "POST", "PATCH", "DELETE", "OPTIONS", "BREW", ""),
  fc.string({ maxLength: 8 }),
);
const header = fc.constantFrom(
  ...[
    "content-type",
    "content-range",
    "range",
    "if-range",
    "if-none-match",
    "origin",
    "host",
    "sec-fetch-site",
    "accept",
  ],
  ...["content-length", "x-request-id", "authorization", "cookie"],
);
const value = fc.oneof(
  word,
  fc.constantFrom("bytes=0-", "bytes=-1", "bytes=1-0", "0-4", "4-0", "5-", `"${digest}"`, "*", "cross-site", "null"),
  fc.constantFrom(ociManifest, ociIndex, dockerManifest, "application/json", "text/html", "https://elsewhere.example"),
);
const member = fc.constantFrom(
  "schemaVersion",
  "mediaType",
  "config",
  "layers",
  "manifests",
  "subject",
  "annotations",
  "artifactType",
);
const descriptor = fc.record({
  digest: fc.oneof(word, fc.constant(digest)),
  size: fc.oneof(fc.integer(), fc.double(), word),
});
const manifest = fc
  .dictionary(
    member,
    fc.oneof(fc.constant(2), descriptor, fc.array(descriptor, { maxLength: 3 }), fc.jsonValue(), word),
  )
  .map((object) => bytesFrom(JSON.stringify(object)));
const body = fc.oneof(fc.constant(undefined), fc.uint8Array({ maxLength: 200 }), manifest);
const request = fc.record({
  method,
  path: fc.oneof(anyPath, nearPath, uploadPath),
  query,
  headers: fc.dictionary(header, value, { maxKeys: 4 }),
  body,
});

/** What is allowed: a refusal is an envelope, and what is none says nothing that a header may not say. */
function expectAnswer(seen: Seen, isHead: boolean): void {
  expect(seen.status).toBeLessThan(500);
  expect(seen.status).toBeGreaterThanOrEqual(200);
  for (const [name, text] of Object.entries(seen.headers)) {
    expect(name).toMatch(/^[a-z-]+$/);
    expect(text).toMatch(/^[\x20-\x7e]*$/);
  }
  if (seen.status < 400) return;
  if (isHead) expect(seen.text).toBe("");
  else expect(errorsOf(seen).length).toBeGreaterThan(0);
}

describe("any request", () => {
  test("is answered, and never with a bug", async () => {
    await fc.assert(
      fc.asyncProperty(request, async ({ method, path, query, headers, body }) => {
        const target = `${path === "upload" ? upload : path}${query}`;
        const seen = await ask(method, target, body === undefined ? { headers } : { headers, body });
        expectAnswer(seen, method === "HEAD");
      }),
      { numRuns: runs },
    );
  }, 60_000);

  test("for a manifest that is stored is answered with what may be served", async () => {
    await fc.assert(
      fc.asyncProperty(manifest, fc.option(value, { nil: undefined }), async (body, type) => {
        const headers: Record<string, string> = type === undefined ? {} : { "content-type": type };
        const pushed = await ask("PUT", "/v2/team/any/manifests/stored", { headers, body });
        expectAnswer(pushed, false);
        if (pushed.status !== 201) return;
        const served = await ask("GET", "/v2/team/any/manifests/stored");
        expectAnswer(served, false);
        expect(served.bytes).toEqual(body);
        expect(served.headers["content-type"]).toMatch(/^application\/(?:[^/;,\s]+\+)?json$/i);
      }),
      { numRuns: runs },
    );
  }, 60_000);

  test("for a name that a listing goes on behind gets a Link that can be followed", async () => {
    // A repository of its own: what came before may have deleted any tag.
    for (const tag of ["first", "second"])
      await ask("PUT", `/v2/team/listed/manifests/${tag}`, { body: '{"schemaVersion":2,"manifests":[]}' });
    await fc.assert(
      fc.asyncProperty(fc.string({ maxLength: 20 }), async (text) => {
        const name = encodeURIComponent(text.isWellFormed() ? text : "");
        const first = await ask("GET", `/v2/team/listed/tags/list?n=1&extra=${name}`);
        const [, target = ""] = /^<([^>]*)>; rel="next"$/.exec(first.headers["link"] ?? "") ?? [];
        expect(new URL(target, "http://registry.example").searchParams.get("extra")).toBe(decodeURIComponent(name));
        expect((await ask("GET", target)).status).toBe(200);
      }),
    );
  });
});
