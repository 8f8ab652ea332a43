// HTTP by hand, for what no well-behaved client sends: bodies that stop, that are too short, that are too long.
import { readdir } from "node:fs/promises";
import { connect, type Socket } from "node:net";

export interface Line {
  readonly socket: Socket;
  /** All that came until the server closed the connection. */
  readonly closed: Promise<string>;
  /** What came so far, once it matches; or all of it, when the connection closes before. */
  until(pattern: RegExp): Promise<string>;
}

/** Opens a connection to `url` and sends `parts`. */
export async function openLine(url: string, ...parts: readonly (string | Uint8Array)[]): Promise<Line> {
  const { hostname, port } = new URL(url);
  let came = "";
  let look = (): void => undefined;
  const socket = await new Promise<Socket>((resolve, reject) => {
    const made = connect(Number(port), hostname, () => resolve(made));
    made.once("error", reject);
  });
  const closed = new Promise<string>((resolve) => {
    socket.on("close", () => resolve(came));
  });
  // A reset is one of the ways in which a server may end a connection: `close` follows it.
  socket.on("error", () => undefined);
  socket.on("data", (part) => {
    came += part.toString("latin1");
    look();
  });
  for (const part of parts) socket.write(part);
  const found = (pattern: RegExp) =>
    new Promise<string>((resolve) => {
      look = () => {
        if (pattern.test(came)) resolve(came);
      };
      look();
    });
  return { socket, closed, until: (pattern) => Promise.race([found(pattern), closed]) };
}

/** The head of a request that says how long its body is. */
export function headOf(method: string, target: string, contentLength: number, ...more: readonly string[]): string {
  const lines = [`${method} ${target} HTTP/1.1`, "Host: registry", `Content-Length: ${contentLength}`, ...more];
  return `${lines.join("\r\n")}\r\n\r\n`;
}

/** How many descriptors a process has open. */
export async function countHandles(pid: number): Promise<number> {
  return (await readdir(`/proc/${pid}/fd`)).length;
}

/** Waits until `isSo`; whoever calls it has the patience of its test. */
export async function eventually(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await Bun.sleep(20);
}

/** The members of a process group that live. */
export async function membersOf(group: number): Promise<number[]> {
  const members: number[] = [];
  for (const name of await readdir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const stat = await Bun.file(`/proc/${name}/stat`)
      .text()
      .catch(() => "");
    // "pid (name) state ppid pgrp": the name may hold spaces and parentheses.
    const [state, , processGroup] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    if (Number(processGroup) === group && state !== "Z") members.push(Number(name));
  }
  return members;
}
