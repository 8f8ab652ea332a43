// A call as it comes from a socket. What few doors ask for (the query, the body) is made when it is asked for:
// a manifest is pulled ten thousand times a second, and each object has its price.
import type { Incoming } from "#lib/stream";
import { type Call, type Notes, splitTarget } from "./call.ts";
import { isSaid, originForm } from "./framing.ts";
import { type Bodies, RequestBody } from "./incoming.ts";
import type { Request } from "./serve.ts";

export class ArrivingCall implements Call {
  readonly method: string;
  readonly path: string;
  readonly requestId: string;
  readonly address: string;
  readonly notes: Notes = {};
  readonly #request: Request;
  readonly #bodies: Bodies;
  #body: RequestBody | undefined;
  #query: URLSearchParams | undefined;

  constructor(request: Request, address: string, bodies: Bodies, identify: (asked: string | undefined) => string) {
    const { method = "GET", url = "/" } = request;
    this.#request = request;
    this.#bodies = bodies;
    this.method = method;
    this.address = address;
    const target = originForm(url);
    const mark = target.indexOf("?");
    this.path = mark < 0 ? target : target.slice(0, mark);
    this.requestId = identify(this.header("x-request-id"));
  }

  get query(): URLSearchParams {
    this.#query ??= splitTarget(originForm(this.#request.url ?? "/")).query;
    return this.#query;
  }

  get body(): Incoming {
    this.#body ??= new RequestBody(this.#request, this.#bodies);
    return this.#body;
  }

  get contentLength(): number | undefined {
    const request = this.#request;
    const length = this.header("content-length");
    if (length !== undefined) return Number(length);
    if ("stream" in request && request.stream !== undefined) return request.stream.endAfterHeaders ? 0 : undefined;
    return this.header("transfer-encoding") === undefined ? 0 : undefined;
  }

  /** How many bytes of the body have come in to whoever read it. */
  get received(): number {
    return this.#body?.received ?? 0;
  }

  /** How many bytes of the body are still to come: 0 when it is whole, or there is none; infinite when nobody knows. */
  get left(): number {
    const isWhole = this.#request.complete || this.#body?.isComplete === true;
    return isWhole ? 0 : (this.contentLength ?? Number.POSITIVE_INFINITY);
  }

  header(name: string): string | undefined {
    // Most of what is asked for is not there, and the runtime makes an object of all headers for who asks it.
    if (!isSaid(this.#request, name)) return undefined;
    const { headers } = this.#request;
    const value = headers[name] ?? (name === "host" ? headers[":authority"] : undefined);
    return Array.isArray(value) ? value.join(", ") : value;
  }
}
