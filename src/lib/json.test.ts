// JSON from outside: an object, in UTF-8, not too deep; anything else is an invalid manifest.
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { parseObject } from "./json.ts";

const invalid = expect.objectContaining({ kind: "invalid", subject: "manifest" });
const parse = (text: string, maxDepth?: number) => parseObject(new TextEncoder().encode(text), maxDepth);
const nested = (depth: number) => `{"a":${"[".repeat(depth - 1)}${"]".repeat(depth - 1)}}`;

describe("JSON from outside", () => {
  test("is what it says", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 5 })), (value) => {
        const text = JSON.stringify(value);
        expect(parse(text)).toEqual(JSON.parse(text));
      }),
    );
  });

  test("is as deep as is allowed, and no deeper", () => {
    expect(parse(nested(64))["a"]).toBeArray();
    expect(() => parse(nested(65))).toThrow(invalid);
    expect(parse(nested(3), 3)).toBeObject();
    expect(() => parse(nested(4), 3)).toThrow(invalid);
  });

  test("counts depth, not brackets", () => {
    expect(parse(`{"a":[${"[],".repeat(1000)}{}]}`)["a"]).toBeArray();
  });

  test("does not count what is in texts", () => {
    const text = `${"[{".repeat(100)}\\"${"[".repeat(100)}`;
    expect(parse(`{"${text}":"${text}\\\\"}`, 1)).toBeObject();
  });

  test("of a hundred thousand brackets is refused, closed or not", () => {
    for (const text of ["[".repeat(100_000), '{"a":'.repeat(100_000), nested(100_000)])
      expect(() => parse(text)).toThrow(invalid);
  });

  for (const text of [
    "",
    " ",
    "{",
    "}",
    "null",
    "true",
    "1",
    '"a"',
    "[]",
    "[{}]",
    "{}{}",
    "{a:1}",
    "{'a':1}",
    "\ufeff{}",
  ]) {
    test(`${JSON.stringify(text)} is none`, () => {
      expect(() => parse(text)).toThrow(invalid);
    });
  }

  test("that is no UTF-8 is refused", () => {
    for (const bytes of [[0x7b, 0xff, 0x7d], [0xc3], [0x7b, 0xed, 0xa0, 0x80, 0x7d]])
      expect(() => parseObject(new Uint8Array(bytes))).toThrow(invalid);
  });

  test("any bytes are an object or an invalid manifest", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        try {
          expect(parseObject(bytes)).toBeObject();
        } catch (error) {
          expect(error).toEqual(invalid);
        }
      }),
    );
  });

  for (const text of ['{"a":1,"a":1}', '{"a":1,"\\u0061":2}', '{"a":[{"b":{"c":1,"d":2,"c":1}}]}', '{"a:":1,"a:":1}']) {
    test(`${text} has a name twice: two readers might read two documents`, () => {
      expect(() => parse(text)).toThrow(invalid);
    });
  }

  test("may have one name in several objects, and colons in its texts", () => {
    const text = '{"a:b":"{[\\"}:\\\\","__proto__":{"constructor":1},"b":[{"a":1},{"a":1}],"c":{"b":1}}';
    expect(JSON.stringify(parse(text))).toBe(text);
  });

  test("has no way to a prototype", () => {
    const value = parse('{"__proto__":{"polluted":true}}');
    expect("polluted" in {}).toBe(false);
    expect(Object.hasOwn(value, "__proto__")).toBe(true);
  });
});
