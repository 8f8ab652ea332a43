// JSON byte for byte as Python wrote it in 2014.
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { call } from "#http/call";
import { formatJson, type Json, parseJson, readBody } from "./json.ts";

const rows: readonly (readonly [value: Json, text: string])[] = [
  [true, "true"],
  ["", '""'],
  [null, "null"],
  [-12, "-12"],
  [[], "[]"],
  [{}, "{}"],
  [[1, "a", null], '[1, "a", null]'],
  [{ b: 1, a: { d: [], c: false } }, '{"a": {"c": false, "d": []}, "b": 1}'],
  [{ checksum: "", id: "x" }, '{"checksum": "", "id": "x"}'],
  ["a/b", '"a/b"'],
  ['"\\', '"\\"\\\\"'],
  ["\n\r\t\b\f\u0001\u007f", '"\\n\\r\\t\\b\\f\\u0001\u007f"'],
  ["Ä€", '"\\u00c4\\u20ac"'],
  ["😀", '"\\ud83d\\ude00"'],
  ["\ud800", '"\\ud800"'],
  [{ "\u{1f600}": 1, "\uffff": 2, "10": 3, "9": 4 }, '{"10": 3, "9": 4, "\\uffff": 2, "\\ud83d\\ude00": 1}'],
];

describe("JSON", () => {
  for (const [value, text] of rows) test(`${text} is written so`, () => expect(formatJson(value)).toBe(text));

  test("of 16 images has the length that the Hub's answer had", () => {
    const images = Array.from({ length: 16 }, (_, i) => ({ id: i.toString(16).repeat(64), checksum: "" }));
    expect(formatJson(images)).toHaveLength(1472);
  });

  test("that is written means what it was made of, in ASCII", () => {
    const name = fc.string({ unit: "binary" });
    const value: fc.Arbitrary<Json> = fc.letrec<{ all: Json }>((tie) => ({
      all: fc.oneof(
        { maxDepth: 4 },
        fc.oneof(name, fc.boolean(), fc.integer(), fc.constant(null)),
        fc.array(tie("all")),
        fc.dictionary(name, tie("all")),
      ),
    })).all;
    fc.assert(
      fc.property(value, (each) => {
        const text = formatJson(each);
        expect(text).toMatch(/^[\0-\x7f]*$/);
        expect<unknown>(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(each)));
      }),
    );
  });

  test("is read from UTF-8 only", () => {
    const bytes = (text: string) => new TextEncoder().encode(text);
    expect(parseJson(bytes('{"a": 1}'))).toEqual({ value: { a: 1 } });
    expect(parseJson(bytes("null"))).toEqual({ value: null });
    for (const text of ["", "{", "test-image-layer", "'a'", "[".repeat(500_000)])
      expect(parseJson(bytes(text))).toBeUndefined();
    expect(parseJson(Uint8Array.of(0x22, 0xff, 0x22))).toBeUndefined();
  });
});

test("a body is read up to its limit, whatever was said of its length", async () => {
  const tooLarge = expect.objectContaining({ kind: "too-large", subject: "size" });
  expect(await readBody(call("PUT", "/", { body: "12345" }), 5)).toHaveLength(5);
  await expect(readBody(call("PUT", "/", { body: "123456" }), 5)).rejects.toEqual(tooLarge);
  await expect(readBody({ ...call("PUT", "/", { body: "123456" }), contentLength: undefined }, 5)).rejects.toEqual(
    tooLarge,
  );
});
