// The body of a request: bounded in memory, ended by a stall, by the client, or by whoever may stop it.
import { Fault } from "#lib/fault";
import type { Incoming } from "#lib/stream";
import type { Request } from "./serve.ts";

const maxQueuedBytes = 256 * 1024;

interface Waiting {
  resolve(result: IteratorResult<Uint8Array>): void;
  reject(error: Error): void;
}

/** Bodies that wait for the next byte, with the time since when: one sweep ends those that stall. */
export interface Stalls {
  readonly since: Map<RequestBody, number>;
  now(): number;
}

export class RequestBody implements Incoming {
  readonly #request: Request;
  readonly #stalls: Stalls;
  readonly #queue: Uint8Array[] = [];
  #queued = 0;
  #received = 0;
  #isRead = false;
  #isEnded = false;
  #failure: Error | undefined;
  #waiting: Waiting | undefined;

  constructor(request: Request, stalls: Stalls) {
    this.#request = request;
    this.#stalls = stalls;
  }

  /** Whether all of it has been taken in. */
  get isComplete(): boolean {
    return this.#request.complete || (this.#isEnded && this.#failure === undefined);
  }

  /** How many bytes have come in. */
  get received(): number {
    return this.#received;
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    if (!this.#isRead) this.#listen();
    return { next: () => this.#next() };
  }

  stop(reason: Error): void {
    this.#queue.length = 0;
    this.#end(reason);
  }

  #listen(): void {
    this.#isRead = true;
    const request = this.#request;
    const gone = () => this.#end(new Fault("invalid", "request", "the client went away before the body was complete"));
    request.on("data", (part: Uint8Array) => this.#take(part));
    request.on("end", () => (request.complete ? this.#end(undefined) : gone()));
    request.on("aborted", gone);
    request.on("error", gone);
    request.on("close", () => (request.complete ? this.#end(undefined) : gone()));
    if (request.destroyed && !request.complete) gone();
  }

  #take(part: Uint8Array): void {
    if (this.#isEnded) return;
    this.#received += part.byteLength;
    const waiting = this.#settle();
    if (waiting !== undefined) {
      waiting.resolve({ done: false, value: part });
      return;
    }
    this.#queue.push(part);
    this.#queued += part.byteLength;
    if (this.#queued >= maxQueuedBytes) this.#request.pause();
  }

  #end(failure: Error | undefined): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#failure = failure;
    const waiting = this.#settle();
    if (failure === undefined) waiting?.resolve({ done: true, value: undefined });
    else waiting?.reject(failure);
  }

  #settle(): Waiting | undefined {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting !== undefined) this.#stalls.since.delete(this);
    return waiting;
  }

  #next(): Promise<IteratorResult<Uint8Array>> {
    const part = this.#queue.shift();
    if (part !== undefined) {
      this.#queued -= part.byteLength;
      if (this.#queued < maxQueuedBytes / 4 && this.#request.isPaused()) this.#request.resume();
      return Promise.resolve({ done: false, value: part });
    }
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (this.#isEnded) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#stalls.since.set(this, this.#stalls.now());
    });
  }
}
