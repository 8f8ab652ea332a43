import { expect, test } from "bun:test";
import { checkSizes } from "./check-sizes.ts";

const none = new Map<string, string>();

function complaintsOf(path: string, text: string, allowed: ReadonlyMap<string, string> = none): string[] {
  return checkSizes([{ path, text }], allowed);
}

const lines = (count: number) => "x;\n".repeat(count);
const aFunction = (count: number) => `function a() {\n${lines(count - 2)}}\n`;

test("A file has at most 500 lines", () => {
  expect(complaintsOf("src/lib/x.ts", lines(500))).toEqual([]);
  expect(complaintsOf("src/lib/x.ts", lines(501))).toEqual([
    "src/lib/x.ts: 501 lines, at most 500: give a part of it a file of its own",
  ]);
});

test("index.ts has at most 40 lines, app.ts 150", () => {
  expect(complaintsOf("src/lib/index.ts", lines(40))).toEqual([]);
  expect(complaintsOf("src/lib/index.ts", lines(41))).toHaveLength(1);
  expect(complaintsOf("src/app.ts", lines(150))).toEqual([]);
  expect(complaintsOf("src/app.ts", lines(151))).toHaveLength(1);
});

test("A function has at most 80 lines of its own", () => {
  expect(complaintsOf("src/lib/x.ts", aFunction(80))).toEqual([]);
  expect(complaintsOf("src/lib/x.ts", aFunction(81))).toEqual([
    "src/lib/x.ts:1: a has 81 lines of its own, at most 80",
  ]);
});

test("A function has at most four parameters", () => {
  expect(complaintsOf("src/lib/x.ts", "function a(b, c, d, e) {\n}\n")).toEqual([]);
  expect(complaintsOf("src/lib/x.ts", "\nfunction a(b, c, d, e, f) {\n}\n")).toEqual([
    "src/lib/x.ts:2: a takes 5 parameters, at most 4: then an object",
  ]);
});

test("A folder has at most fifteen files, tests and SQL aside", () => {
  const files = Array.from({ length: 15 }, (_, i) => ({ path: `src/lib/x${i}.ts`, text: "" }));
  const aside = [
    { path: "src/lib/x.test.ts", text: "" },
    { path: "src/lib/x.sql.ts", text: "" },
  ];
  expect(checkSizes([...files, ...aside], none)).toEqual([]);
  expect(checkSizes([...files, { path: "src/lib/y.ts", text: "" }], none)).toEqual([
    "src/lib/: 16 files, at most 15: look for the noun inside",
  ]);
});

test("No check is switched off and nothing is put off", () => {
  expect(complaintsOf("src/lib/x.ts", "// biome-ignore lint: no\n")).toHaveLength(1);
  expect(complaintsOf("src/lib/x.ts", "a;\n// @ts-expect-error\n")[0]).toStartWith("src/lib/x.ts:2: @ts-expect-error:");
  expect(complaintsOf("src/lib/x.ts", "// TODO later\n")).toHaveLength(1);
  expect(complaintsOf("src/lib/x.ts", "// TODO #12: later\n")).toEqual([]);
  expect(complaintsOf("src/lib/x.ts", 'const a = "TODO";\n')).toEqual([]);
  expect(complaintsOf("src/lib/x.test.ts", 'test.skip("a", b);\n')).toHaveLength(1);
});

test("An exception has a name, and goes when it is not needed", () => {
  const allowed = new Map([["src/lib/x.ts a", "because"]]);
  expect(complaintsOf("src/lib/x.ts", aFunction(81), allowed)).toEqual([]);
  expect(complaintsOf("src/lib/x.ts", aFunction(80), allowed)).toEqual([
    "src/lib/x.ts a: the exception is not needed any more: remove it",
  ]);
});
