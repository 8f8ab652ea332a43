// A real server on a real folder, in a process group of its own, so that a signal reaches all of it and nothing else.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

export const home = join(import.meta.dir, "..", "..");

export interface Server {
  readonly pid: number;
  /** The address, once it serves. Rejects with what it said when it ends before. */
  readonly ready: Promise<string>;
  /** The exit code, or the name of the signal that ended it. */
  readonly ended: Promise<number | string>;
  /** What it wrote to standard error so far. */
  log(): string;
  /** Sends a signal to the whole process group. */
  signal(name: NodeJS.Signals): void;
  /** SIGKILL to the group; back when it is gone. */
  kill(): Promise<void>;
}

export interface ServerOptions {
  /** The command that is given `--listen`, `--data` and so on; by default this checkout's `serve`. */
  readonly command?: readonly string[];
  readonly listen?: string;
  /** More flags of `berth serve`. */
  readonly flags?: readonly string[];
}

const serve = [process.execPath, join("src", "main.ts"), "serve"];
const running = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of running) signalGroup(child, "SIGKILL");
});

/** Starts a server on `folder` and does not wait for it. */
export function spawnServer(
  folder: string,
  { command = serve, listen = "127.0.0.1:0", flags = [] }: ServerOptions = {},
): Server {
  const [program = "", ...words] = command;
  const settings = ["--listen", listen, "--data", folder, "--log-level", "warn", "--log-format", "json", ...flags];
  const child = spawn(program, [...words, ...settings], {
    cwd: home,
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  running.add(child);
  let said = "";
  let log = "";
  child.stderr.on("data", (part: Buffer) => {
    log += part.toString();
  });
  const ended = once(child, "close").then(([code, signal]: unknown[]) => {
    running.delete(child);
    return typeof code === "number" ? code : String(signal);
  });
  const ready = new Promise<string>((resolve, reject) => {
    child.stdout.on("data", (part: Buffer) => {
      said += part.toString();
      const [, url] = /serves on (http:\/\/\S+)\n/.exec(said) ?? [];
      if (url !== undefined) resolve(url);
    });
    ended.then((how) => reject(new Error(`the server ended (${how}) before it served: ${log}`)), reject);
  });
  ready.catch(() => undefined);
  return {
    pid: child.pid ?? 0,
    ready,
    ended,
    log: () => log,
    signal: (name) => signalGroup(child, name),
    async kill() {
      signalGroup(child, "SIGKILL");
      await ended;
    },
  };
}

function signalGroup({ pid }: ChildProcess, name: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, name);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}

/** A server that serves. */
export async function startServer(folder: string, options?: ServerOptions): Promise<Server & { readonly url: string }> {
  const server = spawnServer(folder, options);
  return { ...server, url: await server.ready };
}
