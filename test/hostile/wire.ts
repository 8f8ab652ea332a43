// HTTP as bytes: what a test sends is what goes out, and what comes back is taken apart without trusting it.
import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { TestServer } from "../server.ts";

/** One answer on a connection. */
export interface WireAnswer {
  readonly status: number;
  /** By lower-case name; several of one name are joined. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface Exchanged {
  /** The final answers, in the order in which they came. */
  readonly answers: readonly WireAnswer[];
  /** All bytes that came, as Latin-1. */
  readonly text: string;
  /** The server ended the connection. */
  readonly isClosed: boolean;
}

export interface Wanted {
  /** After how many answers the connection is left; without it, when the server ends it. */
  readonly answers?: number;
  /** For requests whose answers have no body although they have a length. */
  readonly isHead?: boolean;
}

export type Part = string | Uint8Array;

/** A connection to a server, with TLS where it speaks that. Errors are not thrown: `close` follows them. */
export async function dial({ url }: Pick<TestServer, "url">): Promise<Socket> {
  const { protocol, hostname, port } = new URL(url);
  const socket = await new Promise<Socket>((resolve, reject) => {
    const options = { host: hostname, port: Number(port), rejectUnauthorized: false, ALPNProtocols: ["http/1.1"] };
    const made: Socket =
      protocol === "https:" ? connectTls(options, () => resolve(made)) : connect(options, () => resolve(made));
    made.once("error", reject);
  });
  socket.on("error", () => undefined);
  return socket;
}

/** Sends `parts` on a connection of their own, and gives what came back. It waits as long as its test does. */
export async function exchange(
  server: Pick<TestServer, "url">,
  parts: Part | readonly Part[],
  { answers: wanted = Number.POSITIVE_INFINITY, isHead = false }: Wanted = {},
): Promise<Exchanged> {
  const socket = await dial(server);
  const came: Buffer[] = [];
  const read = () => {
    const text = Buffer.concat(came).toString("latin1");
    return { text, answers: readAnswers(text, isHead) };
  };
  return new Promise((resolve) => {
    socket.on("data", (part: Buffer) => {
      came.push(part);
      const { text, answers } = read();
      if (answers.length < wanted) return;
      resolve({ text, answers, isClosed: false });
      socket.destroy();
    });
    socket.on("close", () => resolve({ ...read(), isClosed: true }));
    for (const part of [parts].flat()) socket.write(part);
  });
}

/** The final answers in what came; an unfinished one is left out. */
export function readAnswers(text: string, isHead: boolean): WireAnswer[] {
  const answers: WireAnswer[] = [];
  let rest = text;
  for (;;) {
    const end = rest.indexOf("\r\n\r\n");
    if (end < 0) return answers;
    const [line = "", ...lines] = rest.slice(0, end).split("\r\n");
    const status = Number(/^HTTP\/1\.1 (\d{3}) [\w' -]+$/.exec(line)?.[1]);
    if (Number.isNaN(status)) throw new Error(`no answer of HTTP/1.1 begins like this: ${JSON.stringify(line)}`);
    const headers = readHeaders(lines);
    const hasBody = !isHead && status >= 200 && status !== 204 && status !== 304;
    const length = hasBody ? Number(headers["content-length"]) : 0;
    const begin = end + 4;
    // Every answer of Berth says how long it is.
    if (Number.isNaN(length)) throw new Error(`an answer without a length: ${JSON.stringify(rest.slice(0, end))}`);
    if (rest.length < begin + length) return answers;
    if (status >= 200) answers.push({ status, headers, body: rest.slice(begin, begin + length) });
    rest = rest.slice(begin + length);
  }
}

function readHeaders(lines: readonly string[]): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const [, name = "", value = ""] = /^([\w-]+): ([^\r\n\0]*)$/.exec(line) ?? [];
    if (name === "") throw new Error(`no header: ${JSON.stringify(line)}`);
    const key = name.toLowerCase();
    headers[key] = headers[key] === undefined ? value : `${headers[key]}, ${value}`;
  }
  return headers;
}

/** A request line and headers, with a Host and, when there is a body, its length; then the body. */
export function request(method: string, target: string, headers: readonly string[] = [], body?: Part): Buffer {
  const bytes = typeof body === "string" ? Buffer.from(body) : body;
  const length = bytes === undefined ? [] : [`Content-Length: ${bytes.byteLength}`];
  const head = [`${method} ${target} HTTP/1.1`, "Host: registry.example", ...headers, ...length].join("\r\n");
  return Buffer.concat([Buffer.from(`${head}\r\n\r\n`, "latin1"), ...(bytes === undefined ? [] : [bytes])]);
}

/** A request whose head is given line by line, as it is. */
export function lines(...head: readonly string[]): Buffer {
  return Buffer.from(`${head.join("\r\n")}\r\n\r\n`, "latin1");
}
