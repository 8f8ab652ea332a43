// Ranges of bytes: any header is read without an error, and what it asks for lies inside.
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { bytesSource } from "#lib/stream";
import { bodyOf, parseRange } from "./range.ts";

const size = fc.oneof(fc.nat(20), fc.nat(2 ** 40));
const number = fc.oneof(
  fc.nat(30).map(String),
  fc.constantFrom("", "0", "00", "9007199254740993", "9".repeat(16), "9".repeat(30), "-1", "x", " 1"),
);
const spec = fc.tuple(number, fc.constantFrom("-", "--", "", " - "), number).map((each) => each.join(""));
const header = fc.oneof(
  fc.string(),
  fc
    .tuple(fc.constantFrom("bytes=", "Bytes=", "bytes =", "lines=", ""), fc.array(spec, { maxLength: 20 }))
    .map(([unit, specs]) => unit + specs.join(",")),
);

describe("a Range", () => {
  test("of any text gives spans that lie inside, are not empty, at most sixteen, and together no more than the whole", () => {
    fc.assert(
      fc.property(header, size, (text, length) => {
        const spans = parseRange(text, length) ?? [];
        for (const { start, end } of spans) {
          expect(start).toBeGreaterThanOrEqual(0);
          expect(start).toBeLessThan(end);
          expect(end).toBeLessThanOrEqual(length);
        }
        expect(spans.length).toBeLessThanOrEqual(16);
        expect(spans.reduce((sum, { start, end }) => sum + end - start, 0)).toBeLessThanOrEqual(length);
      }),
      { numRuns: 1000 },
    );
  });

  test("gives what it asks for", () => {
    fc.assert(
      fc.property(fc.nat(1000), fc.nat(1000), fc.nat(1000), (a, b, length) => {
        const [first, last] = [Math.min(a, b), Math.max(a, b)];
        const expected = first < length ? [{ start: first, end: Math.min(last + 1, length) }] : [];
        expect(parseRange(`bytes=${first}-${last}`, length)).toEqual(expected);
        expect(parseRange(`bytes=${first}-`, length)).toEqual(first < length ? [{ start: first, end: length }] : []);
        const suffix = Math.min(last, length);
        expect(parseRange(`bytes=-${last}`, length)).toEqual(
          suffix === 0 ? [] : [{ start: length - suffix, end: length }],
        );
      }),
    );
  });

  test("keeps the order in which ranges were asked for", () => {
    expect(parseRange("bytes=5-6, 0-1 ,3-3", 10)).toEqual([
      { start: 5, end: 7 },
      { start: 0, end: 2 },
      { start: 3, end: 4 },
    ]);
  });

  test("past four gigabytes is exact", () => {
    const [start, length] = [2 ** 33 + 1, 2 ** 34];
    expect(parseRange(`bytes=${start}-${start + 1}`, length)).toEqual([{ start, end: start + 2 }]);
  });
});

describe("the body of bytes in memory", () => {
  const bytes = new Uint8Array(1_300_000).map((_, i) => (i * 7 + (i >> 11)) & 255);
  const source = bytesSource(bytes);

  test("is small bytes as they are", () => {
    expect(bodyOf(source, { start: 5, end: 1005 })).toEqual(bytes.subarray(5, 1005));
  });

  test("is many bytes in parts: a slow client makes the runtime copy one of them, not all", async () => {
    const body = bodyOf(source, { start: 3, end: bytes.byteLength });
    if (body instanceof Uint8Array) throw new Error("it is in one part");
    expect(body.length).toBe(bytes.byteLength - 3);
    const parts = await Array.fromAsync(body.read());
    expect(Math.max(...parts.map((part) => part.byteLength))).toBe(512 * 1024);
    expect(Buffer.concat(parts).equals(bytes.subarray(3))).toBe(true);
  });
});
