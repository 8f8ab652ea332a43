// A keep-alive connection that costs little, since clients share the cores of the server: requests one after the other on a
// socket of the runtime itself, answers parsed just enough, their bodies counted and let go.

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
  /** Sent one after the other, each when the socket has taken the one before. */
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

const headEnd = "\r\n\r\n";
const none = Buffer.alloc(0);

export async function openConnection(port: number): Promise<Connection> {
  let pending: Pending | undefined;
  let arrived: Buffer = none;
  /** The answer whose body is under way, and how much of it is left. */
  let begun: { readonly reply: Omit<Reply, "endedAt">; left: number } | undefined;
  let drained: (() => void) | undefined;
  let isClosed = false;

  const fail = (error: Error) => {
    isClosed = true;
    drained?.();
    pending?.reject(error);
    pending = undefined;
  };
  const take = (bytes: Buffer) => {
    if (pending === undefined) return fail(new Error("an answer that nobody asked for"));
    if (begun === undefined) {
      arrived = arrived.byteLength === 0 ? bytes : Buffer.concat([arrived, bytes]);
      const head = parse(arrived, pending.isHead);
      if (head === undefined) return;
      begun = { reply: head.reply, left: head.length - arrived.byteLength };
      arrived = none;
    } else begun.left -= bytes.byteLength;
    if (begun.left > 0) return;
    const { resolve } = pending;
    const { reply } = begun;
    pending = undefined;
    begun = undefined;
    resolve({ ...reply, endedAt: performance.now() });
  };
  const socket = await Bun.connect({
    hostname: "127.0.0.1",
    port,
    socket: {
      data: (_, bytes) => take(bytes),
      drain: () => drained?.(),
      error: (_, error) => fail(error),
      close: () => fail(new Error("the server closed the connection")),
    },
  });
  socket.setNoDelay(true);

  const write = async (bytes: Uint8Array): Promise<void> => {
    for (let at = 0; !isClosed; ) {
      at += Math.max(0, socket.write(at === 0 ? bytes : bytes.subarray(at)));
      if (at === bytes.byteLength) return;
      await new Promise<void>((resolve) => {
        drained = resolve;
      });
    }
  };
  /** The head and a small body in one write; a large one as the socket takes it. */
  const send = async (head: Buffer, body: Iterable<Uint8Array>) => {
    let first: Buffer | undefined = head;
    for (const part of body) {
      await write(first === undefined ? part : Buffer.concat([first, part]));
      first = undefined;
      if (isClosed) return;
    }
    if (first !== undefined) await write(first);
  };

  return {
    async ask({ method, path, headers = [], body = [] }) {
      if (isClosed) throw new Error("the connection is closed");
      const answered = new Promise<Reply>((resolve, reject) => {
        pending = { isHead: method === "HEAD", resolve, reject };
      });
      const lines = [`${method} ${path} HTTP/1.1`, `Host: 127.0.0.1:${port}`, ...headers];
      // An answer may come before the body was sent.
      await Promise.race([answered, send(Buffer.from(`${lines.join("\r\n")}${headEnd}`), body)]);
      return answered;
    },
    close: () => void socket.end(),
  };
}

interface Parsed {
  /** Of the head and the body. */
  readonly length: number;
  readonly reply: Omit<Reply, "endedAt">;
}

/** The answer that begins in `bytes`; undefined while its head, or the end of a body in chunks, is not there. */
function parse(bytes: Buffer, isHead: boolean): Parsed | undefined {
  const end = bytes.indexOf(headEnd);
  if (end < 0) return undefined;
  const head = bytes.toString("latin1", 0, end);
  const status = Number(head.slice(9, 12));
  const bodyAt = end + headEnd.length;
  if (status === 100) {
    const next = parse(bytes.subarray(bodyAt), isHead);
    return next === undefined ? undefined : { ...next, length: next.length + bodyAt };
  }
  const header = (name: string) => patternOf(name).exec(head)?.[1];
  const length = isHead || status === 204 || status === 304 ? 0 : bodyLength(bytes, bodyAt, header);
  return length === undefined ? undefined : { length: bodyAt + length, reply: { status, header } };
}

const patterns = new Map<string, RegExp>();

function patternOf(name: string): RegExp {
  const pattern = patterns.get(name) ?? new RegExp(`\r\n${name}: *([^\r]*)`, "i");
  patterns.set(name, pattern);
  return pattern;
}

/** The length of a body with its framing; undefined when a chunked one has not ended. */
function bodyLength(bytes: Buffer, at: number, header: (name: string) => string | undefined): number | undefined {
  const length = header("content-length");
  if (length !== undefined) return Number(length);
  if (header("transfer-encoding") === undefined) return 0;
  for (let next = at; ; ) {
    const line = bytes.indexOf("\r\n", next);
    if (line < 0) return undefined;
    const size = Number.parseInt(bytes.toString("latin1", next, line), 16);
    next = line + 2 + size + 2;
    if (next > bytes.byteLength) return undefined;
    if (size === 0) return next - at;
  }
}
