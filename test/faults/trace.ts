// The system calls of a server, as strace saw them. A call that blocks has a beginning and an end, and what must come after
// it must begin after its end.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type Server, startServer } from "./server.ts";

export interface SystemCall {
  readonly name: string;
  /** The path of the descriptor that it is about, else its first path. */
  readonly path: string;
  /** All arguments as they were printed. */
  readonly text: string;
  readonly result: number;
  /** Lines of the trace: an order, not a time. */
  readonly startedAt: number;
  readonly endedAt: number;
}

const traced =
  "mkdir,mkdirat,write,writev,pwrite64,pwritev,sendto,sendmsg,fsync,fdatasync,rename,renameat,renameat2,ftruncate,unlink";

export interface TracedServer {
  readonly url: string;
  readonly server: Server;
  /** The calls since `mark` was last called (or since the start). */
  calls(): Promise<SystemCall[]>;
  /** The calls since the mark, once one of them satisfies `isLast`. */
  callsUntil(isLast: (call: SystemCall) => boolean): Promise<SystemCall[]>;
  /** Forgets what was before. */
  mark(): Promise<void>;
}

/** A server under strace, with its data in `folder`/data and its trace beside it. */
export async function startTraced(folder: string): Promise<TracedServer> {
  const file = join(folder, "trace");
  const strace = ["strace", "-f", "-y", "-s", "32", "-e", `trace=${traced}`, "-o", file];
  const serve = [process.execPath, join("src", "main.ts"), "serve"];
  const server = await startServer(join(folder, "data"), { command: [...strace, ...serve] });
  let marked = 0;
  const calls = async () => parseTrace((await readFile(file, "latin1")).slice(marked));
  return {
    url: server.url,
    server,
    calls,
    async callsUntil(isLast) {
      // The trace is written beside the run: what the client has seen may not stand in it yet.
      for (;;) {
        const all = await calls();
        if (all.some(isLast)) return all;
        await Bun.sleep(20);
      }
    },
    async mark() {
      const text = await readFile(file, "latin1");
      marked = text.lastIndexOf("\n") + 1;
    },
  };
}

const begun = /^(\d+) +(\w+)\((.*)$/;
const resumed = /^(\d+) +<\.\.\. (\w+) resumed>(.*)$/;
const finished = /^(.*)\) += (-?\d+)\b.*$/;
const unfinished = " <unfinished ...>";

/** The calls that ended, in the order in which they ended. */
export function parseTrace(text: string): SystemCall[] {
  const calls: SystemCall[] = [];
  const open = new Map<string, { name: string; text: string; startedAt: number }>();
  text.split("\n").forEach((line, at) => {
    const [, resumedThread = "", , tail = ""] = resumed.exec(line) ?? [];
    const [, thread = "", name = "", words = ""] = begun.exec(line) ?? [];
    if (words.endsWith(unfinished)) {
      open.set(thread, { name, text: words.slice(0, -unfinished.length), startedAt: at });
      return;
    }
    const start = open.get(resumedThread) ?? { name, text: "", startedAt: at };
    open.delete(resumedThread);
    const [, args, result] = finished.exec(start.text + (resumedThread === "" ? words : tail)) ?? [];
    if (args === undefined || start.name === "") return;
    calls.push({
      name: start.name,
      path: pathOf(args),
      text: args,
      result: Number(result),
      startedAt: start.startedAt,
      endedAt: at,
    });
  });
  return calls;
}

function pathOf(args: string): string {
  return /^\d+<([^>]*)>/.exec(args)?.[1] ?? /"([^"]*)"/.exec(args)?.[1] ?? "";
}

export function isSync({ name, result }: SystemCall): boolean {
  return (name === "fsync" || name === "fdatasync") && result === 0;
}

export function isWrite({ name }: SystemCall): boolean {
  return name === "write" || name === "writev" || name === "pwrite64" || name === "pwritev";
}

/** Whether a call sends an answer with this status to a client. */
export function isAnswer({ name, text }: SystemCall, status: number): boolean {
  return (name.startsWith("send") || name.startsWith("write")) && text.includes(`"HTTP/1.1 ${status} `);
}
