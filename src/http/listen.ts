// The porch: listens, with or without TLS, and answers what the HTTP parser refuses.
import { createServer, type Server } from "node:http";
import { createSecureServer, type Http2SecureServer } from "node:http2";
import type { AddressInfo, Socket } from "node:net";
import { type Clock, every } from "#lib/clock";
import { errorCode, Fault } from "#lib/fault";
import type { Log } from "#lib/log";
import type { Answer } from "./answer.ts";
import type { Door } from "./guard.ts";
import type { Stalls } from "./incoming.ts";
import { type Observation, openServing, type Request, type Response } from "./serve.ts";

/** A certificate chain and its key, in PEM. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

export interface ListenOptions {
  readonly host: string;
  readonly port: number;
  readonly door: Door;
  /** What is sent when the HTTP parser refuses a request: it never becomes a Call. */
  readonly refusal: (fault: Fault) => Answer;
  /** Speaks HTTPS, HTTP/2 and HTTP/1.1 on one port. */
  readonly certificate?: Certificate;
  readonly observe?: (observation: Observation) => void;
  readonly clock: Clock;
  readonly log: Log;
}

export interface Listening {
  readonly host: string;
  readonly port: number;
  /** New connections use this certificate. */
  recertify(certificate: Certificate): void;
  /** Stops accepting, lets requests under way end for `milliseconds`, then cuts them. */
  close(milliseconds: number): Promise<void>;
}

const bodyStallMilliseconds = 60_000;
const headerMilliseconds = 30_000;
const keepAliveMilliseconds = 75_000;
const maxHeaderBytes = 32 * 1024;
const settings = {
  requestTimeout: 0,
  headersTimeout: headerMilliseconds,
  keepAliveTimeout: keepAliveMilliseconds,
  maxHeaderSize: maxHeaderBytes,
};

/** Listens on `host:port`; port 0 takes a free one. Rejects with the system's error when it cannot. */
export async function listen(options: ListenOptions): Promise<Listening> {
  const { host, port, door, certificate, observe = () => undefined, clock, log } = options;
  const stalls: Stalls = { since: new Map(), now: () => clock.now() };
  const serve = openServing({ door, stalls, observe, log });
  const connections = new Set<Socket>();
  const server = makeServer(certificate, serve);
  server.on("clientError", (error: Error, socket: Socket) => refuse(error, socket, options.refusal));
  server.on(certificate === undefined ? "connection" : "secureConnection", (socket: Socket) => {
    connections.add(socket);
    socket.once("close", () => connections.delete(socket));
  });
  const sweep = every(1_000, async () => endStalled(stalls));
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => resolve());
  });
  const address = server.address() as AddressInfo;
  return {
    host: address.address,
    port: address.port,
    recertify(next) {
      if ("setSecureContext" in server) server.setSecureContext(next);
    },
    async close(milliseconds) {
      await close(server, connections, milliseconds);
      sweep.stop();
    },
  };
}

function makeServer(
  certificate: Certificate | undefined,
  serve: (request: Request, response: Response) => Promise<void>,
): Server | Http2SecureServer {
  if (certificate === undefined) return createServer(settings, serve);
  return createSecureServer({ ...settings, ...certificate, allowHTTP1: true }, serve);
}

function endStalled({ since, now }: Stalls): void {
  const late = now() - bodyStallMilliseconds;
  for (const [body, at] of since) {
    if (at < late) body.stop(new Fault("invalid", "request", "no byte of the body came for too long"));
  }
}

async function close(
  server: Server | Http2SecureServer,
  connections: ReadonlySet<Socket>,
  milliseconds: number,
): Promise<void> {
  const ended = new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
  const closeIdle = () => "closeIdleConnections" in server && server.closeIdleConnections();
  closeIdle();
  const idle = setInterval(closeIdle, 50);
  const timer = setTimeout(() => {
    for (const connection of connections) connection.destroy();
  }, milliseconds);
  await ended;
  clearInterval(idle);
  clearTimeout(timer);
}

function refuse(error: Error, socket: Socket, refusal: ListenOptions["refusal"]): void {
  if (socket.destroyed || !socket.writable) return;
  const isTooLarge = errorCode(error) === "HPE_HEADER_OVERFLOW";
  const fault = isTooLarge
    ? new Fault("too-large", "request", "the headers of the request are too large")
    : new Fault("invalid", "request", "the request is not valid HTTP");
  const { status, headers, body } = refusal(fault);
  const text = body instanceof Uint8Array ? new TextDecoder().decode(body) : "";
  const lines = headers.flatMap((each, i) => (i % 2 === 0 ? [`${each}: ${headers[i + 1]}`] : []));
  const head = [`HTTP/1.1 ${status} ${isTooLarge ? "Request Header Fields Too Large" : "Bad Request"}`, ...lines];
  socket.end(`${head.join("\r\n")}\r\nContent-Length: ${Buffer.byteLength(text)}\r\nConnection: close\r\n\r\n${text}`);
}
