// The catalogue beside a plain list of the same paths: pages anywhere, also while repositories come and go, and how often
// the database is read for them.
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import fc from "fast-check";
import { anonymous } from "#access";
import type { Db } from "#db";
import { ociManifest } from "#lib/media-type";
import { parseRepositoryName, parseTag } from "#lib/reference";
import { type CatalogueLimits, openCatalogue } from "./catalogue.ts";
import { openTestRegistry, type TestRegistry } from "./testing.ts";

const actor = anonymous("test", "127.0.0.1", "catalogue");
const roomy: CatalogueLimits = { maxBytes: 64 * 1024, length: 7 };

let house: TestRegistry;
let paths: readonly string[];
let reads = 0;
let db: Db;
beforeAll(async () => {
  house = await openTestRegistry({ settings: { manifestsMissing: "any" } });
  for (let i = 0; i < 40; i++) await push(`team/app-${String(i * 7).padStart(3, "0")}`);
  paths = Array.from({ length: 40 }, (_, i) => `team/app-${String(i * 7).padStart(3, "0")}`);
  db = {
    ...house.db,
    read: (sql, ...args) => {
      reads++;
      return house.db.read(sql, ...args);
    },
  };
});
afterAll(() => house.remove());
beforeEach(() => {
  reads = 0;
});

async function push(path: string): Promise<void> {
  const config = { mediaType: "application/x", digest: `sha256:${"0".repeat(64)}`, size: 1 };
  await house.registry.manifests.put(actor, parseRepositoryName(path), {
    bytes: new TextEncoder().encode(JSON.stringify({ schemaVersion: 2, mediaType: ociManifest, config, layers: [] })),
    contentType: ociManifest,
    tags: [parseTag("latest")],
  });
}

const behind = (after: string, count: number) => paths.filter((path) => path > after).slice(0, count);

const asked = fc.record({
  after: fc.oneof(
    fc.integer({ min: 0, max: 300 }).map((i) => `team/app-${String(i).padStart(3, "0")}`),
    fc.constantFrom("", "team/", "zebra", "\u{1f600}", "\uffff"),
  ),
  count: fc.integer({ min: 0, max: 45 }),
});

for (const [words, limits] of [
  ["all of it fits", roomy],
  ["little of it fits", { maxBytes: 900, length: 7 }],
  ["a stretch is longer than what fits", { maxBytes: 300, length: 40 }],
  ["a stretch is one path", { maxBytes: 64 * 1024, length: 1 }],
] as const) {
  test(`pages anywhere are those of a plain list, when ${words}`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(asked, { maxLength: 40 }), async (pages) => {
        const catalogue = openCatalogue(db, limits);
        for (const { after, count } of pages)
          expect(await catalogue.behind(after, count)).toEqual(behind(after, count));
      }),
      { numRuns: 60 },
    );
  });
}

test("what was read is not read again, wherever a page begins", async () => {
  const catalogue = openCatalogue(db, roomy);
  // PostgreSQL may be tidying up beside us, which is a write as well.
  for (let tries = 0; ; tries++) {
    for (const path of ["", ...paths]) await catalogue.behind(path, 5);
    const before = reads;
    for (const path of paths) expect(await catalogue.behind(path, 3)).toEqual(behind(path, 3));
    if (reads === before) return;
    expect(tries).toBeLessThan(100);
  }
});

test("what is asked for once under a version is read as far as it is asked for", async () => {
  const counts: unknown[] = [];
  const read: Db["read"] = (sql, ...args) => {
    counts.push(args[1]);
    return house.db.read(sql, ...args);
  };
  const catalogue = openCatalogue({ ...house.db, read }, roomy);
  for (const path of ["writes/once", "writes/twice"]) {
    await push(path);
    await catalogue.behind("", 2);
  }
  expect(counts).toEqual([2, 2]);
});

test("a repository is on the page that is asked for after it was made", async () => {
  const catalogue = openCatalogue(db, roomy);
  for (let i = 0; i < 20; i++) {
    for (let times = 0; times < 3; times++) await catalogue.behind("later/", 3);
    const made = `later/app-${String(i).padStart(2, "0")}`;
    await push(made);
    const before = i === 0 ? "later/" : `later/app-${String(i - 1).padStart(2, "0")}`;
    expect((await catalogue.behind(before, 1))[0]).toBe(made);
  }
});
