// Connections: what each is answering, and since when it waits for a request. One sweep ends those that wait too long, on
// every kind of listener; the runtime has such timers for some kinds only.
import type { Http2Session } from "node:http2";
import type { Socket } from "node:net";
import type { Request, Response } from "./serve.ts";

/** A socket of HTTP/1.1, or a session of HTTP/2. */
export type Connection = Socket | Http2Session;

interface State {
  /** What is being answered, and perhaps what has been: looked through when somebody asks, for each request has its price. */
  readonly running: Response[];
  /** Since when nothing is being answered, to the second. */
  since: number;
  /** No request has come yet. */
  isFresh: boolean;
  /** Of the other side. Kept: to ask the runtime for it is as dear as a whole header, and a closed socket does not say it. */
  address: string | undefined;
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
    this.#states.set(connection, { running: [], since: this.#now(), isFresh: true, address: undefined });
    connection.once("close", () => this.#states.delete(connection));
  }

  /** The connection of a request is busy until its response has been sent. Returns the address that the request comes from. */
  begin(request: Request, response: Response): string {
    const connection = connectionOf(request);
    const state = connection === undefined ? undefined : this.#states.get(connection);
    if (state === undefined) return request.socket?.remoteAddress ?? "";
    dropSent(state.running);
    state.running.push(response);
    state.isFresh = false;
    state.address ??= request.socket?.remoteAddress ?? "";
    return state.address;
  }

  /**
   * Waits until the requests that came whole have been answered; true when what follows may be written, false when an answer
   * to a request that will never be whole has been begun.
   */
  async settled(connection: Connection): Promise<boolean> {
    const find = () => (this.#states.get(connection)?.running ?? []).filter(isRunning);
    const findWhole = () => find().find(({ req }) => req.complete);
    for (let whole = findWhole(); whole !== undefined; whole = findWhole()) {
      const response = whole;
      await new Promise((resolve) => response.once("close", resolve));
    }
    return !find().some((response) => response.headersSent);
  }

  /** Calls `end` with each connection that has waited too long, and whether it has ever sent a request. */
  sweep(
    { headerMilliseconds, keepAliveMilliseconds }: Limits,
    end: (connection: Connection, isFresh: boolean) => void,
  ) {
    const now = this.#now();
    for (const [connection, state] of this.#states) {
      const { running, since, isFresh } = state;
      if (running.length > 0) {
        dropSent(running);
        state.since = now;
      } else if (now - since > (isFresh ? headerMilliseconds : keepAliveMilliseconds)) end(connection, isFresh);
    }
  }

  /** Cuts all of them. */
  destroy(): void {
    for (const connection of this.#states.keys()) connection.destroy();
  }
}

function isRunning(response: Response): boolean {
  return !response.writableFinished && !response.destroyed;
}

function dropSent(responses: Response[]): void {
  let kept = 0;
  for (const response of responses) if (isRunning(response)) responses[kept++] = response;
  responses.length = kept;
}
