// The porch: listens, with or without TLS, answers what the HTTP parser refuses, and ends what is too slow.
import { createServer, type Server } from "node:http";
import type { Http2SecureServer, Http2Session } from "node:http2";
import type { AddressInfo, Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { type Clock, every } from "#lib/clock";
import { Fault } from "#lib/fault";
import type { Log } from "#lib/log";
import type { Answer } from "./answer.ts";
import { type Connection, Connections } from "./connections.ts";
import type { Door } from "./guard.ts";
import { type Bodies, openBodies } from "./incoming.ts";
import { faultOfParser, noTunnel, tooSlow, wireOf } from "./refusal.ts";
import { type Observation, openServing, type Request, type Response, type Serve } from "./serve.ts";

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
/** Without TLS the runtime hangs up earlier: 8 to 12 seconds after a connection that has not sent its first headers. */
const headerMilliseconds = 30_000;
const keepAliveMilliseconds = 75_000;
const lingerMilliseconds = 3_000;
const sweepMilliseconds = 1_000;
const maxHeaderBytes = 32 * 1024;
/** Of one HTTP/2 session. */
const maxConcurrentStreams = 128;
const settings = {
  requestTimeout: 0,
  headersTimeout: headerMilliseconds,
  connectionsCheckingInterval: sweepMilliseconds,
  keepAliveTimeout: keepAliveMilliseconds,
  handshakeTimeout: headerMilliseconds,
  maxHeaderSize: maxHeaderBytes,
  // Else the runtime refuses a request without Host itself, without a body.
  requireHostHeader: false,
};

/** Listens on `host:port`; port 0 takes a free one. Rejects with the system's error when it cannot. */
export async function listen(options: ListenOptions): Promise<Listening> {
  const { host, port, door, refusal, certificate, observe = () => undefined, clock, log } = options;
  const bodies = openBodies(() => clock.now());
  const connections = new Connections(() => clock.now());
  const serve = openServing({ door, refusal, connections, bodies, observe, log });
  const server = await makeServer(certificate, serve);
  const refuse = async (socket: Socket, fault: Fault) => {
    // What the parser read before it gave up is served first, and in order.
    const mayWrite = await connections.settled(socket);
    if (!mayWrite) socket.destroy();
    if (socket.destroyed || !socket.writable) return;
    socket.end(wireOf(refusal(fault), clock.now()));
    // Who still sends gets to read it before a reset.
    socket.resume();
    setTimeout(() => socket.destroy(), lingerMilliseconds).unref();
  };
  watch(server, connections, serve, refuse);
  const limits = { headerMilliseconds, keepAliveMilliseconds };
  const sweep = every(sweepMilliseconds, async () => {
    endStalled(bodies);
    connections.sweep(limits, (connection, isFresh) => endLate(connection, isFresh, refuse));
  });
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

type Refuse = (socket: Socket, fault: Fault) => Promise<void>;

async function makeServer(certificate: Certificate | undefined, serve: Serve): Promise<Server | Http2SecureServer> {
  if (certificate === undefined) return createServer(settings, (request, response) => serve(request, response));
  const { createSecureServer } = await import("node:http2");
  const secure = { ...settings, ...certificate, allowHTTP1: true, settings: { maxConcurrentStreams } };
  return createSecureServer(secure, (request, response) => serve(request, response));
}

/** Takes in connections, and what does not become an ordinary request. */
function watch(server: Server | Http2SecureServer, connections: Connections, serve: Serve, refuse: Refuse): void {
  if ("setSecureContext" in server) {
    server.on("session", (session: Http2Session) => connections.add(session));
    server.on("secureConnection", (socket: TLSSocket) => {
      if (socket.alpnProtocol !== "h2") connections.add(socket);
    });
    // Before the handshake is done there is nobody to answer to.
    server.on("tlsClientError", (_error: Error, socket: TLSSocket) => socket.destroy());
  } else server.on("connection", (socket: Socket) => connections.add(socket));
  server.on("clientError", (error: Error, socket: Socket) => refuse(socket, faultOfParser(error)));
  server.on("checkExpectation", (request: Request, response: Response) =>
    serve(request, response, new Fault("unsupported", "expectation", "only 100-continue may be expected")),
  );
  server.on("connect", (request: Request, to: Socket | Response) =>
    "writeHead" in to ? serve(request, to, noTunnel()) : refuse(to, noTunnel()),
  );
}

function endLate(connection: Connection, isFresh: boolean, refuse: Refuse): void {
  if (!isFresh || "settings" in connection) connection.destroy();
  else void refuse(connection, tooSlow());
}

function endStalled({ since, now }: Bodies): void {
  const late = now() - bodyStallMilliseconds;
  for (const [body, at] of since) {
    if (at < late) body.stop(new Fault("invalid", "timeout", "no byte of the body came for too long"));
  }
}

async function close(
  server: Server | Http2SecureServer,
  connections: Connections,
  milliseconds: number,
): Promise<void> {
  const ended = new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
  const closeIdle = () => "closeIdleConnections" in server && server.closeIdleConnections();
  closeIdle();
  const idle = setInterval(closeIdle, 50);
  const timer = setTimeout(() => connections.destroy(), milliseconds);
  await ended;
  clearInterval(idle);
  clearTimeout(timer);
}
