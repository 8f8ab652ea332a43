// An answer as the doors give it: plain data; the porch sends it.
import type { Soon } from "#lib/soon";
import type { ReadyHeaders } from "./headers.ts";

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
  /** What `keepHeaders` made of them. */
  readonly ready?: ReadyHeaders;
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
export function withoutBody(answer: Answer): Soon<Answer> {
  const { body, ...head } = answer;
  if (body === undefined) return answer;
  const length = body instanceof Uint8Array ? body.byteLength : body.length;
  const { ready: _, ...others } = head;
  const headers = [...head.headers, "Content-Length", String(length)];
  const bare = hasLength(head.headers) ? head : { ...others, headers };
  return body instanceof Uint8Array ? bare : body.close().then(() => bare);
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
