import { expect, test } from "bun:test";
import { checkPlaces } from "./check-places.ts";

const advice = {
  sql: "SQL stands in a *.sql.ts of its room",
  environment: "the environment is read for src/config.ts alone, in src/cli/settings.ts: take a setting",
  clock: "the time comes from a Clock (#lib/clock): tests hold it still",
};

function complaintsOf(path: string, text: string): string[] {
  return checkPlaces([{ path, text }]);
}

test("SQL stands in *.sql.ts and in db", () => {
  const text = 'a;\nconst b = "select x from y";\n';
  expect(complaintsOf("src/registry/tags.ts", text)).toEqual([
    `src/registry/tags.ts:2: "select x from : ${advice.sql}`,
  ]);
  expect(complaintsOf("src/registry/tags.sql.ts", text)).toEqual([]);
  expect(complaintsOf("src/db/sqlite/index.ts", text)).toEqual([]);
});

test("SQL is known by its verb, in any kind of quotes", () => {
  const statements = [
    "`select a,\n b from c`",
    '"INSERT INTO a values (1)"',
    "'update a set b = 1'",
    '"delete from a"',
    '"create unique index a on b (c)"',
    "`with a as (select 1) select 2`",
    '"pragma user_version"',
  ];
  for (const statement of statements) expect(complaintsOf("src/registry/x.ts", statement)).toHaveLength(1);
});

test("Sentences are no SQL", () => {
  const sentences = ['"select one of these"', '"update the settings"', '"delete it"', "// select a from b"];
  for (const sentence of sentences) expect(complaintsOf("src/registry/x.ts", sentence)).toEqual([]);
});

test("The environment is read where the settings are gathered, and nowhere else", () => {
  expect(complaintsOf("src/cli/serve.ts", "process.env.HOME;\n")).toEqual([
    `src/cli/serve.ts:1: process.env: ${advice.environment}`,
  ]);
  expect(complaintsOf("src/cli/serve.ts", "Bun.env;\n")).toHaveLength(1);
  expect(complaintsOf("src/cli/settings.ts", "process.env;\n")).toEqual([]);
});

test("The system's clock is read in lib", () => {
  expect(complaintsOf("src/http/x.ts", "const a = Date.now();\n")).toEqual([
    `src/http/x.ts:1: Date.now: ${advice.clock}`,
  ]);
  expect(complaintsOf("src/http/x.ts", "new Date();\n")).toHaveLength(1);
  expect(complaintsOf("src/http/x.ts", "new Date(at).toUTCString();\n")).toEqual([]);
  expect(complaintsOf("src/lib/clock.ts", "Date.now();\n")).toEqual([]);
});

test("Tests look from outside", () => {
  expect(complaintsOf("src/registry/x.test.ts", '"select a from b"; Date.now();')).toEqual([]);
});
