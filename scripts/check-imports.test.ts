import { describe, expect, test } from "bun:test";
import { checkImports, importsOf } from "./check-imports.ts";

const names = {
  publicNames: { "#lib/*": "./src/lib/*.ts", "#http/*": "./src/http/*.ts", "#registry": "./src/registry/index.ts" },
  dependencies: ["pino"],
  devDependencies: ["fast-check"],
};

/** The complaint about one import of a file, without the place. */
function complaintOf(path: string, specifier: string): string {
  const text = `import type { x } from "${specifier}";\n`;
  return checkImports([{ path, text }], names)
    .map((each) => each.replace(`${path}:1: ${specifier}: `, ""))
    .join("\n");
}

describe("Every form of import is seen:", () => {
  const forms = [
    'import { a } from "x";',
    'import type { a } from "x";',
    "import {\n  a,\n  b,\n} from 'x';",
    'import "x";',
    'export { a } from "x";',
    'export * from "x";',
    'const a = await import("x");',
    'type A = import("x");',
    'const a = require("x");',
  ];
  for (const form of forms) {
    test(form.replaceAll("\n", " "), () => expect(importsOf(form).map(({ specifier }) => specifier)).toEqual(["x"]));
  }

  test("the entry file of a worker", () => {
    const found = importsOf('\nnew Worker(new URL("./worker.ts", import.meta.url).href)');
    expect(found).toEqual([{ specifier: "./worker.ts", line: 2 }]);
  });
});

test("What stands in a comment or in quotes is no import", () => {
  expect(importsOf('// import { a } from "x";\nconst a = `import { a } from "x"`;')).toEqual([]);
  expect(importsOf("export const selectA = `select a from b`;\nconst c = 'd';")).toEqual([]);
});

test("Imports that go down the picture are allowed", () => {
  expect(complaintOf("src/registry/tags.ts", "#lib/digest")).toBe("");
  expect(complaintOf("src/registry/tags.ts", "./tags.sql.ts")).toBe("");
  expect(complaintOf("src/protocols/oci/index.ts", "#registry")).toBe("");
  expect(complaintOf("src/cli/serve.ts", "../app.ts")).toBe("");
  expect(complaintOf("src/app.ts", "./protocols/oci/index.ts")).toBe("");
  expect(complaintOf("src/lib/log.ts", "pino")).toBe("");
});

test("Imports that go up or sideways are not", () => {
  expect(complaintOf("src/lib/digest.ts", "#registry")).toBe("lib may not import registry; it may import: nothing");
  expect(complaintOf("src/registry/tags.ts", "#http/call")).toStartWith("registry may not import http;");
  expect(complaintOf("src/cli/serve.ts", "#registry")).toStartWith("cli may not import registry;");
  expect(complaintOf("src/protocols/oci/index.ts", "../token/index.ts")).toStartWith("protocols/oci may not import");
  expect(complaintOf("src/http/listen.ts", "../config.ts")).toStartWith("http may not import config;");
  expect(complaintOf("src/registry/index.ts", "../app.ts")).toStartWith("registry may not import app;");
});

test("Another room is reached by its public name only", () => {
  expect(complaintOf("src/access/policy.ts", "../lib/fault.ts")).toBe(
    "another room is reached by its public name: #lib/*",
  );
  expect(complaintOf("src/app.ts", "./registry/tags.ts")).toBe("another room is reached by its public name: #registry");
  expect(complaintOf("src/app.ts", "./protocols/oci/path.ts")).toBe("a room is reached by its index.ts");
  expect(complaintOf("src/app.ts", "#registry/tags")).toBe("no such public name in the imports map of package.json");
  expect(complaintOf("src/registry/tags.ts", "#registry")).toBe(
    "inside of a room files name each other by path: ./index.ts",
  );
});

test("Nothing leaves the house, and every file of src is in a room", () => {
  expect(complaintOf("src/registry/tags.ts", "../../scripts/x.ts")).toStartWith("registry may not import scripts;");
  expect(complaintOf("src/registry/tags.ts", "../../package.json")).toBe("it leaves the rooms of the house");
  expect(checkImports([{ path: "src/utils/x.ts", text: "" }], names)).toEqual([
    "src/utils/x.ts: the file is in no room of the house: move it, or give the room a line in import-table.ts",
  ]);
});

test("Single imports are excepted by the names of both files", () => {
  expect(complaintOf("src/cli/index.ts", "../../package.json")).toBe("");
  expect(complaintOf("src/cli/serve.ts", "../../package.json")).toBe("it leaves the rooms of the house");
});

test("Plugs of one contract do not know each other", () => {
  expect(complaintOf("src/blobs/fs/index.ts", "../store.ts")).toBe("");
  expect(complaintOf("src/blobs/fs/index.ts", "../memory/index.ts")).toStartWith("src/blobs/fs and src/blobs/memory");
});

test("Tests build what they test, by public names; nothing but tests imports tests", () => {
  expect(complaintOf("src/lib/x.test.ts", "#registry")).toBe("");
  expect(complaintOf("src/lib/x.test.ts", "../registry/tags.ts")).toStartWith("another room is reached by");
  expect(complaintOf("src/blobs/index.ts", "./contract.ts")).toBe("a test is imported by tests only");
  expect(complaintOf("src/blobs/memory/memory.test.ts", "../contract.ts")).toBe("");
  expect(complaintOf("test/clients/crane.test.ts", "#registry")).toStartWith("test may not import registry;");
});

test("Packages are those of package.json, and SQL belongs to db", () => {
  expect(complaintOf("src/lib/log.ts", "winston")).toBe("the package is not in package.json");
  expect(complaintOf("src/lib/log.ts", "fast-check")).toStartWith("a development dependency");
  expect(complaintOf("src/lib/log.test.ts", "fast-check")).toBe("");
  expect(complaintOf("src/registry/tags.ts", "bun:sqlite")).toBe("nobody outside of db/ talks to SQLite");
  expect(complaintOf("src/db/sqlite/lock.ts", "bun:sqlite")).toBe("");
  expect(complaintOf("src/lib/log.ts", "bun:test")).toBe("only tests import it");
});
