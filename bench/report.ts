// Figures to Markdown.
import { isMoreBetter, type Limit, type MachineLimits, type Row } from "./measures/measure.ts";
import type { OwnRun } from "./own/comparison.ts";
import { reportOwn } from "./own/report.ts";
import type { PeersRun } from "./peers.ts";
import { figureOf, judge, show, us } from "./reaching.ts";

export interface Run {
  readonly peers: PeersRun;
  readonly own: OwnRun;
  readonly limits: MachineLimits;
  /** Sentences about the machine and the run. */
  readonly circumstances: readonly string[];
  readonly commands: readonly string[];
}

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map((_, i) => (i === 0 ? "---" : "---:"))), ...rows.map(line)].join("\n");
}

function rowsOf({ measures, figures }: PeersRun): readonly Row[] {
  return measures.flatMap(({ rows }) => rows).filter(({ name }) => (figures.get(name)?.size ?? 0) > 0);
}

/** How many times as good Berth is as each, and what was to be reached. */
function ratioTable(run: PeersRun): string {
  const others = run.servers.filter(({ name }) => name !== us);
  const rows = rowsOf(run).map((row) => {
    const ours = figureOf(run.figures, row.name, us);
    const ratios = others.map(({ name }) => {
      const theirs = figureOf(run.figures, row.name, name);
      const ratio = isMoreBetter(row.unit) ? ours / theirs : theirs / ours;
      return Number.isNaN(ratio) ? "" : ratio.toFixed(2);
    });
    const judgements = row.reach.map((reach) => judge(row, reach, run.figures, run.servers));
    return [
      row.name,
      ...ratios,
      judgements.map(({ reach }) => reach).join(", "),
      judgements
        .map(({ reached, isReached }) => (reached === undefined ? "?" : `${reached} ${isReached ? "✓" : "**✗**"}`))
        .join(", "),
    ];
  });
  return table(["times as good as", ...others.map(({ name }) => name), "reach", "reached"], rows);
}

function figureTable(run: PeersRun): string {
  const names = run.servers.map(({ name }) => name);
  const rows = rowsOf(run).map((row) => {
    const byServer = run.processes.get(row.name);
    const processes = names.flatMap((name) => byServer?.get(name) ?? []).join(" · ");
    const cells = names.map((name) => {
      const figure = figureOf(run.figures, row.name, name);
      return Number.isNaN(figure) ? "" : show(figure);
    });
    return [`${row.name}, ${row.unit}`, ...cells, processes];
  });
  return table(["", ...names, "processes"], rows);
}

function shortOf(run: PeersRun): readonly string[] {
  return rowsOf(run).flatMap((row) =>
    row.reach.flatMap((reach) => {
      const { reach: words, reached, isReached } = judge(row, reach, run.figures, run.servers);
      return isReached || reached === undefined ? [] : [`- ${row.name}: ${reached}, to reach ${words}`];
    }),
  );
}

/** What bounds each row, and how much of that it reaches. */
function limitTable(run: PeersRun, limits: MachineLimits): string {
  const rows = rowsOf(run).flatMap(({ name, unit, limit }) => {
    if (limit === undefined) return [];
    const ours = figureOf(run.figures, name, us);
    const most = figureOfLimit(run, limits, name, limit);
    const part = isMoreBetter(unit) ? ours / most : most / ours;
    const cells = Number.isNaN(part) ? ["", ""] : [`${show(most)} ${unit}`, `${Math.round(part * 100)} %`];
    return [[name, limit.by, ...cells]];
  });
  return table(["row", "bounded by", "which alone does", "of which Berth reaches"], rows);
}

function figureOfLimit(run: PeersRun, limits: MachineLimits, row: string, { of, times = 1 }: Limit): number {
  if (of === undefined) return Number.NaN;
  return times * (of === "nginx" || of === "bare Bun" ? figureOf(run.figures, row, of) : limits[of]);
}

function describeLimits({ disk, hash, sync, start, memory }: MachineLimits): string {
  const written = Number.isNaN(disk) ? "" : `a GiB written and synced ${show(disk)} MB/s; `;
  return `Taken in this run: ${written}SHA-256 on one thread ${show(hash)} MB/s; a page of 4 KiB written and synced ${show(sync)} ms; an empty server of the runtime answers after ${show(start)} ms and holds ${show(memory)} MiB.`;
}

function reportSyncs({ servers, syncs }: PeersRun): readonly string[] {
  if (syncs.size === 0) return [];
  const pushing = servers.filter(({ name }) => syncs.has(name));
  return [
    "## What a push promises",
    "Calls of fsync and its kin during one push, counted with strace on a server of its own, outside the timed runs. Berth answers 201",
    "only after the bytes, their folder and the row have been synced. A server that does not sync the bytes of a blob, or the folder",
    "into which it is renamed, is faster by what it does not promise: the list says which.",
    "",
    table(
      ["syncs during", ...pushing.map(({ name }) => name)],
      [
        [
          "a small push (two blobs of 1 KiB, a manifest)",
          ...pushing.map(({ name }) => `${syncs.get(name)?.smallPush}`),
        ],
        ["a blob of 8 MiB (PATCH, PUT)", ...pushing.map(({ name }) => `${syncs.get(name)?.largeBlob}`)],
      ],
    ),
    "",
    ...pushing.map(
      ({ name }) => `- ${name}, for the blob of 8 MiB: ${syncs.get(name)?.places.join(", ") || "nothing"}`,
    ),
    "",
  ];
}

function rangeTable(run: PeersRun): string {
  const names = run.servers.map(({ name }) => name);
  const rows = rowsOf(run).map(({ name, unit }) => [
    `${name}, ${unit}`,
    ...names.map((server) => {
      const list = run.figures.get(name)?.get(server) ?? [];
      return list.length === 0 ? "" : `${show(Math.min(...list))} – ${show(Math.max(...list))}`;
    }),
  ]);
  return table(["", ...names], rows);
}

function reportPeers(run: PeersRun, limits: MachineLimits): readonly string[] {
  if (rowsOf(run).length === 0) return [];
  const short = shortOf(run);
  return [
    "## Ratios",
    "How many times as good Berth is: above 1 better, below 1 worse, whatever the unit. Only ratios within one run mean something.",
    "",
    ratioTable(run),
    "",
    "## Short of the reach",
    ...(short.length === 0 ? ["Nothing in this run."] : short),
    "",
    "## Figures",
    "Medians of the rounds. Processes: of each server in the order of the columns, the parent and its workers; threads are not counted.",
    "",
    figureTable(run),
    "",
    "## What bounds the rows, and how far they are from it",
    describeLimits(limits),
    "",
    limitTable(run, limits),
    "",
    ...reportSyncs(run),
    "## Lowest and highest round",
    rangeTable(run),
    "",
  ];
}

export function writeReport({ peers, own, limits, circumstances, commands }: Run): string {
  return [
    "# Berth beside its peers, and beside itself",
    "Written by `npm run bench`; README.md beside this file says how.",
    "",
    ...circumstances.map((each) => `- ${each}`),
    ...peers.servers.map(({ name, version }) => `- ${name}: ${version}`),
    ...peers.missing.map((each) => `- ${each}`),
    "",
    ...reportPeers(peers, limits),
    ...reportOwn(own),
    "## Command lines",
    "Of the load generators, each once; clients and servers are on one machine.",
    "",
    "```",
    ...commands,
    "```",
    "",
  ].join("\n");
}
