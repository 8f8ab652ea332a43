// An answer as the doors give it: plain data; the porch sends it.
import type { Soon } from "#lib/soon";

/** Bytes that are sent as they are read. `length` is known before the headers go. */
export interface StreamBody {
  readonly length: number;
  read(): AsyncIterable<Uint8Array>;
  /** Takes a part back that has left this process, so that its memory is used again. */
  takeBack?(part: Uint8Array): void;
  close(): Promise<void>;
}

export interface Answer {
  readonly status: number;
  readonly reason?: string;
  /**
   * Names and values in turn, in the order in which they are sent. The porch adds Content-Length, unless the door has placed
   * it: doors do for HEAD, and where the order matters.
   */
  readonly headers: readonly string[];
  readonly body?: Uint8Array | StreamBody;
}

const encoder = new TextEncoder();

/** An answer without a body. */
export function empty(status: number, ...headers: readonly string[]): Answer {
  return { status, headers };
}

export function json(
  status: number,
  value: unknown,
  headers: readonly string[] = [],
  contentType = "application/json",
): Answer {
  return { status, headers: ["Content-Type", contentType, ...headers], body: encoder.encode(JSON.stringify(value)) };
}

/** The answer that HEAD gets where GET would get this one: the length is said, the body stays. Closes a stream. */
export function withoutBody({ status, reason, headers, body }: Answer): Soon<Answer> {
  if (body === undefined) return { status, headers, ...(reason === undefined ? {} : { reason }) };
  const length = body instanceof Uint8Array ? body.byteLength : body.length;
  const answer = {
    status,
    headers: hasLength(headers) ? headers : [...headers, "Content-Length", String(length)],
    ...(reason === undefined ? {} : { reason }),
  };
  return body instanceof Uint8Array ? answer : body.close().then(() => answer);
}

/** Whether the door has placed Content-Length itself. */
export function hasLength(headers: readonly string[]): boolean {
  return headers.some((each, i) => i % 2 === 0 && each.length === 14 && each.toLowerCase() === "content-length");
}

/** The value of a header of an answer. */
export function headerOf({ headers }: Answer, name: string): string | undefined {
  const at = headers.findIndex((each, i) => i % 2 === 0 && each.toLowerCase() === name.toLowerCase());
  return at < 0 ? undefined : headers[at + 1];
}
