// The load generators: each run gives figures, and its command line is kept for the report.
import { basename, join } from "node:path";
import { manifestType } from "./content.ts";
import { medianOf } from "./median.ts";
import { cpuMicroseconds, findProgram, type Running, run } from "./processes.ts";

export const connections = 32;
const accept = `Accept: ${manifestType}, */*`;
const said = new Map<string, string>();

/** The command lines that were used, each once, without what differs from run to run. */
export function commandLines(): readonly string[] {
  return [...said.values()];
}

function say([program = "", ...args]: readonly string[]): void {
  const words = args.map((word) =>
    word
      .replace(/127\.0\.0\.1:\d+/, "HOST:PORT")
      .replace(/sha256:[0-9a-f]{64}/, "DIGEST")
      .replace(/^\/.*\.lua$/, "SCRIPT"),
  );
  const line = [basename(program), ...words].map((word) => (/[\s*%{]/.test(word) ? `'${word}'` : word)).join(" ");
  said.set(line.replaceAll(/\/v[12]\/\S*/g, "PATH"), line);
}

async function use(name: string, args: readonly string[], env?: Readonly<Record<string, string>>): Promise<string> {
  const program = findProgram(name);
  if (program === undefined) throw new Error(`there is no program ${name}`);
  say([
    env === undefined ? program : `${Object.entries(env).map((each) => each.join("="))} ${basename(program)}`,
    ...args,
  ]);
  return run([program, ...args], env);
}

/** Runs one of the programs of load/ in a process of its own; it prints JSON, or one number. */
export async function load(name: string, ...args: readonly (string | number)[]): Promise<unknown> {
  const command = [process.execPath, join(import.meta.dir, `load/${name}.ts`), ...args.map(String)];
  say(["bun", `load/${name}.ts`, "PORT", ...args.slice(1).map(String)]);
  const output = (await run(command)).trim().split("\n").at(-1) ?? "";
  return output === "" ? undefined : JSON.parse(output);
}

/** Like load, for one that prints one number. */
export async function loadNumber(name: string, ...args: readonly (string | number)[]): Promise<number> {
  const value = await load(name, ...args);
  if (typeof value !== "number") throw new Error(`${name} printed no figure`);
  return value;
}

/** Like load, for one that prints a list of numbers. */
export async function loadNumbers(name: string, ...args: readonly (string | number)[]): Promise<readonly number[]> {
  const value = await load(name, ...args);
  if (!Array.isArray(value) || !value.every((each) => typeof each === "number"))
    throw new Error(`${name} printed no figures`);
  return value;
}

export function numberIn(text: string | undefined, what: string): number {
  const value = Number(text?.trim());
  if (text === undefined || text.trim() === "" || !Number.isFinite(value))
    throw new Error(`${what} printed no figure: ${text}`);
  return value;
}

/** GETs per second by wrk: one thread, 32 connections. With `script`, its Lua says what is asked. */
export async function countGets(url: string, seconds: number, script?: string): Promise<number> {
  const lua = script === undefined ? [] : ["-s", script];
  const output = await use("wrk", ["-t1", `-c${connections}`, `-d${seconds}s`, "-H", accept, ...lua, url]);
  if (/Non-2xx|Socket errors/.test(output)) throw new Error(`wrk saw errors at ${url}: ${output}`);
  return numberIn(/Requests\/sec:\s+([\d.]+)/.exec(output)?.[1], "wrk");
}

/** HEADs per second by bombardier, and the server's processor time for each in microseconds. */
export async function countHeads({ pid, origin }: Running, path: string, seconds: number): Promise<readonly number[]> {
  const before = cpuMicroseconds(pid);
  const args = ["-m", "HEAD", "-c", String(connections), "-d", `${seconds}s`, "-p", "r", "-o", "plain-text"];
  const output = await use("bombardier", [...args, "-H", accept, `${origin}${path}`], { GOMAXPROCS: "1" });
  const used = cpuMicroseconds(pid) - before;
  const answered = /1xx - 0, 2xx - (\d+), 3xx - 0, 4xx - 0, 5xx - 0/.exec(output)?.[1];
  if (answered === undefined) throw new Error(`HEAD ${path}: ${output}`);
  return [numberIn(/Reqs\/sec\s+([\d.]+)/.exec(output)?.[1], "bombardier"), used / Number(answered)];
}

const warmSeconds = 5;
const warmClients = 8;

/** GETs that are not counted: a program that is compiled while it runs has run when it is measured, as one has that serves. */
export async function getToWarm(url: string): Promise<void> {
  await countGets(url, warmSeconds);
}

/** The same by small pushes. */
export async function pushToWarm(port: number): Promise<void> {
  await load("images", port, warmClients, warmClients, warmSeconds);
}

/** The program that can load HTTP/2 here. */
export const loaderOfHttp2 = ["h2load", "bombardier"].find((name) => findProgram(name) !== undefined);

/** GETs per second over HTTP/2, 32 at a time: 8 connections of 4 streams by h2load, else by bombardier. */
export async function countGetsOverHttp2(url: string, seconds: number): Promise<number> {
  if (loaderOfHttp2 === "h2load") {
    const output = await use("h2load", ["-t1", "-c8", "-m4", "-D", String(seconds), "-H", accept, url]);
    const [, rate, failed] = /([\d.]+) req\/s[\s\S]*?(\d+) failed/.exec(output) ?? [];
    if (failed !== "0" || !/status codes: \d+ 2xx, 0 3xx, 0 4xx, 0 5xx/.test(output))
      throw new Error(`h2load saw errors at ${url}: ${output}`);
    return numberIn(rate, "h2load");
  }
  const args = ["--http2", "-k", "-c", String(connections), "-d", `${seconds}s`, "-p", "r", "-o", "plain-text"];
  const output = await use("bombardier", [...args, "-H", accept, url], { GOMAXPROCS: "1" });
  return numberIn(/Reqs\/sec\s+([\d.]+)/.exec(output)?.[1], "bombardier");
}

const quietly = ["-sfk", "-o", "/dev/null", "-w", "%{speed_download}"];

/** One download by curl, in bytes per second. */
export async function download(url: string, ...flags: readonly string[]): Promise<number> {
  return numberIn(await use("curl", [...quietly, ...flags, url]), "curl");
}

/** The median of `count` downloads in bytes per second, after one that is not counted: it may have to come from the disk. */
export async function downloadAgain(url: string, count: number, ...flags: readonly string[]): Promise<number> {
  await download(url, ...flags);
  const figures: number[] = [];
  for (let i = 0; i < count; i++) figures.push(await download(url, ...flags));
  return medianOf(figures);
}

/** `count` downloads at once; returns the seconds until the last has ended. */
export async function downloadTogether(url: string, count: number): Promise<number> {
  const begun = performance.now();
  await Promise.all(Array.from({ length: count }, () => use("curl", [...quietly, url])));
  return (performance.now() - begun) / 1000;
}
