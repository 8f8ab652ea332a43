// Figures to Markdown.
import { isMoreBetter, type Measure } from "./measures.ts";
import { medianOf } from "./median.ts";
import type { Server } from "./servers.ts";
import type { Syncs } from "./syncs.ts";

/** What each server reached in each round, by measure and server name. */
export type Figures = ReadonlyMap<Measure, ReadonlyMap<string, readonly number[]>>;

export interface Run {
  readonly servers: readonly Server[];
  readonly figures: Figures;
  readonly syncs: ReadonlyMap<string, Syncs>;
  readonly missing: readonly string[];
  /** Sentences about the machine and the run. */
  readonly circumstances: readonly string[];
}

/** How many times as good the first is. */
function timesAsGood(measure: Measure, ours: number, theirs: number): number {
  return isMoreBetter(measure) ? ours / theirs : theirs / ours;
}

function show(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString("en-US") : value.toPrecision(3);
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map((_, i) => (i === 0 ? "---" : "---:"))), ...rows.map(line)].join("\n");
}

/** Rows in which Berth is behind a server that also pushes: nginx is a limit, not a peer. */
function behindOf({ servers, figures }: Run): string[] {
  return [...figures].flatMap(([measure, byServer]) => {
    const ours = medianOf(byServer.get("Berth") ?? []);
    return servers.flatMap(({ name, canPush }) => {
      const ratio = timesAsGood(measure, ours, medianOf(byServer.get(name) ?? []));
      return canPush && name !== "Berth" && ratio < 1 ? [`- ${measure.name}: ${ratio.toFixed(2)} × ${name}`] : [];
    });
  });
}

export function writeReport(report: Run): string {
  const { servers, figures, syncs, missing, circumstances } = report;
  const names = servers.map(({ name }) => name);
  const cell = (measure: Measure, byServer: ReadonlyMap<string, readonly number[]>, name: string) => {
    const theirs = medianOf(byServer.get(name) ?? []);
    if (Number.isNaN(theirs)) return "";
    const ours = medianOf(byServer.get("Berth") ?? []);
    return name === "Berth"
      ? `**${show(theirs)}**`
      : `${show(theirs)} (${timesAsGood(measure, ours, theirs).toFixed(2)})`;
  };
  const medians = [...figures].map(([measure, byServer]) => [
    `${measure.name}, ${measure.unit}`,
    ...names.map((name) => cell(measure, byServer, name)),
  ]);
  const ranges = [...figures].map(([measure, byServer]) => [
    measure.name,
    ...names.map((name) => {
      const list = byServer.get(name) ?? [];
      return list.length === 0 ? "" : `${show(Math.min(...list))} – ${show(Math.max(...list))}`;
    }),
  ]);
  const pushing = servers.filter(({ name }) => syncs.has(name));
  const behind = behindOf(report);
  return [
    "# Berth beside its peers",
    "Written by `npm run bench`; README.md beside this file says how. Each figure is the median of the rounds; in brackets: how many",
    "times as good Berth is in the same run (above 1 Berth is better, below 1 worse). Only ratios within one run mean something.",
    "",
    ...circumstances.map((each) => `- ${each}`),
    ...servers.map(({ name, version }) => `- ${name}: ${version}`),
    ...missing.map((each) => `- ${each}`),
    "",
    table(["", ...names], medians),
    "",
    "## Where Berth is behind a registry",
    ...(behind.length === 0 ? ["Nowhere in this run."] : behind),
    "",
    "## What a push promises",
    "Calls of fsync and its kin during one push, counted with strace on a server of its own, outside the timed runs. Berth answers 201",
    "only after the bytes, their folder and the row have been synced. A server that does not sync the bytes of a blob, or the folder",
    "into which it is renamed, is faster by what it does not promise: the list says which.",
    "",
    syncs.size === 0
      ? "Not counted: no strace."
      : table(
          ["syncs during", ...pushing.map(({ name }) => name)],
          [
            [
              "a small push (two blobs of 1 KiB, a manifest)",
              ...pushing.map(({ name }) => String(syncs.get(name)?.smallPush)),
            ],
            ["a blob of 8 MiB (PATCH, PUT)", ...pushing.map(({ name }) => String(syncs.get(name)?.largeBlob))],
          ],
        ),
    "",
    ...pushing.map(
      ({ name }) => `- ${name}, for the blob of 8 MiB: ${syncs.get(name)?.places.join(", ") || "nothing"}`,
    ),
    "",
    "## Lowest and highest round",
    table(["", ...names], ranges),
    "",
  ].join("\n");
}
