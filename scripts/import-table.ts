// Who may import whom. ARCHITECTURE.md shows this table as a picture; scripts/check-imports.ts holds it.

/** The rooms that a room may import. A protocol's room is `protocols/<name>`. */
const table: Readonly<Record<string, readonly string[]>> = {
  lib: [],
  config: ["lib"],
  http: ["lib"],
  db: ["lib"],
  blobs: ["lib"],
  remote: ["lib"],
  access: ["lib", "db"],
  accounts: ["lib", "db", "access"],
  registry: ["lib", "db", "blobs", "remote", "access"],
  upkeep: ["lib", "db", "blobs", "accounts", "registry"],
  jobs: ["lib", "db", "remote", "accounts", "registry", "upkeep"],
  protocols: ["lib", "http", "access", "accounts", "registry"],
  "protocols/web": ["lib", "http", "access", "accounts", "registry", "ui"],
  "protocols/control": ["lib", "http", "access", "accounts", "registry", "upkeep"],
  "protocols/ops": ["lib", "http", "access", "accounts", "registry", "upkeep"],
  cli: ["lib", "config", "app"],
  ui: [],
  // What stands outside: tests of the whole, measurements and scripts know the shelf, and each other's helpers.
  test: ["lib"],
  bench: ["lib", "test"],
  scripts: ["lib", "config"],
};

/** They build or start everything, and hold the keys: no rule for what they import, and only the command line imports them. */
const outside = /^src\/[^/]+\.ts$/;

const suiteOutside = "the suite of Db, run where a PostgreSQL is: npm test needs no other program";

/** Single imports that the table does not know, with the reason. */
export const fileExceptions: ReadonlyMap<string, string> = new Map([
  ["src/cli/index.ts -> package.json", "the version that the command line shows has one source"],
  ["test/postgres/contract.test.ts -> src/db/contract.ts", suiteOutside],
  ["test/postgres/contract.test.ts -> src/db/index.ts", suiteOutside],
  ["test/postgres/version.test.ts -> src/db/index.ts", suiteOutside],
  ["test/freshness.ts -> src/protocols/oci/contract.ts", "the suite of what clients see, run on processes as well"],
]);

/** The room that holds a file, `app` for what stands outside; undefined when it is in none. */
export function roomOf(path: string): string | undefined {
  if (path === "src/config.ts") return "config";
  if (outside.test(path)) return "app";
  const [first, second, third] = path.split("/");
  if (first !== "src") return first !== undefined && Object.hasOwn(table, first) ? first : undefined;
  if (second === "protocols") return third === undefined ? undefined : `protocols/${third}`;
  return second !== undefined && Object.hasOwn(table, second) ? second : undefined;
}

/** Whether files of one room may import another. */
export function mayImport(room: string, other: string): boolean {
  if (room === "app" || room === other) return true;
  const allowed = table[room] ?? (room.startsWith("protocols/") ? table["protocols"] : undefined);
  return allowed?.includes(other) === true;
}

/** What a room may import, in words. */
export function allowedFor(room: string): string {
  const allowed = table[room] ?? (room.startsWith("protocols/") ? table["protocols"] : undefined) ?? [];
  return allowed.length === 0 ? "nothing" : allowed.join(", ");
}
