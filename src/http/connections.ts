// Connections: what each is answering, and since when it waits for a request. One sweep ends those that wait too long, on
// every kind of listener; the runtime has such timers for some kinds only.
import type { Http2Session } from "node:http2";
import type { Socket } from "node:net";
import type { Request, Response } from "./serve.ts";

/** A socket of HTTP/1.1, or a session of HTTP/2. */
export type Connection = Socket | Http2Session;

interface Exchange {
  readonly request: Request;
  readonly response: Response;
}

interface State {
  readonly running: Set<Exchange>;
  /** Since when nothing is being answered. */
  since: number;
  /** No request has come yet. */
  isFresh: boolean;
}

export interface Limits {
  /** For the headers of the first request, in milliseconds. */
  readonly headerMilliseconds: number;
  /** For the next request, in milliseconds. */
  readonly keepAliveMilliseconds: number;
}

/** The connection that a request came on. */
export function connectionOf(request: Request): Connection | undefined {
  return "stream" in request ? request.stream?.session : request.socket;
}

export class Connections {
  readonly #states = new Map<Connection, State>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Watches a connection until it closes. */
  add(connection: Connection): void {
    this.#states.set(connection, { running: new Set(), since: this.#now(), isFresh: true });
    connection.once("close", () => this.#states.delete(connection));
  }

  /** The connection of a request is busy until its response closes. */
  begin(request: Request, response: Response): void {
    const connection = connectionOf(request);
    const state = connection === undefined ? undefined : this.#states.get(connection);
    if (state === undefined) return;
    const exchange = { request, response };
    state.running.add(exchange);
    state.isFresh = false;
    response.once("close", () => {
      state.running.delete(exchange);
      state.since = this.#now();
    });
  }

  /**
   * Waits until the requests that came whole have been answered; true when what follows may be written, false when an answer
   * to a request that will never be whole has been begun.
   */
  async settled(connection: Connection): Promise<boolean> {
    const running = this.#states.get(connection)?.running ?? new Set();
    const isWhole = ({ request }: Exchange) => request.complete;
    while ([...running].some(isWhole)) {
      const [first] = [...running].filter(isWhole);
      await new Promise((resolve) => first?.response.once("close", resolve));
    }
    return ![...running].some(({ response }) => response.headersSent);
  }

  /** Calls `end` with each connection that has waited too long, and whether it has ever sent a request. */
  sweep(
    { headerMilliseconds, keepAliveMilliseconds }: Limits,
    end: (connection: Connection, isFresh: boolean) => void,
  ) {
    const now = this.#now();
    for (const [connection, { running, since, isFresh }] of this.#states) {
      if (running.size > 0) continue;
      if (now - since > (isFresh ? headerMilliseconds : keepAliveMilliseconds)) end(connection, isFresh);
    }
  }

  /** Cuts all of them. */
  destroy(): void {
    for (const connection of this.#states.keys()) connection.destroy();
  }
}
