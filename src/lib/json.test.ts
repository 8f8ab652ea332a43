// JSON from outside: what is refused before anybody looks at it.
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { parseObject } from "./json.ts";

const parse = (text: string) => parseObject(new TextEncoder().encode(text));
const invalid = expect.objectContaining({ kind: "invalid", subject: "manifest" });

describe("an object", () => {
  test("is what JSON.parse says it is", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 8 })), (value) => {
        const text = JSON.stringify(value);
        expect(JSON.stringify(parse(text))).toBe(JSON.stringify(JSON.parse(text)));
      }),
    );
  });

  test("may hold colons, braces and quotes in its strings, and names that objects inherit", () => {
    const text = '{"a:b":"{[\\"}:\\\\","__proto__":{"constructor":1},"b":[{"a":1},{"a":1}],"c":{"b":1}}';
    expect(JSON.stringify(parse(text))).toBe(text);
  });

  test("may be nested 64 levels deep", () => {
    expect(parse(`{"a":${"[".repeat(63)}${"]".repeat(63)}}`)).toHaveProperty("a");
  });
});

describe("is refused:", () => {
  const rows: readonly (readonly [what: string, text: string])[] = [
    ["a name twice", '{"a":1,"a":1}'],
    ["a name twice, once escaped", '{"a":1,"\\u0061":1}'],
    ["a name twice further inside", '{"a":[{"b":{"c":1,"c":2}}]}'],
    ["a level too many", `{"a":${"[".repeat(64)}${"]".repeat(64)}}`],
    ["100,000 brackets", "[".repeat(100_000)],
    ["100,000 braces", '{"a":'.repeat(100_000)],
    ["a list", "[]"],
    ["a text", '"a"'],
    ["nothing", ""],
    ["a byte order mark", "\ufeff{}"],
    ["something behind the object", "{}{}"],
    ["a comma too many", '{"a":1,}'],
    ["a string that does not end", '{"a":"\\'],
  ];
  for (const [what, text] of rows) {
    test(what, () => {
      expect(() => parse(text)).toThrow(invalid);
    });
  }

  test("bytes that are no UTF-8", () => {
    for (const bytes of [[0xff], [0xc0, 0xaf], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80]]) {
      const text = [...new TextEncoder().encode('{"a":"'), ...bytes, ...new TextEncoder().encode('"}')];
      expect(() => parseObject(Uint8Array.from(text))).toThrow(invalid);
    }
  });
});
