// The files that the house checks read, and how they tell what they found.
import { join, resolve } from "node:path";
import { Glob } from "bun";

export interface SourceFile {
  /** From the root of the project, with slashes. */
  readonly path: string;
  readonly text: string;
}

export const projectRoot = resolve(import.meta.dir, "..");

const pattern = new Glob("{src,scripts,test,bench,ui}/**/*.{ts,tsx}");

/** Every TypeScript file of the project, by path. */
export async function readSourceFiles(): Promise<SourceFile[]> {
  const found = await Array.fromAsync(pattern.scan({ cwd: projectRoot }));
  const paths = found.map((path) => path.replaceAll("\\", "/")).filter((path) => !path.includes("node_modules/"));
  return Promise.all(
    paths.sort().map(async (path) => ({ path, text: await Bun.file(join(projectRoot, path)).text() })),
  );
}

/** A test, or what only tests use: it stands outside of the rooms. */
export function isTest(path: string): boolean {
  return /\.test\.tsx?$|\/(?:contract|testing)\.ts$/.test(path);
}

/** Says what a check found, and ends the process: 0 when that is nothing. */
export function report(check: string, complaints: readonly string[], advice: string): never {
  if (complaints.length === 0) {
    process.stdout.write(`${check}: nothing to complain about\n`);
    process.exit(0);
  }
  process.stderr.write(`${check}:\n${complaints.map((each) => `  ${each}\n`).join("")}${advice}\n`);
  process.exit(1);
}
