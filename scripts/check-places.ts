// Holds words to their places: SQL beside its rule in *.sql.ts, the environment in config.ts, the system's clock in lib.
import { isTest, readSourceFiles, report, type SourceFile } from "./source-files.ts";
import { lineOf, readSource } from "./source-text.ts";

interface Rule {
  readonly pattern: RegExp;
  /** Whether the words stand in quotes or in code. */
  readonly within: "withTexts" | "code";
  readonly mayStandIn: (path: string) => boolean;
  readonly complaint: string;
}

const statement = [
  String.raw`select\s[\s\S]{1,400}?\sfrom\s`,
  String.raw`insert\s+(?:or\s+\w+\s+)?into\s`,
  String.raw`update\s+\w+\s+set\s`,
  String.raw`delete\s+from\s`,
  String.raw`(?:create|drop|alter)\s+(?:table|view|trigger|(?:unique\s+)?index)\s`,
  String.raw`(?:pragma|savepoint)\s+\w+`,
  String.raw`with\s+(?:recursive\s+)?\w+\s*(?:\([^)]*\)\s*)?as\s*\(`,
].join("|");

const rules: readonly Rule[] = [
  {
    pattern: new RegExp(`["'\`]\\s*(?:${statement})`, "gi"),
    within: "withTexts",
    mayStandIn: (path) => path.endsWith(".sql.ts") || path.startsWith("src/db/"),
    complaint: "SQL stands in a *.sql.ts of its room",
  },
  {
    pattern: /\b(?:process|Bun|import\.meta)\s*\.\s*env\b/g,
    within: "code",
    mayStandIn: (path) => path === "src/config.ts" || path === "src/cli/settings.ts",
    complaint: "the environment is read for src/config.ts alone, in src/cli/settings.ts: take a setting",
  },
  {
    pattern: /\bDate\s*\.\s*now\b|\bDate\s*\(\s*\)/g,
    within: "code",
    mayStandIn: (path) => path.startsWith("src/lib/"),
    complaint: "the time comes from a Clock (#lib/clock): tests hold it still",
  },
];

/** What stands in a wrong place in `files`, one sentence each. Tests of src are free: they look from outside. */
export function checkPlaces(files: readonly SourceFile[]): string[] {
  const checked = files.filter(({ path }) => path.startsWith("src/") && !isTest(path));
  return checked.flatMap(({ path, text }) => {
    const source = readSource(text);
    return rules
      .filter(({ mayStandIn }) => !mayStandIn(path))
      .flatMap(({ pattern, within, complaint }) =>
        [...source[within].matchAll(pattern)].map(({ index, 0: words }) => {
          const shown = words.replace(/\s+/g, " ").slice(0, 40);
          return `${path}:${lineOf(text, index)}: ${shown}: ${complaint}`;
        }),
      );
  });
}

if (import.meta.main) report("places", checkPlaces(await readSourceFiles()), "CONTRIBUTING.md lists what is refused.");
