// Raw JSON: what the engines would write, byte for byte; what is no JSON is refused, however much of it there is.
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  canonical,
  compact,
  encodeString,
  encodeTime,
  itemsOf,
  listMembers,
  membersOf,
  readMembers,
  readObject,
  textOf,
  textsOf,
} from "./raw-json.ts";

const rewrite = (text: string): string | undefined => {
  const object = readMembers(text);
  return object === undefined ? undefined : canonical(object.members);
};

const nested = (depth: number) => `{"a":${"[".repeat(depth - 1)}${"]".repeat(depth - 1)}}`;

/** White space of every kind where JSON may have it, seldom where it has none. */
const space = fc.array(fc.constantFrom(" ", "\t", "\n", "\r"), { maxLength: 2 }).map((all) => all.join(""));

/** A string as somebody may write it: each character raw or escaped, in any case. */
const writtenString = fc.string({ unit: "binary", maxLength: 12 }).chain((text) =>
  fc.array(fc.boolean(), { minLength: text.length, maxLength: text.length }).map((escapes) => {
    const units = Array.from({ length: text.length }, (_, i) => {
      const unit = text[i] ?? "";
      const isPlain = !escapes[i] && !/["\\]/.test(unit) && unit >= " " && !/[\ud800-\udfff]/.test(unit);
      return isPlain ? unit : `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
    });
    return `"${units.join("")}"`;
  }),
);

const { value: writtenValue } = fc.letrec<{ value: string; list: string; object: string }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom("null", "true", "false", "0", "-0.0", "1.50", "1e3", "12345678901234567890", "-2E+5"),
    writtenString,
    tie("list"),
    tie("object"),
  ),
  list: fc
    .array(fc.tuple(space, tie("value"), space), { maxLength: 4 })
    .map((items) => `[${items.map((item) => item.join("")).join(",")}]`),
  object: fc
    .array(fc.tuple(space, writtenString, space, fc.constant(":"), space, tie("value"), space), { maxLength: 4 })
    .map((members) => `{${members.map((member) => member.join("")).join(",")}}`),
}));

const writtenObject = fc
  .array(fc.tuple(space, writtenString, space, fc.constant(":"), space, writtenValue, space), { maxLength: 5 })
  .map((members) => `{${members.map((member) => member.join("")).join(",")}}`);

describe("An object, read and written again", () => {
  const rows: readonly [what: string, given: string, written: string][] = [
    ["has its keys sorted", '{"b":1,"a":2,"B":3,"":4}', '{"":4,"B":3,"a":2,"b":1}'],
    ["sorts keys that look like numbers as text", '{"10":1,"9":2,"-":3}', '{"-":3,"10":1,"9":2}'],
    ["sorts keys by UTF-8, not by UTF-16", '{"\u{1f433}":1,"\uffee":2}', '{"\uffee":2,"\u{1f433}":1}'],
    ["keeps the last of the same key", '{"a":1,"b":2,"\\u0061":3}', '{"a":3,"b":2}'],
    ["writes its keys anew", '{"\\u0041\\/\\u003c\\u00e9":1}', '{"A/\\u003cé":1}'],
    ["keeps the order and the repeats inside of values", '{"a":{"z":1,"b":2,"z":3}}', '{"a":{"z":1,"b":2,"z":3}}'],
    [
      "keeps the spelling of numbers",
      '{"a":[1.50,1e3,12345678901234567890,-0.0,1E+2]}',
      '{"a":[1.50,1e3,12345678901234567890,-0.0,1E+2]}',
    ],
    ["keeps the escapes in values", '{"a":"\\/\\u00e9\\b\\u0041\\ud800"}', '{"a":"\\/\\u00e9\\b\\u0041\\ud800"}'],
    [
      "escapes five characters in values",
      '{"a":"<>&\u2028\u2029/é\u007f"}',
      '{"a":"\\u003c\\u003e\\u0026\\u2028\\u2029/é\u007f"}',
    ],
    ["loses white space but in strings", ' {\r\n "a" : [ 1 ,\t"b c\\" d" , { } ] }\n', '{"a":[1,"b c\\" d",{}]}'],
    ["has U+FFFD for lone surrogates in keys", '{"\\ud800":1,"x\\udc00\\ud800":2}', '{"x\ufffd\ufffd":2,"\ufffd":1}'],
    ["takes keys that become the same for the same", '{"\\ud800":1,"\\udc00":2}', '{"\ufffd":2}'],
    [
      "may have keys that objects are born with",
      '{"__proto__":{"a":1},"constructor":2}',
      '{"__proto__":{"a":1},"constructor":2}',
    ],
    ["may be empty", " { } ", "{}"],
  ];
  for (const [what, given, written] of rows) {
    test(what, () => {
      expect(rewrite(given)).toBe(written);
    });
  }

  test("does not change when it is done again", () => {
    fc.assert(
      fc.property(writtenObject, (text) => {
        const once = rewrite(text);
        expect(once).toBeString();
        expect(rewrite(once ?? "")).toBe(once);
      }),
    );
  });

  test("means what it meant", () => {
    fc.assert(
      fc.property(writtenObject, (text) => {
        const parsed: Record<string, unknown> = JSON.parse(text);
        const expected = new Map<string, unknown>();
        for (const [key, value] of readMembers(text)?.members ?? []) expected.set(key, JSON.parse(value));
        expect(new Map(Object.entries(JSON.parse(rewrite(text) ?? "")))).toEqual(expected);
        const names = Object.keys(parsed).map((name) => name.toWellFormed());
        expect(new Set(expected.keys())).toEqual(new Set(names));
      }),
    );
  });

  test("is what the parser reads, for all that it writes", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string({ unit: "grapheme" }), fc.jsonValue()), (value) => {
        for (const indent of [0, 3]) {
          const written = rewrite(JSON.stringify(value, null, indent)) ?? "";
          expect(JSON.parse(written)).toEqual(JSON.parse(JSON.stringify(value)));
          expect(written).not.toMatch(/[<>&\u2028\u2029]/);
        }
      }),
    );
  });

  test("is in the order of its bytes", () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.string({ unit: "grapheme" }), { maxLength: 20 }), (names) => {
        const written = canonical(new Map(names.map((name) => [name, "1"])));
        const sorted = names.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
        expect(written).toBe(`{${sorted.map((name) => `${encodeString(name)}:1`).join(",")}}`);
      }),
    );
  });
});

describe("What is not an object in JSON", () => {
  const texts = [
    "",
    " ",
    "null",
    "1",
    '"{}"',
    "[]",
    "[{}]",
    "{",
    "}",
    "{}{}",
    "{},",
    "{a:1}",
    "{'a':1}",
    '{"a"}',
    '{"a":}',
    '{"a":1,}',
    '{,"a":1}',
    '{"a":1 "b":2}',
    '{"a"::1}',
    '{"a":01}',
    '{"a":1.}',
    '{"a":.5}',
    '{"a":+1}',
    '{"a":1e}',
    '{"a":-}',
    '{"a":NaN}',
    '{"a":Infinity}',
    '{"a":undefined}',
    '{"a":True}',
    '{"a":[1,]}',
    '{"a":[1}',
    '{"a":"\t"}',
    '{"a":"\u0000"}',
    '{"a":"\n"}',
    '{"a":"\\x41"}',
    '{"a":"\\u12g4"}',
    '{"a":"\\u123"}',
    '{"a":"b}',
    '{"a":"b\\"}',
    '{"a":1}//',
    '{/**/"a":1}',
    '{"a":\u00a01}',
    '\u00a0{"a":1}',
    '{"a":1}\u000b',
    '\ufeff{"a":1}',
  ];
  for (const text of texts) {
    test(`${JSON.stringify(text)} is refused`, () => {
      expect(readMembers(text)).toBeUndefined();
    });
  }

  for (const [what, bytes] of [
    ["a lone byte", [0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]],
    ["an overlong slash", [0x7b, 0x22, 0xc0, 0xaf, 0x22, 0x3a, 0x31, 0x7d]],
    ["a surrogate", [0x7b, 0x22, 0xed, 0xa0, 0x80, 0x22, 0x3a, 0x31, 0x7d]],
    ["half a character", [0x7b, 0x22, 0xf0, 0x9f, 0x22, 0x3a, 0x31, 0x7d]],
    ["a byte order mark", [0xef, 0xbb, 0xbf, 0x7b, 0x7d]],
  ] as const) {
    test(`is refused with ${what}`, () => {
      expect(readObject(Uint8Array.from(bytes))).toBeUndefined();
    });
  }

  test("is refused beyond 128 levels", () => {
    expect(rewrite(nested(128))).toBe(nested(128));
    expect(readMembers(nested(129))).toBeUndefined();
  });

  test("is refused however much there is", () => {
    const size = 1024 * 1024;
    for (const part of [
      "[",
      "{",
      '{"a":',
      '[{"a":',
      '"',
      "\\",
      '"\\',
      "]",
      "}",
      ",",
      ":",
      " ",
      "<",
      "-",
      "0",
      '{"a":"',
    ])
      expect(readMembers(part.repeat(size / part.length))).toBeUndefined();
    for (const part of ["[", '{"a":', '"', "\\", "[[],", "1,"])
      expect(readMembers(`{"a":${part.repeat(size / part.length)}}`)).toBeUndefined();
  });

  test("leaves large objects alone", () => {
    const many = `{${Array.from({ length: 50_000 }, (_, i) => `"k${i}": "<${i}>"`).join(", ")}}`;
    expect(readMembers(many)?.members.size).toBe(50_000);
    expect(rewrite(many)?.length).toBe(many.length + 10 * 50_000 - 2 * 50_000 + 1);
    const long = JSON.stringify({ a: '\\"< '.repeat(200_000) });
    expect(JSON.parse(rewrite(long) ?? "")).toEqual(JSON.parse(long));
  });
});

describe("The members of an object", () => {
  test("know which names came again", () => {
    const repeated = (text: string) => [...(readMembers(text)?.repeated ?? [])];
    expect(repeated('{"id":1,"a":{"b":1,"b":2}}')).toEqual([]);
    expect(repeated('{"id":1,"a":2,"\\u0069d":3,"id":4}')).toEqual(["id"]);
  });

  test("are raw, whatever they hold", () => {
    const members = readMembers('{ "a" : [ "}" , "]" ] , "b" : { "c" : ":,\\"" } ,"d":-1}')?.members;
    expect([...(members ?? [])]).toEqual([
      ["a", '[ "}" , "]" ]'],
      ["b", '{ "c" : ":,\\"" }'],
      ["d", "-1"],
    ]);
  });

  test("are read further as objects, lists and texts", () => {
    const nothing = ["1", "null", "true", '"{}"', undefined];
    expect(membersOf('{"a":1,"a":[2, 3]}')).toEqual(new Map([["a", "[2, 3]"]]));
    expect(listMembers('{ "\\u0061" : 1 ,"a":2}')).toEqual([
      { name: "a", rawName: '"\\u0061"', raw: "1" },
      { name: "a", rawName: '"a"', raw: "2" },
    ]);
    for (const raw of [...nothing, "[]"]) expect(membersOf(raw)).toBeUndefined();
    expect(itemsOf('[ 1, [2,3] , "],[" ,{}]')).toEqual(["1", "[2,3]", '"],["', "{}"]);
    expect(itemsOf("[ ]")).toEqual([]);
    for (const raw of [...nothing, "{}"]) expect(itemsOf(raw)).toBeUndefined();
    expect(textOf('"\\u0041\\n\\ud83d\\udc33"')).toBe("A\n\u{1f433}");
    for (const raw of ["1", "null", "{}", "[]", undefined]) expect(textOf(raw)).toBeUndefined();
    expect(textsOf('["a", "\\"," ]')).toEqual(["a", '",']);
    expect(textsOf("[]")).toEqual([]);
    for (const raw of [...nothing, '["a",null]', "[1]", '[["a"]]', "{}"]) expect(textsOf(raw)).toBeUndefined();
  });

  test("of any value are as many as the parser finds", () => {
    fc.assert(
      fc.property(writtenValue, (raw) => {
        const value: unknown = JSON.parse(raw);
        expect(JSON.parse(compact(raw))).toEqual(value);
        expect(compact(compact(raw))).toBe(compact(raw));
        if (Array.isArray(value)) expect(itemsOf(raw)?.map((item): unknown => JSON.parse(item))).toEqual(value);
        else expect(itemsOf(raw)).toBeUndefined();
      }),
    );
  });
});

describe("A string written anew", () => {
  test("escapes what the engines escape, as they do", () => {
    expect(encodeString('"\\/\n\r\t\b\f\u0000\u001f')).toBe('"\\"\\\\/\\n\\r\\t\\u0008\\u000c\\u0000\\u001f"');
    expect(encodeString("<>&\u2027\u2028\u2029\u202a")).toBe('"\\u003c\\u003e\\u0026\u2027\\u2028\\u2029\u202a"');
    expect(encodeString("\u007f\u0080é\u{1f433}\ufeff\uffff")).toBe('"\u007f\u0080é\u{1f433}\ufeff\uffff"');
    expect(encodeString("a\ud800b\udc00\ud83d\ud83d\udc33")).toBe('"a\ufffdb\ufffd\ufffd\u{1f433}"');
  });

  test("is read as what it was", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(textOf(encodeString(text))).toBe(text.toWellFormed());
      }),
    );
  });
});

describe("A time written anew", () => {
  const rows: readonly [given: string, written: string | undefined][] = [
    ["2015-02-10T21:18:49.123456789Z", "2015-02-10T21:18:49.123456789Z"],
    ["2016-01-02T03:04:05.120000000+02:00", "2016-01-02T03:04:05.12+02:00"],
    ["2016-01-02T03:04:06+00:00", "2016-01-02T03:04:06Z"],
    ["2016-01-02T03:04:06-00:00", "2016-01-02T03:04:06Z"],
    ["2016-01-02T03:04:06-00:30", "2016-01-02T03:04:06-00:30"],
    ["2016-01-02T03:04:06.000Z", "2016-01-02T03:04:06Z"],
    ["2016-01-02T03:04:06.9999999999Z", "2016-01-02T03:04:06.999999999Z"],
    ["2016-01-02T03:04:06.0000000009Z", "2016-01-02T03:04:06Z"],
    ["0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"],
    ["2016-02-29T23:59:59Z", "2016-02-29T23:59:59Z"],
    ["2000-02-29T00:00:00Z", "2000-02-29T00:00:00Z"],
    ["2015-02-29T00:00:00Z", undefined],
    ["1900-02-29T00:00:00Z", undefined],
    ["2015-04-31T00:00:00Z", undefined],
    ["2015-00-01T00:00:00Z", undefined],
    ["2015-13-01T00:00:00Z", undefined],
    ["2015-01-00T00:00:00Z", undefined],
    ["2015-01-32T00:00:00Z", undefined],
    ["2015-01-01T24:00:00Z", undefined],
    ["2015-01-01T00:60:00Z", undefined],
    ["2015-06-30T23:59:60Z", undefined],
    ["2015-01-01T00:00:00+24:00", undefined],
    ["2015-01-01T00:00:00+00:60", undefined],
    ["2015-01-01T00:00:00.Z", undefined],
    ["2015-01-01T00:00:00,5Z", undefined],
    ["2015-01-01T00:00:00", undefined],
    ["2015-01-01t00:00:00z", undefined],
    ["2015-01-01 00:00:00Z", undefined],
    ["2015-1-1T00:00:00Z", undefined],
    ["12015-01-01T00:00:00Z", undefined],
    ["2015-01-01T00:00:00Z\n", undefined],
    ["٢٠١٥-01-01T00:00:00Z", undefined],
    ["", undefined],
  ];
  for (const [given, written] of rows) {
    test(`${JSON.stringify(given)} is ${written ?? "none"}`, () => {
      expect(encodeTime(given)).toBe(written);
    });
  }

  test("is what the calendar has", () => {
    const parts = fc.tuple(
      fc.integer({ min: 1, max: 9999 }),
      fc.integer({ min: 1, max: 12 }),
      fc.integer({ min: 1, max: 31 }),
    );
    fc.assert(
      fc.property(parts, ([year, month, day]) => {
        const date = `${String(year).padStart(4, "0")}-${String(month).padStart(2, "0")}-${String(day).padStart(2, "0")}`;
        const there = new Date(`${date}T00:00:00Z`);
        const isThere = !Number.isNaN(there.getTime()) && there.toISOString().startsWith(date);
        expect(encodeTime(`${date}T01:02:03Z`)).toBe(isThere ? `${date}T01:02:03Z` : undefined);
      }),
    );
  });
});
