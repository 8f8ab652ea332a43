// One request on a connection of its own, written byte for byte as a given client wrote it: the order and the case of its
// headers are the caller's. What comes back is taken apart, headers in their order.
import { dial } from "../hostile/wire.ts";

export type Header = readonly [name: string, value: string];

export interface Sent {
  readonly method: string;
  readonly target: string;
  /** As they go out, after Host; the length of the body or its encoding among them. */
  readonly headers: readonly Header[];
  readonly body?: Uint8Array | undefined;
  /** The body goes in chunks of 32 KiB, as Go copies. */
  readonly isChunked?: boolean;
  readonly host?: string;
  /** Half of the body goes, and then the connection is left. */
  readonly isCut?: boolean;
}

export interface Reply {
  readonly status: number;
  readonly reason: string;
  readonly headers: readonly Header[];
  readonly body: Buffer;
  readonly text: string;
  /** The first header of a name, whatever its case. */
  get(name: string): string | undefined;
  all(name: string): string[];
}

const chunkBytes = 32_768;

/** Sends a request and resolves with its final answer. Throws when the connection ends before that. */
export async function send(url: string, sent: Sent): Promise<Reply> {
  const socket = await dial({ url });
  const came: Buffer[] = [];
  return new Promise((resolve, reject) => {
    const look = (isClosed: boolean) => {
      const reply = readReply(Buffer.concat(came), sent.method === "HEAD", isClosed);
      if (reply === undefined) return false;
      resolve(reply);
      socket.destroy();
      return true;
    };
    socket.on("data", (part: Buffer) => {
      came.push(part);
      look(false);
    });
    socket.on("close", () => {
      if (look(true)) return;
      const text = Buffer.concat(came).toString("latin1").slice(0, 300);
      reject(new Error(`${sent.method} ${sent.target}: the connection ended after ${JSON.stringify(text)}`));
    });
    socket.write(headOf(sent, new URL(url).host));
    if (sent.body === undefined) return;
    if (sent.isChunked !== true) {
      socket.write(sent.body);
      return;
    }
    const bytes = sent.isCut === true ? sent.body.subarray(0, sent.body.byteLength / 2) : sent.body;
    for (let at = 0; at < bytes.byteLength; at += chunkBytes) {
      const part = bytes.subarray(at, at + chunkBytes);
      socket.write(`${part.byteLength.toString(16)}\r\n`);
      socket.write(part);
      socket.write("\r\n");
    }
    if (sent.isCut === true) socket.end(() => socket.destroy());
    else socket.write("0\r\n\r\n");
  });
}

function headOf({ method, target, headers, host }: Sent, address: string): string {
  const lines = headers.map(([name, value]) => `${name}: ${value}`);
  return `${[`${method} ${target} HTTP/1.1`, `Host: ${host ?? address}`, ...lines].join("\r\n")}\r\n\r\n`;
}

/** The answer in what came, once all of it is there. */
function readReply(bytes: Buffer, isHead: boolean, isClosed: boolean): Reply | undefined {
  const end = bytes.indexOf("\r\n\r\n");
  if (end < 0) return undefined;
  const [line = "", ...lines] = bytes.toString("latin1", 0, end).split("\r\n");
  const [, code, reason = ""] = /^HTTP\/1\.1 (\d{3}) (.*)$/.exec(line) ?? [];
  if (code === undefined) throw new Error(`no answer of HTTP/1.1 begins like this: ${JSON.stringify(line)}`);
  const status = Number(code);
  const rest = bytes.subarray(end + 4);
  if (status < 200) return readReply(rest, isHead, isClosed);
  const headers = lines.map((each): Header => {
    const colon = each.indexOf(": ");
    return [each.slice(0, colon), each.slice(colon + 2)];
  });
  const all = (name: string) =>
    headers.filter(([key]) => key.toLowerCase() === name.toLowerCase()).map(([, value]) => value);
  const get = (name: string) => all(name)[0];
  const hasBody = !isHead && status !== 204 && status !== 304;
  const body = hasBody ? readBody(rest, get("content-length"), get("transfer-encoding"), isClosed) : Buffer.alloc(0);
  return body && { status, reason, headers, body, text: body.toString("utf8"), get, all };
}

function readBody(
  rest: Buffer,
  length: string | undefined,
  encoding: string | undefined,
  isClosed: boolean,
): Buffer | undefined {
  if (encoding === "chunked") return readChunks(rest);
  if (length === undefined) return isClosed ? rest : undefined;
  return rest.length < Number(length) ? undefined : rest.subarray(0, Number(length));
}

function readChunks(rest: Buffer): Buffer | undefined {
  const parts: Buffer[] = [];
  for (let at = 0; ; ) {
    const end = rest.indexOf("\r\n", at);
    if (end < 0) return undefined;
    const size = Number.parseInt(rest.toString("latin1", at, end), 16);
    if (rest.length < end + 2 + size + 2) return undefined;
    if (size === 0) return Buffer.concat(parts);
    parts.push(rest.subarray(end + 2, end + 2 + size));
    at = end + 2 + size + 2;
  }
}
