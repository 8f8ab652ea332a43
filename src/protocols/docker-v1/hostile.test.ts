// What no client sends, and what no registry should be like: the door answers in its words, and never with a bug of its own.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Fault } from "#lib/fault";
import { openTestRegistry, type TestRegistry } from "#registry/testing";
import { idOf, openAsk, openTestAccounts, pushImage } from "./testing.ts";

const id = idOf("a");
let house: TestRegistry;

beforeAll(async () => {
  house = await openTestRegistry();
  const ask = openAsk(house);
  await pushImage(ask, id);
  await ask("PUT", "/v1/repositories/team/app/tags/latest", { body: `"${id}"` });
});
afterAll(() => house.remove());

describe("any request", () => {
  const segment = fc.constantFrom(
    ...["v1", "images", "repositories", "users", "search", "_ping", "_status", "tags", "json", "layer", "ancestry"],
    ...[
      "files",
      "diff",
      "checksum",
      "properties",
      "auth",
      "access",
      "team",
      "app",
      "latest",
      id,
      "",
      "-",
      "%2f",
      "%00",
    ],
  );
  const path = fc.array(segment, { maxLength: 8 }).map((each) => `/${each.join("/")}`);
  const below = fc.constantFrom("/v1/images/", "/v1/repositories/", "/v1/users/", "/v1/search?");
  const target = fc.oneof(
    path,
    fc.tuple(below, path).map(([start, end]) => start + end.slice(1)),
  );
  const texts = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.json(),
    fc.constantFrom("Token ", "Basic Og==", `"${id}"`, "[]"),
  );
  const names = fc.constantFrom(
    ...["authorization", "cookie", "user-agent", "range", "if-modified-since", "if-range", "x-docker-token"],
    ...["x-docker-checksum", "x-docker-checksum-payload", "content-type", "host"],
  );
  const headers = fc.dictionary(names, texts, { maxKeys: 4 });
  const methods = fc.constantFrom("GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS", "PATCH", "BREW");

  for (const kind of ["standalone", "hub"] as const) {
    test(`is answered, in the ${kind} mode, and is no bug`, async () => {
      const mode = kind === "hub" ? { kind, accounts: openTestAccounts() } : { kind };
      const ask = openAsk(house, { mode });
      await fc.assert(
        fc.asyncProperty(methods, target, headers, texts, async (method, where, more, body) => {
          const { status } = await ask(method, where, { headers: more, body });
          expect(status).toBeGreaterThanOrEqual(200);
          expect(status).toBeLessThan(500);
        }),
        { numRuns: 500 },
      );
    });
  }
});

describe("a registry", () => {
  const tagPath = "/v1/repositories/team/app/tags";

  test("whose images differ between repositories is cached by nobody in between", async () => {
    const { v1Images } = house.registry;
    const ask = openAsk(house, {
      images: {
        ...v1Images,
        get: async (...asked) => ({ ...(await v1Images.get(...asked)), isAmbiguous: true }),
        openLayer: async (...asked) => ({ ...(await v1Images.openLayer(...asked)), isAmbiguous: true }),
        ancestry: async (...asked) => ({ ...(await v1Images.ancestry(...asked)), isAmbiguous: true }),
        files: async (...asked) => ({ ...(await v1Images.files(...asked)), isAmbiguous: true }),
      },
    });
    for (const part of ["json", "layer", "ancestry", "files"]) {
      for (const headers of [{}, { "if-modified-since": "x" }]) {
        const seen = await ask("GET", `/v1/images/${id}/${part}`, { headers });
        expect(seen.get("cache-control")).toBe("private, max-age=31536000");
      }
    }
  });

  test("whose tags depend on the machine says so", async () => {
    const { v1Tags } = house.registry;
    const ask = openAsk(house, {
      tags: {
        ...v1Tags,
        list: async (...asked) => ({ ...(await v1Tags.list(...asked)), isByPlatform: true }),
        get: async (...asked) => ({ ...(await v1Tags.get(...asked)), isByPlatform: true }),
      },
    });
    for (const path of [tagPath, `${tagPath}/latest`]) {
      expect((await ask("GET", path)).headers[0]).toBe("Vary: User-Agent");
      expect((await openAsk(house)("GET", path)).get("vary")).toBeUndefined();
    }
  });

  test("that is out of order says so in its status", async () => {
    const check = () => Promise.reject(new Fault("busy", "store", "the store does not answer"));
    const { status, reason, text } = await openAsk(house, { check })("GET", "/v1/_status");
    expect(`${status} ${reason}`).toBe("503 SERVICE UNAVAILABLE");
    expect(text).toBe('{"failures": {"storage": "the store does not answer"}, "host": "box", "services": ["storage"]}');
  });

  test("with a bug is answered by the page of the framework", async () => {
    const tags = { ...house.registry.v1Tags, list: () => Promise.reject(new Error("a secret of this machine")) };
    const { status, headers, text } = await openAsk(house, { tags })("GET", tagPath);
    expect({ status, headers: [...headers] }).toEqual({
      status: 500,
      headers: ["Content-Type: text/html", "Content-Length: 291"],
    });
    expect(text).not.toContain("secret");
  });
});
