// What a run is asked for on its command line.
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";

export interface Options {
  readonly rounds: number;
  readonly seconds: number;
  /** Rows whose name it matches are taken. */
  readonly only: RegExp;
  readonly servers: RegExp;
  readonly folder: string;
  readonly out: string;
  /** For how many seconds a quiet machine is waited for before each measurement, at most. */
  readonly quiet: number;
  /** The size of the big store, as a part of 10,000,000 tags; 0 leaves its rows out. */
  readonly seed: number;
}

export function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      rounds: { type: "string", default: "3" },
      seconds: { type: "string", default: "2" },
      only: { type: "string", default: "" },
      servers: { type: "string", default: "" },
      folder: { type: "string", default: tmpdir() },
      out: { type: "string", default: join(import.meta.dir, "RESULTS.md") },
      quiet: { type: "string", default: "60" },
      seed: { type: "string", default: "0" },
    },
  });
  return {
    rounds: Number(values.rounds),
    seconds: Number(values.seconds),
    only: new RegExp(values.only),
    servers: new RegExp(values.servers),
    folder: resolve(values.folder),
    out: values.out,
    quiet: Number(values.quiet),
    seed: Number(values.seed),
  };
}
