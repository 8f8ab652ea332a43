// The headers of a response of HTTP/1, all at once. `setHeader` looks at each name and value again and costs a microsecond a
// header, a fifth of a pull that is answered from memory. The runtime keeps headers in an object under a symbol, by lower-case
// name, as Node does; where there is no such symbol they are set one by one.
import { OutgoingMessage, type ServerResponse } from "node:http";

type Headers = Record<string, readonly [name: string, value: string | string[]]>;

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
/** Names are those that doors write: there are few. */
const lowerNames = new Map<string, string>();
const ready = new WeakMap<readonly string[], Headers>();

/**
 * Headers of an answer that will be given again, as often as the same list is: they are looked through now, once. The list is
 * not changed from here on. Throws when a value holds what no header may.
 */
export function keepHeaders(flat: readonly string[]): readonly string[] {
  ready.set(flat, headersOf(flat));
  return flat;
}

/**
 * Sets the headers of a response that has none: names and values in turn, sent in that order, and after them what frames the
 * answer. Throws when a value holds what no header may.
 */
export function setHeaders(response: ServerResponse, flat: readonly string[], { length, isLast }: Framing): void {
  const known = ready.get(flat);
  // What is kept is not changed: the runtime writes into the object that it is given.
  const headers = known === undefined ? headersOf(flat) : length === undefined && !isLast ? known : { ...known };
  if (length !== undefined) headers["content-length"] = ["Content-Length", String(length)];
  if (isLast) headers["connection"] ??= ["Connection", "close"];
  if (place !== undefined) (response as unknown as Record<symbol, Headers>)[place] = headers;
  else for (const [name, value] of Object.values(headers)) response.setHeader(name, value);
}

function headersOf(flat: readonly string[]): Headers {
  const headers: Headers = {};
  for (let i = 0; i < flat.length; i += 2) {
    const name = flat[i] ?? "";
    const value = flat[i + 1] ?? "";
    if (forbidden.test(value)) throw new Error(`the header ${name} holds what no header may`);
    const key = lowerNames.get(name) ?? lower(name);
    const before = headers[key];
    headers[key] = [name, before === undefined ? value : [before[1], value].flat()];
  }
  return headers;
}

function lower(name: string): string {
  const key = name.toLowerCase();
  lowerNames.set(name, key);
  return key;
}
