// Ranges of bytes. https://www.rfc-editor.org/rfc/rfc9110#section-14
import type { ByteSource } from "#lib/stream";
import type { Answer, StreamBody } from "./answer.ts";
import type { Call } from "./call.ts";

/** `[start, end)`. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

const maxRanges = 16;
const maxAtOnceBytes = 512 * 1024;
const digits = /^\d{1,16}$/;

/**
 * The ranges of a Range header over `size` bytes: undefined when the whole is to be sent (no header, another unit, bad
 * syntax, too many ranges, or ranges that together are more than the whole); an empty list when none can be satisfied, or one
 * ends before it begins (RFC 9110 would send the whole then; the OCI conformance suite wants it refused).
 */
export function parseRange(header: string | undefined, size: number): readonly Span[] | undefined {
  if (header === undefined || !/^bytes=/i.test(header)) return undefined;
  const specs = header
    .slice(6)
    .split(",")
    .map((each) => each.trim());
  if (specs.length > maxRanges) return undefined;
  const spans: Span[] = [];
  for (const spec of specs) {
    const span = parseSpan(spec, size);
    if (span === undefined) return undefined;
    if (span !== "outside") spans.push(span);
  }
  const total = spans.reduce((sum, { start, end }) => sum + end - start, 0);
  return spans.length > 1 && total > size ? undefined : spans;
}

function parseSpan(spec: string, size: number): Span | "outside" | undefined {
  const dash = spec.indexOf("-");
  const [first, last] = [spec.slice(0, Math.max(0, dash)), spec.slice(dash + 1)];
  if (dash < 0 || (first !== "" && !digits.test(first)) || (last !== "" && !digits.test(last))) return undefined;
  if (first === "") {
    if (last === "") return undefined;
    const length = Math.min(Number(last), size);
    return length === 0 ? "outside" : { start: size - length, end: size };
  }
  const start = Number(first);
  if (start >= size || (last !== "" && Number(last) < start)) return "outside";
  return { start, end: last === "" ? size : Math.min(Number(last) + 1, size) };
}

/**
 * An answer with all of `source`, or with the ranges that `call` asks for; undefined when they lie outside of it.
 * Whoever sends the answer closes the source.
 */
export function rangeAnswer(
  call: Call,
  source: ByteSource,
  etag: string,
  headers: readonly string[],
): Answer | undefined {
  const { size } = source;
  const ifRange = call.header("if-range");
  const isWanted = call.method === "GET" && (ifRange === undefined || ifRange === etag);
  const spans = isWanted ? parseRange(call.header("range"), size) : undefined;
  if (spans === undefined) return { status: 200, headers, body: bodyOf(source, { start: 0, end: size }) };
  const [span] = spans;
  if (span === undefined) return undefined;
  if (spans.length > 1) return multipart(source, spans, headers);
  return { status: 206, headers: [...headers, "Content-Range", contentRange(span, size)], body: bodyOf(source, span) };
}

function contentRange({ start, end }: Span, size: number): string {
  return `bytes ${start}-${end - 1}/${size}`;
}

/** The bytes of a span, as a body. Whoever sends the answer closes the source. */
export function bodyOf(source: ByteSource, { start, end }: Span): Uint8Array | StreamBody {
  const bytes = source.bytes?.subarray(start, end);
  if (bytes !== undefined) return bytes.byteLength <= maxAtOnceBytes ? bytes : inParts(bytes);
  return {
    length: end - start,
    read: () => source.read(start, end),
    takeBack: (part) => source.takeBack?.(part),
    close: () => source.close(),
  };
}

/** Bytes in memory as a body: what the client does not take is copied by the runtime, and that is to be one part at most. */
function inParts(bytes: Uint8Array): StreamBody {
  const read = async function* () {
    for (let at = 0; at < bytes.byteLength; at += maxAtOnceBytes) yield bytes.subarray(at, at + maxAtOnceBytes);
  };
  return { length: bytes.byteLength, read, close: async () => undefined };
}

const boundary = "berth-4f0f6d0b8e2c4a6d9b7e";
const encoder = new TextEncoder();

function multipart(source: ByteSource, spans: readonly Span[], headers: readonly string[]): Answer {
  const at = headers.findIndex((each, i) => i % 2 === 0 && each.toLowerCase() === "content-type");
  const type = at < 0 ? "application/octet-stream" : (headers[at + 1] ?? "");
  const others = headers.filter((_, i) => at < 0 || (i !== at && i !== at + 1));
  const heads = spans.map((span) =>
    encoder.encode(
      `\r\n--${boundary}\r\nContent-Type: ${type}\r\nContent-Range: ${contentRange(span, source.size)}\r\n\r\n`,
    ),
  );
  const tail = encoder.encode(`\r\n--${boundary}--\r\n`);
  const length = spans.reduce(
    (sum, { start, end }, i) => sum + end - start + (heads[i]?.byteLength ?? 0),
    tail.byteLength,
  );
  const read = async function* (): AsyncGenerator<Uint8Array> {
    for (const [i, { start, end }] of spans.entries()) {
      yield heads[i] ?? tail;
      yield* source.read(start, end);
    }
    yield tail;
  };
  return {
    status: 206,
    headers: ["Content-Type", `multipart/byteranges; boundary=${boundary}`, ...others],
    body: { length, read, takeBack: (part) => source.takeBack?.(part), close: () => source.close() },
  };
}
