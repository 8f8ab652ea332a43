// A keep-alive connection that costs little: requests one after the other on a socket, answers parsed just enough.
import { connect, type Socket } from "node:net";

export interface Reply {
  readonly status: number;
  header(name: string): string | undefined;
  /** When the whole answer was here, as performance.now(). */
  readonly endedAt: number;
}

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly headers?: readonly string[];
  /** Sent as they come, with room made by the socket in between. */
  readonly body?: Iterable<Uint8Array>;
}

export interface Connection {
  ask(asked: Asked): Promise<Reply>;
  close(): void;
}

interface Pending {
  readonly isHead: boolean;
  resolve(reply: Reply): void;
  reject(error: Error): void;
}

const headEnd = Buffer.from("\r\n\r\n");
const none = Buffer.alloc(0);

export async function openConnection(port: number): Promise<Connection> {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  await new Promise<void>((resolve, reject) => {
    socket.once("connect", resolve);
    socket.once("error", reject);
  });
  let pending: Pending | undefined;
  let arrived: Buffer = none;

  const fail = (error: Error) => {
    pending?.reject(error);
    pending = undefined;
  };
  const look = () => {
    const answer = pending === undefined ? undefined : parse(arrived, pending.isHead);
    if (pending === undefined || answer === undefined) return;
    arrived = arrived.subarray(answer.length);
    const { resolve } = pending;
    pending = undefined;
    resolve({ ...answer.reply, endedAt: performance.now() });
  };
  socket.on("data", (part: Buffer) => {
    arrived = arrived.byteLength === 0 ? part : Buffer.concat([arrived, part]);
    look();
  });
  socket.on("error", fail);
  socket.on("close", () => fail(new Error("the server closed the connection")));

  return {
    async ask({ method, path, headers = [], body }) {
      const answered = new Promise<Reply>((resolve, reject) => {
        pending = { isHead: method === "HEAD", resolve, reject };
      });
      const head = Buffer.from(
        `${[`${method} ${path} HTTP/1.1`, `Host: 127.0.0.1:${port}`, ...headers].join("\r\n")}\r\n\r\n`,
      );
      if (body === undefined) socket.write(head);
      else await Promise.race([answered, sendAll(socket, head, body)]);
      return answered;
    },
    close: () => void socket.destroy(),
  };
}

/** The head and a small body in one write; a large one as the socket takes it. */
async function sendAll(socket: Socket, head: Buffer, body: Iterable<Uint8Array>): Promise<void> {
  let first: Buffer | undefined = head;
  for (const part of body) {
    const bytes: Uint8Array = first === undefined ? part : Buffer.concat([first, part]);
    first = undefined;
    if (!socket.write(bytes)) await new Promise<void>((resolve) => void socket.once("drain", resolve));
    if (socket.destroyed) return;
  }
  if (first !== undefined) socket.write(first);
}

interface Parsed {
  readonly length: number;
  readonly reply: Omit<Reply, "endedAt">;
}

/** The first whole answer in `bytes`; undefined while there is none. */
function parse(bytes: Buffer, isHead: boolean): Parsed | undefined {
  const end = bytes.indexOf(headEnd);
  if (end < 0) return undefined;
  const head = bytes.toString("latin1", 0, end);
  const status = Number(head.slice(9, 12));
  const bodyAt = end + headEnd.byteLength;
  if (status === 100) {
    const next = parse(bytes.subarray(bodyAt), isHead);
    return next === undefined ? undefined : { ...next, length: next.length + bodyAt };
  }
  const header = (name: string) => new RegExp(`\r\n${name}: *([^\r]*)`, "i").exec(head)?.[1];
  const length = isHead || status === 204 || status === 304 ? 0 : bodyLength(bytes, bodyAt, header);
  if (length === undefined || bytes.byteLength < bodyAt + length) return undefined;
  return { length: bodyAt + length, reply: { status, header } };
}

/** The length of a body with its framing; undefined when a chunked one has not ended. */
function bodyLength(bytes: Buffer, at: number, header: (name: string) => string | undefined): number | undefined {
  if (header("transfer-encoding") === undefined) return Number(header("content-length") ?? 0);
  for (let next = at; ; ) {
    const line = bytes.indexOf("\r\n", next);
    if (line < 0) return undefined;
    const size = Number.parseInt(bytes.toString("latin1", next, line), 16);
    next = line + 2 + size + 2;
    if (size === 0) return next - at;
  }
}
