// Holds files, functions, parameters and folders to their sizes, and suppressions and nameless TODOs to none.
import { posix } from "node:path";
import { functionsOf } from "./functions.ts";
import { isTest, readSourceFiles, report, type SourceFile } from "./source-files.ts";
import { lineOf, readSource } from "./source-text.ts";

const maxFileLines = 500;
const maxIndexLines = 40;
const maxAppLines = 150;
const maxFunctionLines = 80;
const maxParameters = 4;
const maxFolderFiles = 15;

/** What may be larger, by name (`path`, or `path name` for a function), with the reason. */
export type Exceptions = ReadonlyMap<string, string>;

const plug = "a plug is its factory: splitting it would leave an index that only forwards";
const door = "the table of routes of a door is read in one piece";

const exceptions: Exceptions = new Map([
  ["src/blobs/memory/index.ts", plug],
  ["src/db/index.ts", "the contract of Db, and the names that it is made of"],
  ["src/db/postgres/index.ts", plug],
  ["src/db/sqlite/index.ts", plug],
  ["src/protocols/oci/index.ts", door],
  ["src/protocols/ops/index.ts", door],
  ["src/registry/index.ts", "the nouns of the registry, one line each"],
  [
    "src/listeners.ts openDoors",
    "config, rooms, log, where to listen, and who gathers the metrics of several processes",
  ],
  ["src/lib/fault.ts constructor", "what a Fault is: kind, subject, message, detail, cause"],
  ["src/registry/events.sql.ts appendEvent", "an event: kind, stamp, repository, subject, detail"],
  ["src/registry/uploads.ts finish", "who, where, which upload, as which digest, with what last part"],
  ["src/registry/uploads.ts finishFile", "who, where, which upload, as which digest, with what last part"],
]);

/** Words that switch a check off for the line that follows. */
const suppression =
  /\b(?:biome-ignore|eslint-disable|prettier-ignore|istanbul ignore|v8 ignore)\b|@ts-(?:ignore|expect-error|nocheck)\b/g;
const pending = /\b(?:TODO|FIXME|XXX|HACK)\b(?!\s*[(:]?\s*#\d+)/g;
const unrun = /\b(?:test|it|describe)\s*\.\s*(?:skip|only|todo|failing)\b/g;

/** What is too large in `files`, or put off, one sentence each. */
export function checkSizes(files: readonly SourceFile[], allowed: Exceptions = exceptions): string[] {
  const used = new Set<string>();
  const isAllowed = (name: string) => {
    if (allowed.has(name)) used.add(name);
    return allowed.has(name);
  };
  const complaints = [
    ...files.flatMap((file) => [
      ...checkFile(file, isAllowed),
      ...checkFunctions(file, isAllowed),
      ...checkWords(file),
    ]),
    ...checkFolders(files, isAllowed),
  ];
  const unused = [...allowed.keys()].filter((name) => !used.has(name));
  return [...complaints, ...unused.map((name) => `${name}: the exception is not needed any more: remove it`)];
}

type IsAllowed = (name: string) => boolean;

function checkFile({ path, text }: SourceFile, isAllowed: IsAllowed): string[] {
  const lines = text.split("\n").length - 1;
  const most = limitOf(path);
  if (lines <= most || isAllowed(path)) return [];
  return [`${path}: ${lines} lines, at most ${most}: give a part of it a file of its own`];
}

function limitOf(path: string): number {
  if (path === "src/app.ts") return maxAppLines;
  return path.startsWith("src/") && posix.basename(path) === "index.ts" ? maxIndexLines : maxFileLines;
}

function checkFunctions({ path, text }: SourceFile, isAllowed: IsAllowed): string[] {
  return functionsOf(text).flatMap(({ name, line, parameters, ownLines }) => {
    const found: string[] = [];
    // The body of `describe` is a list of tests.
    const isLong = ownLines > maxFunctionLines && !isTest(path);
    if (!isLong && parameters <= maxParameters) return found;
    if (isAllowed(`${path} ${name}`)) return found;
    if (isLong) found.push(`${path}:${line}: ${name} has ${ownLines} lines of its own, at most ${maxFunctionLines}`);
    if (parameters > maxParameters)
      found.push(`${path}:${line}: ${name} takes ${parameters} parameters, at most ${maxParameters}: then an object`);
    return found;
  });
}

function checkWords({ path, text }: SourceFile): string[] {
  const { comments, code } = readSource(text);
  const find = (view: string, pattern: RegExp, complaint: string) =>
    [...view.matchAll(pattern)].map(({ index, 0: word }) => `${path}:${lineOf(text, index)}: ${word}: ${complaint}`);
  return [
    ...find(comments, suppression, "no check is switched off: change the code"),
    ...find(comments, pending, "do it now, or name the issue: TODO #123"),
    ...find(code, unrun, "every test runs"),
  ];
}

function checkFolders(files: readonly SourceFile[], isAllowed: IsAllowed): string[] {
  const counted = files.map(({ path }) => path).filter((path) => !isTest(path) && !path.endsWith(".sql.ts"));
  const folders = Map.groupBy(counted, (path) => posix.dirname(path));
  return [...folders]
    .filter(([folder, { length }]) => length > maxFolderFiles && !isAllowed(folder))
    .map(([folder, { length }]) => `${folder}/: ${length} files, at most ${maxFolderFiles}: look for the noun inside`);
}

if (import.meta.main) {
  const advice = "Tests and .sql.ts do not count for folders. An exception has a name and a reason, in check-sizes.ts.";
  report("sizes", checkSizes(await readSourceFiles()), advice);
}
