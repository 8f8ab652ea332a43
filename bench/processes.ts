// Programs that the bench runs: found, started, looked at and ended.
import { existsSync, readdirSync, readFileSync } from "node:fs";
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
  /** Ends it in order; kills it when it does not. */
  stop(): Promise<void>;
}

const startMilliseconds = 20_000;
const stopMilliseconds = 15_000;

/** Starts a server and waits until it answers on `port`. */
export async function startServer(
  command: readonly string[],
  { port, cwd, env, path }: { port: number; cwd: string; env: Readonly<Record<string, string>>; path: string },
): Promise<Running> {
  const child = Bun.spawn([...command], { cwd, env: { ...process.env, ...env }, stdout: "ignore", stderr: "pipe" });
  const complaint = new Response(child.stderr).text();
  const until = performance.now() + startMilliseconds;
  for (let isUp = false; !isUp; ) {
    if (child.exitCode !== null)
      throw new Error(`${command.join(" ")} does not start: ${(await complaint).slice(-500)}`);
    if (performance.now() > until) throw new Error(`${command.join(" ")} does not answer`);
    await Bun.sleep(20);
    isUp = await fetch(`http://127.0.0.1:${port}${path}`).then(
      (answer) => answer.body?.cancel().then(() => true) ?? true,
      () => false,
    );
  }
  return {
    pid: child.pid,
    port,
    async stop() {
      child.kill("SIGTERM");
      const timer = setTimeout(() => child.kill("SIGKILL"), stopMilliseconds);
      await child.exited;
      clearTimeout(timer);
    },
  };
}

/** The processes below `pid`, and itself. */
function familyOf(pid: number): number[] {
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
