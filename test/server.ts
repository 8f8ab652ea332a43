// A Berth of this checkout as a process of its own, for tests that stand outside. Each has a free port and, unless told
// otherwise, a data folder that goes with it.
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const root = resolve(import.meta.dir, "..");

export interface ServerOptions {
  /** Flags of `berth serve` beside `--listen` and `--data`. */
  readonly flags?: readonly string[];
  /** A data folder to use and to leave; without it a new one is made, and removed by `stop`. */
  readonly data?: string;
  /** 0 takes a free port. Give the port of a server that was killed to start it again. */
  readonly port?: number;
}

export interface TestServer {
  /** `127.0.0.1:PORT` */
  readonly address: string;
  readonly port: number;
  /** `http://127.0.0.1:PORT`, or https with a certificate */
  readonly url: string;
  readonly data: string;
  readonly pid: number;
  /** All that it has written so far: standard output and log. */
  output(): string;
  /** The same, once all is in it that was asked before: the log comes through a pipe, later than the answers. One process only. */
  outputSoFar(): Promise<string>;
  /** SIGTERM; resolves with the exit code. A data folder that was made here is removed. */
  stop(): Promise<number | null>;
  /** SIGKILL to the whole process group. The data folder stays. */
  kill(): Promise<void>;
}

/** Starts a server and waits until it serves. Throws with its output when it ends before that. */
export async function startServer({ flags = [], data, port = 0 }: ServerOptions = {}): Promise<TestServer> {
  const folder = data ?? (await mkdtemp(join(tmpdir(), "berth-test-")));
  const args = ["src/main.ts", "serve", "--listen", `127.0.0.1:${port}`, "--data", folder, ...flags];
  const child = spawn(process.execPath, args, { cwd: root, detached: true, stdio: ["ignore", "pipe", "pipe"] });
  const ended = new Promise<number | null>((done) => child.once("exit", done));
  const output = gather(child);
  const url = await Promise.race([output.find(/serves on (https?:\/\/\S+)/), ended.then(() => undefined)]);
  if (url === undefined) {
    if (data === undefined) await rm(folder, { recursive: true, force: true });
    throw new Error(`the server did not start:\n${output.text()}`);
  }
  const { host, port: taken } = new URL(url);
  const pid = child.pid ?? 0;
  const killGroup = () => {
    if (child.exitCode === null && child.signalCode === null) process.kill(-pid, "SIGKILL");
  };
  process.once("exit", killGroup);
  void ended.then(() => process.off("exit", killGroup));
  return {
    address: host,
    port: Number(taken),
    url,
    data: folder,
    pid,
    output: output.text,
    async outputSoFar() {
      const mark = `mark-${crypto.randomUUID()}`;
      await fetch(`${url}/healthz`, { headers: { "X-Request-Id": mark } });
      await output.find(new RegExp(`(${mark})`));
      return output.text();
    },
    async stop() {
      child.kill("SIGTERM");
      const code = await ended;
      if (data === undefined) await rm(folder, { recursive: true, force: true });
      return code;
    },
    async kill() {
      killGroup();
      await ended;
    },
  };
}

/** Keeps what a process writes; `find` waits until a pattern has been written, and gives its first group. */
function gather({ stdout, stderr }: ChildProcess) {
  let text = "";
  let look = (): void => undefined;
  for (const stream of [stdout, stderr]) {
    stream?.setEncoding("utf8").on("data", (part: string) => {
      text += part;
      look();
    });
  }
  return {
    text: () => text,
    find: (pattern: RegExp) =>
      new Promise<string | undefined>((found) => {
        look = () => {
          const match = pattern.exec(text);
          if (match !== null) found(match[1]);
        };
        look();
      }),
  };
}
