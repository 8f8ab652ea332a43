// The porch: turns a request of node:http into a Call and sends the Answer. What the parser refuses is answered too.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { type Clock, every } from "#lib/clock";
import { errorCode, Fault } from "#lib/fault";
import { randomHex } from "#lib/id";
import type { Log } from "#lib/log";
import type { Answer, StreamBody } from "./answer.ts";
import { type Call, splitTarget } from "./call.ts";
import type { Door } from "./guard.ts";
import { RequestBody, type Stalls } from "./incoming.ts";

export interface ListenOptions {
  readonly host: string;
  readonly port: number;
  readonly door: Door;
  /** What is sent when the HTTP parser refuses a request: it never becomes a Call. */
  readonly refusal: (fault: Fault) => Answer;
  readonly clock: Clock;
  readonly log: Log;
}

export interface Listening {
  readonly host: string;
  readonly port: number;
  /** Stops accepting, lets requests under way end for `milliseconds`, then cuts them. */
  close(milliseconds: number): Promise<void>;
}

const bodyStallMilliseconds = 60_000;
const headerMilliseconds = 30_000;
const keepAliveMilliseconds = 75_000;
const maxHeaderBytes = 32 * 1024;
const maxDiscardedBytes = 64 * 1024;
const discardMilliseconds = 5_000;

/** Listens on `host:port`; port 0 takes a free one. Rejects with the system's error when it cannot. */
export async function listen(options: ListenOptions): Promise<Listening> {
  const { host, port, door, clock, log } = options;
  const stalls: Stalls = { since: new Map(), now: () => clock.now() };
  const identify = openIdentify();
  const server = createServer(
    {
      requestTimeout: 0,
      headersTimeout: headerMilliseconds,
      keepAliveTimeout: keepAliveMilliseconds,
      maxHeaderSize: maxHeaderBytes,
    },
    (request, response) => {
      serve(request, response, { door, stalls, identify, log });
    },
  );
  server.on("clientError", (error, socket) => refuse(error, socket as Socket, options.refusal));
  const sweep = every(1_000, async () => {
    const late = clock.now() - bodyStallMilliseconds;
    for (const [body, since] of stalls.since) {
      if (since < late) body.stop(new Fault("invalid", "request", "no byte of the body came for too long"));
    }
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => resolve());
  });
  const address = server.address() as AddressInfo;
  return {
    host: address.address,
    port: address.port,
    close: (milliseconds) => close(server, milliseconds).finally(() => sweep.stop()),
  };
}

async function close(server: Server, milliseconds: number): Promise<void> {
  const ended = new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
  server.closeIdleConnections();
  const idle = setInterval(() => server.closeIdleConnections(), 100);
  const timer = setTimeout(() => server.closeAllConnections(), milliseconds);
  await ended;
  clearInterval(idle);
  clearTimeout(timer);
}

/** Request ids: short, and different between processes. */
function openIdentify(): (asked: string | undefined) => string {
  const prefix = randomHex(4);
  let count = 0;
  return (asked) =>
    asked !== undefined && /^[\w.:-]{1,128}$/.test(asked) ? asked : `${prefix}-${(++count).toString(36)}`;
}

interface Serving {
  readonly door: Door;
  readonly stalls: Stalls;
  readonly identify: (asked: string | undefined) => string;
  readonly log: Log;
}

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  { door, stalls, identify, log }: Serving,
): Promise<void> {
  const body = new RequestBody(request, stalls);
  const call = callOf(request, body, identify);
  try {
    await send(request, response, body, await door(call));
  } catch (error) {
    // The door has its own catch: what arrives here broke while the answer was being sent. Cut it, so that it shows.
    log.warn(
      { requestId: call.requestId, method: call.method, path: call.path, err: error },
      "an answer was cut short",
    );
    request.socket.destroy();
  }
}

function callOf(request: IncomingMessage, body: RequestBody, identify: Serving["identify"]): Call {
  const { headers, method = "GET", url = "/" } = request;
  const length = headers["content-length"];
  const isChunked = headers["transfer-encoding"] !== undefined;
  return {
    method,
    ...splitTarget(url),
    header(name) {
      const value = headers[name];
      return Array.isArray(value) ? value.join(", ") : value;
    },
    body,
    contentLength: length === undefined ? (isChunked ? undefined : 0) : Number(length),
    address: request.socket.remoteAddress ?? "",
    requestId: identify(headers["x-request-id"] as string | undefined),
  };
}

async function send(
  request: IncomingMessage,
  response: ServerResponse,
  body: RequestBody,
  answer: Answer,
): Promise<void> {
  const headers = [...answer.headers];
  const isHead = request.method === "HEAD";
  const content = answer.body;
  if (content !== undefined)
    headers.push("Content-Length", String(content instanceof Uint8Array ? content.byteLength : content.length));
  else if (!isHead && answer.status !== 204 && answer.status !== 304) headers.push("Content-Length", "0");
  const isRude = !body.isComplete && bodyLength(request) > maxDiscardedBytes;
  if (isRude) headers.push("Connection", "close");
  if (answer.reason === undefined) response.writeHead(answer.status, headers);
  else response.writeHead(answer.status, answer.reason, headers);
  if (content === undefined || isHead) response.end();
  else if (content instanceof Uint8Array) response.end(content);
  else await sendStream(response, content);
  if (!body.isComplete) body.discard();
  if (isRude) setTimeout(() => request.socket.destroy(), discardMilliseconds).unref();
}

function bodyLength({ headers }: IncomingMessage): number {
  if (headers["content-length"] !== undefined) return Number(headers["content-length"]);
  return headers["transfer-encoding"] === undefined ? 0 : Number.POSITIVE_INFINITY;
}

async function sendStream(response: ServerResponse, content: StreamBody): Promise<void> {
  let sent = 0;
  try {
    for await (const part of content.read()) {
      if (response.destroyed) return;
      sent += part.byteLength;
      if (!response.write(part)) await drained(response);
      if (response.destroyed) return;
    }
  } finally {
    await content.close();
  }
  if (sent !== content.length) throw new Error(`${sent} bytes were sent where ${content.length} were said`);
  response.end();
}

/** Until there is room again, or the client is gone. */
function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      response.off("drain", done);
      response.off("close", done);
      resolve();
    };
    response.on("drain", done);
    response.on("close", done);
  });
}

function refuse(error: Error, socket: Socket, refusal: ListenOptions["refusal"]): void {
  if (socket.destroyed || !socket.writable) return;
  const code = errorCode(error);
  const fault =
    code === "HPE_HEADER_OVERFLOW"
      ? new Fault("too-large", "request", "the headers of the request are too large")
      : new Fault("invalid", "request", "the request is not valid HTTP");
  const { status, headers, body } = refusal(fault);
  const text = body instanceof Uint8Array ? new TextDecoder().decode(body) : "";
  const lines = headers.flatMap((each, i) => (i % 2 === 0 ? [`${each}: ${headers[i + 1]}`] : []));
  const head = [`HTTP/1.1 ${status} ${status === 431 ? "Request Header Fields Too Large" : "Bad Request"}`, ...lines];
  socket.end(`${head.join("\r\n")}\r\nContent-Length: ${Buffer.byteLength(text)}\r\nConnection: close\r\n\r\n${text}`);
}
