// One request: made a Call, given to the door, its Answer sent, and what became of it told to whoever counts.
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import type { Fault } from "#lib/fault";
import { randomHex } from "#lib/id";
import type { Log } from "#lib/log";
import { type Answer, hasLength, type StreamBody } from "./answer.ts";
import { ArrivingCall } from "./arriving-call.ts";
import type { Notes } from "./call.ts";
import type { Connections } from "./connections.ts";
import { faultOf } from "./framing.ts";
import type { Door } from "./guard.ts";
import { setHeaders } from "./headers.ts";
import type { Bodies } from "./incoming.ts";

export type Request = IncomingMessage | Http2ServerRequest;
export type Response = ServerResponse | Http2ServerResponse;

/** What became of a request, for logs and counters. `status` 499: the client went away. */
export interface Observation {
  readonly method: string;
  readonly path: string;
  readonly requestId: string;
  readonly address: string;
  readonly notes: Notes;
  readonly status: number;
  /** Of the answer's body. */
  readonly bytes: number;
  /** Of the request's body, as far as it was read. */
  readonly received: number;
  readonly milliseconds: number;
}

export interface Serving {
  readonly door: Door;
  /** The answer to what no door gets to see. */
  readonly refusal: (fault: Fault) => Answer;
  readonly connections: Connections;
  readonly bodies: Bodies;
  readonly observe: (observation: Observation) => void;
  readonly log: Log;
}

/**
 * Serves a request, or refuses it for a reason that is known already. Never rejects. What the door has at hand is sent before
 * this returns.
 */
export type Serve = (request: Request, response: Response, refused?: Fault) => Promise<void>;

const maxDiscardedBytes = 64 * 1024;
const lingerMilliseconds = 3_000;
const cutShort = 499;

/** Serves requests with `door`. */
export function openServing({ door, refusal, connections, bodies, observe, log }: Serving): Serve {
  const identify = openIdentify();
  return async (request, response, refused) => {
    const began = performance.now();
    const call = new ArrivingCall(request, connections.begin(request, response), bodies, identify);
    let status = cutShort;
    let bytes = 0;
    try {
      const malformed = faultOf(request);
      const fault = malformed ?? refused;
      const asked = fault === undefined ? door(call) : refusal(fault);
      const answer = asked instanceof Promise ? await asked : asked;
      const sent = send(request, response, call, malformed === undefined ? answer : asLast(answer));
      bytes = typeof sent === "number" ? sent : await sent;
      status = answer.status;
    } catch (error) {
      // The door has its own catch: what arrives here broke while the answer was being sent. Cut it, so that it shows.
      log.warn(
        { requestId: call.requestId, method: call.method, path: call.path, err: error },
        "an answer was cut short",
      );
      cut(request, response);
    }
    const { method, path, requestId, address, notes, received } = call;
    const milliseconds = performance.now() - began;
    observe({ method, path, requestId, address, notes, status, bytes, received, milliseconds });
  };
}

/** Request ids: the caller's if sane, else short, and different between processes. */
function openIdentify(): (asked: string | undefined) => string {
  const prefix = randomHex(4);
  let count = 0;
  return (asked) =>
    asked !== undefined && /^[\w.:-]{1,128}$/.test(asked) ? asked : `${prefix}-${(++count).toString(36)}`;
}

function cut(request: Request, response: Response): void {
  if (isHttp2(response)) response.stream?.close();
  else request.socket.destroy();
}

function isHttp2(response: Response): response is Http2ServerResponse {
  return "stream" in response && response.stream !== undefined;
}

/** Sends an answer; returns how many bytes its body has. What is at hand goes at once, without another turn of the loop. */
function send(request: Request, response: Response, call: ArrivingCall, answer: Answer): number | Promise<number> {
  const { status, body: content } = answer;
  const isHead = request.method === "HEAD";
  const length = content === undefined ? 0 : content instanceof Uint8Array ? content.byteLength : content.length;
  const mayHaveLength = content !== undefined || (!isHead && status !== 204 && status !== 304);
  const said = mayHaveLength && !hasLength(answer.headers) ? length : undefined;
  const left = call.left;
  if (isHttp2(response)) response.writeHead(status, headersOf(answer.headers, said));
  else {
    setHeaders(response, answer, { length: said, isLast: left > maxDiscardedBytes });
    if (answer.reason === undefined) response.writeHead(status);
    else response.writeHead(status, answer.reason);
  }
  const sent = isHead ? 0 : length;
  if (content instanceof Uint8Array && !isHead) {
    if (left === 0) response.end(content);
    else {
      write(response, content);
      linger(request, response);
    }
    return sent;
  }
  const end = () => {
    if (left !== 0) linger(request, response);
    else if (!response.writableEnded) response.end();
    return sent;
  };
  return content === undefined || content instanceof Uint8Array || isHead
    ? end()
    : sendStream(response, content).then(end);
}

/**
 * Reads on for a while before the answer is ended, which may close the connection: closed on a client that still sends, the
 * system would reset it, and the client might never read the answer. That is whole by its length.
 */
function linger(request: Request, response: Response): void {
  if (isHttp2(response)) response.end();
  else response.flushHeaders();
  const over = setTimeout(() => cut(request, response), lingerMilliseconds).unref();
  request.once("end", () => response.end());
  response.once("close", () => clearTimeout(over));
  request.removeAllListeners("data");
  request.resume();
}

/** The answer after which the connection ends: what follows on it cannot be trusted. */
function asLast(answer: Answer): Answer {
  const { ready: _, ...rest } = answer;
  return { ...rest, headers: [...answer.headers, "Connection", "close"] };
}

/** Headers by name, as HTTP/2 takes them: the connection is not theirs. */
function headersOf(flat: readonly string[], length: number | undefined): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = {};
  for (let i = 0; i < flat.length; i += 2) {
    const name = (flat[i] ?? "").toLowerCase();
    if (name === "connection") continue;
    const value = flat[i + 1] ?? "";
    const before = headers[name];
    headers[name] = before === undefined ? value : [before, value].flat();
  }
  if (length !== undefined) headers["content-length"] = String(length);
  return headers;
}

async function sendStream(response: Response, content: StreamBody): Promise<void> {
  let sent = 0;
  try {
    for await (const part of content.read()) {
      if (response.destroyed) break;
      sent += part.byteLength;
      if (write(response, part)) continue;
      await drained(response);
      if (response.destroyed) break;
      // Only a drain says that the bytes are with the system: after a write that was taken at once they may not be.
      content.takeBack?.(part);
    }
  } finally {
    await content.close();
  }
  if (response.destroyed) throw new Error("the client went away");
  if (sent !== content.length) throw new Error(`${sent} bytes were sent where ${content.length} were said`);
}

function write(response: Response, part: Uint8Array): boolean {
  return isHttp2(response) ? response.write(part) : response.write(part);
}

/** Until there is room again, or the client is gone. */
function drained(response: Response): Promise<void> {
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
