// A request as the doors see it: plain, and the same whether it came from a socket or a test.
import { Fault } from "#lib/fault";
import { type Incoming, incomingOf } from "#lib/stream";

/** What a door knows of a call and the porch does not: for logs and counters. */
export interface Notes {
  protocol?: string;
  action?: string;
  repository?: string;
  actor?: string;
}

export interface Call {
  readonly method: string;
  /** As it was sent: not decoded, without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** A header by its lower-case name; several of one name are joined as HTTP allows. */
  header(name: string): string | undefined;
  readonly body: Incoming;
  /** The body's length in bytes, when it was said; 0 when there is no body. */
  readonly contentLength: number | undefined;
  readonly address: string;
  readonly requestId: string;
  /** Filled in by the door. */
  readonly notes: Notes;
}

export interface CallParts {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string | Incoming;
  readonly address?: string;
}

/** A call without a socket. `target` is a path with its query. */
export function call(
  method: string,
  target: string,
  { headers = {}, body, address = "127.0.0.1" }: CallParts = {},
): Call {
  const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
  const isArriving = bytes !== undefined && !(bytes instanceof Uint8Array);
  return {
    method,
    ...splitTarget(target),
    header: (name) => headers[name],
    body: isArriving ? bytes : incomingOf(...(bytes === undefined ? [] : [bytes])),
    contentLength: isArriving ? undefined : (bytes?.byteLength ?? 0),
    address,
    requestId: "test",
    notes: {},
  };
}

/** The path and the query of a request target. A plus in a query is a plus: media types hold them. */
export function splitTarget(target: string): { path: string; query: URLSearchParams } {
  const mark = target.indexOf("?");
  if (mark < 0) return { path: target, query: new URLSearchParams() };
  return { path: target.slice(0, mark), query: new URLSearchParams(target.slice(mark + 1).replaceAll("+", "%2B")) };
}

const forbidden = /\p{Cc}/u;

/** The path decoded, once. Fault: invalid name (control characters, dot segments, bad escapes). */
export function decodePath(path: string): string {
  const bad = () => new Fault("invalid", "name", "the path holds what no name may hold");
  let decoded = path;
  if (path.includes("%")) {
    try {
      decoded = decodeURIComponent(path);
    } catch {
      throw bad();
    }
  }
  if (forbidden.test(decoded) || /(?:^|\/)\.{1,2}(?:\/|$)/.test(decoded)) throw bad();
  return decoded;
}
