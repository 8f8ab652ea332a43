// Programs that the bench runs: found, started, looked at and ended.
import { closeSync, existsSync, openSync, readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";

/** The folder of the peers' programs, in which is looked first. */
export const peersFolder = process.env["BERTH_PEERS"];

/** The path of a program, or undefined: BERTH_PEERS, then PATH, then where Go and Debian put theirs. */
export function findProgram(name: string): string | undefined {
  const path = (process.env["PATH"] ?? "").split(delimiter);
  const folders = [
    ...(peersFolder === undefined ? [] : [peersFolder]),
    ...path,
    join(homedir(), "go/bin"),
    "/usr/sbin",
  ];
  return folders.map((folder) => join(folder, name)).find((file) => existsSync(file));
}

/** What a program prints; throws when it fails. */
export async function run(command: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<string> {
  const child = Bun.spawn([...command], { stdout: "pipe", stderr: "pipe", env: { ...process.env, ...env } });
  const [output, errors, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  if (code !== 0) throw new Error(`${command.join(" ")} ended with ${code}: ${errors.slice(-500)}`);
  return output || errors;
}

/** A TCP port that is free now. */
export function pickPort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      const port = address !== null && typeof address === "object" ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}

export interface Running {
  readonly pid: number;
  readonly port: number;
  /** `http://127.0.0.1:PORT`, or https. */
  readonly origin: string;
  /** From its start to its first answer. */
  readonly startMilliseconds: number;
  /** Ends it in order; kills it when it does not. */
  stop(): Promise<void>;
  /** SIGKILL to all of its processes. */
  kill(): Promise<void>;
}

const startMilliseconds = 120_000;
const stopMilliseconds = 15_000;
const pollMilliseconds = 2;

export interface Start {
  readonly port: number;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** What is asked until it is answered. */
  readonly path: string;
  readonly isTls?: boolean;
}

/** Starts a server and waits until it answers on `port`. What it says goes to `output.log` in its folder. */
export async function startServer(command: readonly string[], start: Start): Promise<Running> {
  const { port, cwd, env, path, isTls = false } = start;
  const file = join(cwd, "output.log");
  const output = openSync(file, "w");
  const begun = performance.now();
  const child = Bun.spawn([...command], { cwd, env: { ...process.env, ...env }, stdout: output, stderr: output });
  closeSync(output);
  const origin = `${isTls ? "https" : "http"}://127.0.0.1:${port}`;
  for (let isUp = false; !isUp; ) {
    if (child.exitCode !== null)
      throw new Error(`${command.join(" ")} does not start: ${readFileSync(file, "utf8").slice(-500)}`);
    if (performance.now() > begun + startMilliseconds) throw new Error(`${command.join(" ")} does not answer`);
    await Bun.sleep(pollMilliseconds);
    isUp = await fetch(`${origin}${path}`, { tls: { rejectUnauthorized: false } }).then(
      (answer) => answer.body?.cancel().then(() => true) ?? true,
      () => false,
    );
  }
  return {
    pid: child.pid,
    port,
    origin,
    startMilliseconds: performance.now() - begun,
    async stop() {
      child.kill("SIGTERM");
      const timer = setTimeout(() => child.kill("SIGKILL"), stopMilliseconds);
      await child.exited;
      clearTimeout(timer);
    },
    async kill() {
      for (const pid of familyOf(child.pid)) process.kill(pid, "SIGKILL");
      await child.exited;
    },
  };
}

/** The processes below `pid`, and itself. */
export function familyOf(pid: number): number[] {
  const parents = new Map<number, number>();
  for (const entry of readdirSync("/proc")) {
    const stat = /^\d+$/.test(entry) ? readOrNothing(`/proc/${entry}/stat`) : "";
    const parent = /\) \S (\d+)/.exec(stat)?.[1];
    if (parent !== undefined) parents.set(Number(entry), Number(parent));
  }
  const family = [pid];
  for (const each of family)
    family.push(...[...parents].filter(([, parent]) => parent === each).map(([child]) => child));
  return family;
}

function readOrNothing(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

/** The resident memory of a server with its workers, in bytes. */
export function residentBytes(pid: number): number {
  return familyOf(pid).reduce((sum, each) => {
    const kibibytes = /VmRSS:\s+(\d+)/.exec(readOrNothing(`/proc/${each}/status`))?.[1];
    return sum + Number(kibibytes ?? 0) * 1024;
  }, 0);
}

/** The processor time that a server with its workers has used, in microseconds; the kernel counts in hundredths of a second. */
export function cpuMicroseconds(pid: number): number {
  return familyOf(pid).reduce((sum, each) => {
    const fields = readOrNothing(`/proc/${each}/stat`).split(") ").at(-1)?.split(" ") ?? [];
    return sum + (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) * 10_000;
  }, 0);
}
