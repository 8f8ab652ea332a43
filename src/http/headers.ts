// The headers of a response of HTTP/1, all at once. `setHeader` looks at each name and value again and costs a microsecond a
// header, a fifth of a pull that is answered from memory. The runtime keeps headers in an object under a symbol, by lower-case
// name, as Node does; where there is no such symbol they are set one by one.
import { OutgoingMessage, type ServerResponse } from "node:http";
import type { Answer } from "./answer.ts";

/** Headers as the runtime keeps them: by lower-case name. */
export type ReadyHeaders = Record<string, readonly [name: string, value: string | string[]]>;

/** What the porch knows of an answer beside what the door said. */
export interface Framing {
  /** Content-Length, where the door has not said it and there is one. */
  readonly length: number | undefined;
  /** The connection ends after this answer. */
  readonly isLast: boolean;
}

const place = Object.getOwnPropertySymbols(new OutgoingMessage()).find(
  ({ description }) => description === "kOutHeaders",
);
/** https://www.rfc-editor.org/rfc/rfc9110#section-5.5 */
const forbidden = /[^\t\x20-\x7e\x80-\xff]/;
/** Most of what doors write. */
const common = [
  "Content-Type",
  "Docker-Content-Digest",
  "ETag",
  "Docker-Distribution-Api-Version",
  "X-Content-Type-Options",
];
const others = ["Content-Security-Policy", "Location", "Range", "Docker-Upload-UUID", "Cache-Control", "Accept-Ranges"];
const lowerNames = new Map([...common, ...others].map((name) => [name, name.toLowerCase()]));

/** Headers of an answer that will be given again: they were looked through once. */
export interface KeptHeaders {
  readonly headers: readonly string[];
  readonly ready: ReadyHeaders;
}

/** Throws when a value holds what no header may. */
export function keepHeaders(flat: readonly string[]): KeptHeaders {
  return { headers: flat, ready: headersOf(flat) };
}

/**
 * Sets the headers of a response that has none: names and values in turn, sent in that order, and after them what frames the
 * answer. Throws when a value holds what no header may.
 */
export function setHeaders(
  response: ServerResponse,
  { headers: flat, ready }: Pick<Answer, "headers" | "ready">,
  { length, isLast }: Framing,
): void {
  // What is kept is not changed: the runtime writes into the object that it is given.
  const headers = ready === undefined ? headersOf(flat) : length === undefined && !isLast ? ready : { ...ready };
  if (length !== undefined) headers["content-length"] = ["Content-Length", String(length)];
  if (isLast) headers["connection"] ??= ["Connection", "close"];
  if (place !== undefined) (response as unknown as Record<symbol, ReadyHeaders>)[place] = headers;
  else for (const [name, value] of Object.values(headers)) response.setHeader(name, value);
}

function headersOf(flat: readonly string[]): ReadyHeaders {
  const headers: ReadyHeaders = {};
  for (let i = 0; i < flat.length; i += 2) {
    const name = flat[i] ?? "";
    const value = flat[i + 1] ?? "";
    if (forbidden.test(value)) throw new Error(`the header ${name} holds what no header may`);
    const key = lowerNames.get(name) ?? name.toLowerCase();
    const before = headers[key];
    headers[key] = [name, before === undefined ? value : [before[1], value].flat()];
  }
  return headers;
}
