// JSON as the servers of 2014 wrote it, byte for byte: `, ` and `: ` between, keys sorted, everything but ASCII escaped; and
// JSON as clients send it, read whatever the Content-Type says: curl calls it a form.
import type { Call } from "#http/call";
import { Fault } from "#lib/fault";
import { readAll } from "#lib/stream";

export type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json };

/** `value` as text, without a newline at its end. Numbers must be whole. */
export function formatJson(value: Json): string {
  if (typeof value === "string") return formatString(value);
  if (typeof value !== "object" || value === null) return String(value);
  if (isList(value)) return `[${value.map(formatJson).join(", ")}]`;
  const members = Object.entries(value).toSorted(([a], [b]) => compare(a, b));
  return `{${members.map(([name, member]) => `${formatString(name)}: ${formatJson(member)}`).join(", ")}}`;
}

function isList(value: object): value is readonly Json[] {
  return Array.isArray(value);
}

function formatString(text: string): string {
  return JSON.stringify(text).replace(
    /[\u0080-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** By code point, as that language sorted. */
function compare(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/** The body of a call. Fault: too-large size. */
export async function readBody(call: Call, maxBytes: number): Promise<Uint8Array> {
  const isLong = (call.contentLength ?? 0) > maxBytes;
  const bytes = isLong ? undefined : await readAll(call.body, maxBytes);
  if (bytes !== undefined) return bytes;
  throw new Fault("too-large", "size", `The body has more than ${maxBytes} bytes`);
}

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** What a JSON text says; undefined when it is none, or no UTF-8. */
export function parseJson(bytes: Uint8Array): { readonly value: unknown } | undefined {
  try {
    const value: unknown = JSON.parse(utf8.decode(bytes));
    return { value };
  } catch {
    return undefined;
  }
}
