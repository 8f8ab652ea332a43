// What is measured, one entry each, in the order of the report.
import { join } from "node:path";
import { type Image, manifestType } from "./content.ts";
import { medianOf } from "./median.ts";
import { findProgram, type Running, residentBytes, run } from "./processes.ts";
import { repository, tag } from "./servers.ts";

export interface Measure {
  readonly name: string;
  readonly unit: "requests/s" | "MB/s" | "pushes/s" | "ms" | "MiB";
  /** Writes measure a server with an empty folder; reads one that holds the image. */
  readonly kind: "read" | "write";
  take(running: Running): Promise<number>;
}

export interface Setting {
  readonly image: Image;
  readonly seconds: number;
  readonly largeBytes: number;
}

const clients = 16;
const slowClients = 64;
const downloads = 8;
const repeatedGets = 5;

/** Whether more is better. */
export function isMoreBetter({ unit }: Measure): boolean {
  return unit !== "ms" && unit !== "MiB";
}

/** The measures that this machine can take, and a sentence for each tool that it lacks. */
export function listMeasures({ image, seconds, largeBytes }: Setting): {
  measures: readonly Measure[];
  missing: readonly string[];
} {
  const [small, large] = image.layers.map(({ digest }) => `/v2/${repository}/blobs/${digest}`);
  if (small === undefined || large === undefined) throw new Error("the image has two layers");
  const byTag = `/v2/${repository}/manifests/${tag}`;
  const wrk = findProgram("wrk");
  const bombardier = findProgram("bombardier");
  const missing = [
    ...(wrk === undefined ? ["GETs per second were left out: no program wrk (Debian's package wrk)."] : []),
    ...(bombardier === undefined
      ? ["HEADs per second were left out: no program bombardier (go install github.com/codesenberg/bombardier@latest)."]
      : []),
  ];
  const gets = (name: string, path: string): Measure[] =>
    wrk === undefined
      ? []
      : [{ name, unit: "requests/s", kind: "read", take: ({ port }) => countGets(wrk, port, path, seconds) }];
  const heads = (name: string, path: string): Measure[] =>
    bombardier === undefined
      ? []
      : [{ name, unit: "requests/s", kind: "read", take: ({ port }) => countHeads(bombardier, port, path, seconds) }];
  const pushes = (count: number): Measure => ({
    name: `small pushes, ${count} ${count === 1 ? "client" : "clients"}`,
    unit: "pushes/s",
    kind: "write",
    take: ({ port }) => load("images", port, count, seconds),
  });
  const largePush = (name: string, way: string): Measure => ({
    name,
    unit: "MB/s",
    kind: "write",
    take: async ({ port }) => (await load("blob", port, way, largeBytes, `${way} ${performance.now()}`)) / 1e6,
  });
  const measures: Measure[] = [
    ...gets("manifest GET by tag", byTag),
    ...gets("manifest GET by digest", `/v2/${repository}/manifests/${image.digest}`),
    ...gets("10 KiB blob GET", small),
    ...heads("blob HEAD", small),
    // The first may have to come from the disk, which is then what is measured; the others come from memory.
    { name: "1 GiB blob GET, 1 client, first", unit: "MB/s", kind: "read", take: ({ port }) => timeGet(port, large) },
    { name: "1 GiB blob GET, 1 client, again", unit: "MB/s", kind: "read", take: ({ port }) => timeGets(port, large) },
    largePush("1 GiB blob push, 1 client, PUT", "put"),
    largePush("1 GiB blob push, 1 client, PATCH", "patch"),
    pushes(1),
    pushes(32),
    {
      name: `p99 of manifest GETs beside ${downloads} downloads`,
      unit: "ms",
      kind: "read",
      take: ({ port }) => load("beside", port, byTag, large, downloads, seconds + 1),
    },
    memory("memory before the first push", "write", async () => undefined),
    memory(`memory with ${slowClients} slow readers`, "read", ({ port }) => slow(port, "readers", large, seconds)),
    memory(`memory with ${slowClients} slow uploads`, "write", ({ port }) => slow(port, "uploads", large, seconds)),
  ];
  return { measures, missing };
}

/** The most memory that a server holds while something is done to it. */
function memory(name: string, kind: Measure["kind"], act: (running: Running) => Promise<unknown>): Measure {
  return {
    name,
    unit: "MiB",
    kind,
    async take(running) {
      let peak = residentBytes(running.pid);
      const timer = setInterval(() => {
        peak = Math.max(peak, residentBytes(running.pid));
      }, 100);
      await act(running).finally(() => clearInterval(timer));
      return peak / 2 ** 20;
    },
  };
}

function slow(port: number, mode: string, large: string, seconds: number): Promise<string> {
  return run([
    process.execPath,
    join(import.meta.dir, "load/slow.ts"),
    String(port),
    mode,
    large,
    String(slowClients),
    String(seconds),
  ]);
}

/** Runs a load generator in a process of its own; it prints one number. */
async function load(name: string, ...args: readonly (string | number)[]): Promise<number> {
  const output = await run([process.execPath, join(import.meta.dir, `load/${name}.ts`), ...args.map(String)]);
  return numberIn(output, name);
}

function numberIn(text: string | undefined, what: string): number {
  const value = Number(text?.trim());
  if (text === undefined || text.trim() === "" || !Number.isFinite(value))
    throw new Error(`${what} printed no figure: ${text}`);
  return value;
}

async function countGets(wrk: string, port: number, path: string, seconds: number): Promise<number> {
  const accept = ["-H", `Accept: ${manifestType}, */*`];
  const output = await run([wrk, "-t1", `-c${clients}`, `-d${seconds}s`, ...accept, `http://127.0.0.1:${port}${path}`]);
  if (/Non-2xx|Socket errors/.test(output)) throw new Error(`wrk saw errors at ${path}: ${output}`);
  return numberIn(/Requests\/sec:\s+([\d.]+)/.exec(output)?.[1], "wrk");
}

async function countHeads(bombardier: string, port: number, path: string, seconds: number): Promise<number> {
  const command = [bombardier, "-m", "HEAD", "-c", String(clients), "-d", `${seconds}s`, "-p", "r", "-o", "plain-text"];
  const output = await run([...command, `http://127.0.0.1:${port}${path}`], { GOMAXPROCS: "1" });
  if (!/1xx - 0, 2xx - \d+, 3xx - 0, 4xx - 0, 5xx - 0/.test(output)) throw new Error(`HEAD ${path}: ${output}`);
  return numberIn(/Reqs\/sec\s+([\d.]+)/.exec(output)?.[1], "bombardier");
}

async function timeGet(port: number, path: string): Promise<number> {
  const output = await run([
    "curl",
    "-sf",
    "-o",
    "/dev/null",
    "-w",
    "%{speed_download}",
    `http://127.0.0.1:${port}${path}`,
  ]);
  return numberIn(output, "curl") / 1e6;
}

/** The median of a few, after one that is not counted. */
async function timeGets(port: number, path: string): Promise<number> {
  await timeGet(port, path);
  const figures: number[] = [];
  for (let i = 0; i < repeatedGets; i++) figures.push(await timeGet(port, path));
  return medianOf(figures);
}
