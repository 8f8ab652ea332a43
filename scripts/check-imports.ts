// Holds the import table against a plain text scan of all imports; type imports too, for types couple rooms as well.
import { posix } from "node:path";
import manifest from "../package.json" with { type: "json" };
import { allowedFor, fileExceptions, mayImport, roomOf } from "./import-table.ts";
import { isTest, readSourceFiles, report, type SourceFile } from "./source-files.ts";
import { lineOf, readSource } from "./source-text.ts";

export interface PackageNames {
  /** The `imports` map of package.json: public name to file. */
  readonly publicNames: Readonly<Record<string, string>>;
  readonly dependencies: readonly string[];
  readonly devDependencies: readonly string[];
}

interface Import {
  readonly specifier: string;
  readonly line: number;
}

const importPatterns = [
  /\b(?:import|export)\b[^"'`;]*?\bfrom\s*["']([^"']+)["']/g,
  /\bimport\s*["']([^"']+)["']/g,
  /\b(?:import|require|require\.resolve)\s*\(\s*["']([^"']+)["']/g,
  // A worker's entry file is code of whoever starts it.
  /\bnew URL\(\s*["']([^"']+\.ts)["'],\s*import\.meta\.url/g,
];

const testsOnly = "a test is imported by tests only";

/** Every import of a file, whatever its form. */
export function importsOf(text: string): Import[] {
  const { withTexts, code } = readSource(text);
  return importPatterns
    .flatMap((pattern) => [...withTexts.matchAll(pattern)])
    .filter(({ index }) => /[a-z]/.test(code[index] ?? ""))
    .map(({ index, 1: specifier = "", 0: whole }) => ({ specifier, line: lineOf(text, index + whole.length - 1) }));
}

/** What is wrong with the imports of `files`, one sentence each. */
export function checkImports(files: readonly SourceFile[], names: PackageNames): string[] {
  return files.flatMap(({ path, text }) => {
    if (path.startsWith("src/") && roomOf(path) === undefined) {
      return [`${path}: the file is in no room of the house: move it, or give the room a line in import-table.ts`];
    }
    return importsOf(text).flatMap(({ specifier, line }) => {
      const complaint = checkImport(path, specifier, names);
      return complaint === undefined ? [] : [`${path}:${line}: ${specifier}: ${complaint}`];
    });
  });
}

function checkImport(path: string, specifier: string, names: PackageNames): string | undefined {
  if (specifier.startsWith("#")) return checkPublicName(path, specifier, names);
  if (specifier.startsWith(".")) return checkRelative(path, specifier, names);
  return checkPackage(path, specifier, names);
}

function checkPublicName(path: string, specifier: string, { publicNames }: PackageNames): string | undefined {
  const target = resolvePublicName(specifier, publicNames);
  if (target === undefined) return "no such public name in the imports map of package.json";
  if (fileExceptions.has(`${path} -> ${target}`)) return undefined;
  const [room, other] = [roomOf(path), roomOf(target)];
  if (isTest(target) && !isTest(path)) return testsOnly;
  if (room === other) return `inside of a room files name each other by path: ${relativeTo(path, target)}`;
  return checkRooms(path, room, other);
}

function checkRelative(path: string, specifier: string, { publicNames }: PackageNames): string | undefined {
  const target = posix.join(posix.dirname(path), specifier);
  if (fileExceptions.has(`${path} -> ${target}`)) return undefined;
  const [room, other] = [roomOf(path), roomOf(target)];
  if (isTest(target) && !isTest(path) && room === other) return testsOnly;
  if (room === other) return checkPlugs(path, target);
  const publicName = Object.keys(publicNames).find((name) => isReachedBy(name, target, publicNames));
  if (publicName !== undefined) return `another room is reached by its public name: ${publicName}`;
  if (target === "package.json" && !path.startsWith("src/")) return undefined;
  if (other?.startsWith("protocols/") && !target.endsWith("/index.ts")) return `a room is reached by its index.ts`;
  if (isTest(path) && other === "app") return undefined;
  return checkRooms(path, room, other);
}

/** Tests build what they test, so they may reach any room by its public name; nothing else may. */
function checkRooms(path: string, room: string | undefined, other: string | undefined): string | undefined {
  if (other === undefined) return "it leaves the rooms of the house";
  if (room === undefined || mayImport(room, other)) return undefined;
  if (isTest(path) && path.startsWith("src/")) return undefined;
  return `${room} may not import ${other}; it may import: ${allowedFor(room)}`;
}

/** Plugs of one contract do not know each other. */
function checkPlugs(path: string, target: string): string | undefined {
  const [plug, other] = [plugOf(path), plugOf(target)];
  if (plug === undefined || other === undefined || plug === other) return undefined;
  return `${plug} and ${other} are plugs of one contract and do not know each other: share through the folder above`;
}

function plugOf(path: string): string | undefined {
  return /^src\/(?:blobs|db)\/(?:fs|s3|memory|sqlite|postgres)(?=\/)/.exec(path)?.[0];
}

function checkPackage(path: string, specifier: string, names: PackageNames): string | undefined {
  if (specifier === "bun:test") return isTest(path) || path.startsWith("test/") ? undefined : "only tests import it";
  if (specifier === "bun:sqlite" || specifier === "bun") return checkBun(path, specifier);
  if (specifier.startsWith("node:")) return undefined;
  const name = specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/");
  if (names.dependencies.includes(name)) return undefined;
  if (!names.devDependencies.includes(name)) return "the package is not in package.json";
  return path.startsWith("src/") && !isTest(path) ? "a development dependency: what serves may not need it" : undefined;
}

function checkBun(path: string, specifier: string): string | undefined {
  if (!path.startsWith("src/") || path.startsWith("src/db/") || isTest(path)) return undefined;
  return specifier === "bun" ? "use node:* or the global Bun" : "nobody outside of db/ talks to SQLite";
}

function resolvePublicName(specifier: string, publicNames: PackageNames["publicNames"]): string | undefined {
  const exact = publicNames[specifier];
  if (exact !== undefined) return posix.normalize(exact);
  const slash = specifier.indexOf("/");
  const shelf = publicNames[`${specifier.slice(0, slash)}/*`];
  return slash < 0 || shelf === undefined ? undefined : posix.normalize(shelf.replace("*", specifier.slice(slash + 1)));
}

/** Whether `target` is in the room that a public name opens. */
function isReachedBy(name: string, target: string, publicNames: PackageNames["publicNames"]): boolean {
  return roomOf(posix.normalize(publicNames[name] ?? "")) === roomOf(target);
}

function relativeTo(path: string, target: string): string {
  const relative = posix.relative(posix.dirname(path), target);
  return relative.startsWith(".") ? relative : `./${relative}`;
}

if (import.meta.main) {
  const { imports: publicNames, dependencies, devDependencies } = manifest;
  const complaints = checkImports(await readSourceFiles(), {
    publicNames,
    dependencies: Object.keys(dependencies),
    devDependencies: Object.keys(devDependencies),
  });
  report("imports", complaints, "The table is in scripts/import-table.ts; ARCHITECTURE.md says why.");
}
