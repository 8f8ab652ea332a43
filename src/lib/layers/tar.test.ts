// Archives are read as their bytes say: headers of every kind, numbers of every form, and what is wrong with them.
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { concat } from "../stream.ts";
import { NotAnArchive, readTar, type TarHeader } from "./tar.ts";
import { inParts, type Member, memberOf, recordOf, samples, tarOf } from "./testing.ts";

interface Read {
  readonly header: TarHeader;
  readonly content: string;
}

async function read(bytes: Uint8Array, cuts: readonly number[] = []): Promise<Read[]> {
  const found: { header: TarHeader; parts: Uint8Array[] }[] = [];
  for await (const part of readTar(inParts(bytes, cuts))) {
    if (part instanceof Uint8Array) found.at(-1)?.parts.push(part.slice());
    else found.push({ header: part, parts: [] });
  }
  return found.map(({ header, parts }) => ({ header, content: Buffer.from(concat(parts)).toString("latin1") }));
}

const headersOf = async (...members: readonly Member[]) => (await read(tarOf(...members))).map(({ header }) => header);
const headerOf = async (fields: NonNullable<Member["fields"]>, name = "a") => (await headersOf({ name, fields }))[0];
const join = (...parts: readonly Uint8Array[]) => new Uint8Array(Buffer.concat(parts));

describe("an archive", () => {
  test("gives its members with all fields, and their content", async () => {
    expect(await read(samples.L2.bytes)).toMatchObject([
      {
        header: { name: expect.stringMatching(/^app\/?$/), type: "5", mode: 0o755, mtime: 1_400_000_000 },
        content: "",
      },
      {
        header: { name: "app/run.sh", type: "0", size: 18, mtime: 1_400_000_001 },
        content: expect.stringContaining("#!"),
      },
    ]);
    const fields = { uid: "17", gid: "20", linkname: "b", uname: "u", gname: "g", devmajor: "10", devminor: "11" };
    expect(await headerOf({ ...fields, type: "3" })).toEqual({
      name: "a",
      mode: 0o644,
      uid: 15,
      gid: 16,
      size: 0,
      mtime: 0,
      type: "3",
      linkname: "b",
      uname: "u",
      gname: "g",
      devmajor: 8,
      devminor: 9,
    });
  });

  test("is the same in any parts", async () => {
    const member = fc.record({
      name: fc.stringMatching(/^[a-z]{1,40}$/),
      content: fc.stringMatching(/^[ -~]{0,1200}$/),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(member, { maxLength: 5 }),
        fc.array(fc.nat(), { maxLength: 10 }),
        async (members, cuts) => {
          const found = await read(tarOf(...members), cuts);
          expect(found.map(({ header, content }) => ({ name: header.name, content }))).toEqual(members);
        },
      ),
      { numRuns: 150 },
    );
  });

  test("may lack its closing blocks, and the padding of its last member", async () => {
    const member = memberOf({ name: "a", content: "text" });
    for (const end of [1024, 700, 516])
      expect(await read(member.subarray(0, end))).toMatchObject([{ content: "text" }]);
    expect(await read(join(member, new Uint8Array(512)))).toHaveLength(1);
  });

  test("ends at zeros, and at what is no header", async () => {
    const [one, two] = [memberOf({ name: "a" }), memberOf({ name: "b" })];
    expect(await read(join(one, new Uint8Array(512), two))).toHaveLength(1);
    expect(await read(join(one, new Uint8Array(512).fill(7), two))).toHaveLength(1);
    expect(await read(join(one, two.subarray(0, 511)))).toHaveLength(1);
    expect(await read(new Uint8Array(1024))).toEqual([]);
  });

  const noArchives: readonly (readonly [string, Uint8Array])[] = [
    ["nothing", new Uint8Array()],
    ["half a header", memberOf({ name: "a" }).subarray(0, 300)],
    ["text", new Uint8Array(1024).fill(0x61)],
    ["a sum that is wrong", memberOf({ name: "a", fields: { sum: "0000000" } })],
    ["a number that is none", memberOf({ name: "a", fields: { mode: "089" } })],
    ["a number with text behind", memberOf({ name: "a", fields: { uid: "1 1" } })],
    ["content that is cut short", memberOf({ name: "a", content: "text" }).subarray(0, 515)],
    ["a size below zero", memberOf({ name: "a", fields: { size: "\xff".repeat(12) } })],
    ["a long name without a member", memberOf({ name: "././@LongLink", content: "n", fields: { type: "L" } })],
    ["a name that is cut short", memberOf({ name: "l", content: "n", fields: { type: "L", size: "777" } })],
    ["a name without end", memberOf({ name: "l", fields: { type: "x", size: "77777777" } })],
    ["a record without a length", tarOf({ name: "x", content: "path=a\n", fields: { type: "x" } }, { name: "a" })],
    ["a record that is too long", tarOf({ name: "x", content: "99 path=a\n", fields: { type: "x" } }, { name: "a" })],
    [
      "a record without a line's end",
      tarOf({ name: "x", content: "10 path=ab", fields: { type: "x" } }, { name: "a" }),
    ],
    [
      "a record of a length below its own",
      tarOf({ name: "x", content: "0 path=a\n", fields: { type: "x" } }, { name: "a" }),
    ],
    ["a size in words", tarOf({ name: "x", content: recordOf("size", "much"), fields: { type: "x" } }, { name: "a" })],
    [
      "a sparse file that is cut short",
      memberOf({ name: "a", fields: { type: "S", prefix: `${"\0".repeat(137)}\x01` } }),
    ],
  ];
  for (const [what, bytes] of noArchives) {
    test(`is not: ${what}`, async () => {
      for (const cuts of [[], [100, 512, 600]]) await expect(read(bytes, cuts)).rejects.toBeInstanceOf(NotAnArchive);
    });
  }

  test("whose reader leaves ends its body", async () => {
    let hasEnded = false;
    const body = async function* () {
      try {
        for (;;) yield memberOf({ name: "a", content: "text" });
      } finally {
        hasEnded = true;
      }
    };
    for await (const _ of readTar(body())) break;
    expect(hasEnded).toBe(true);
  });
});

describe("a number", () => {
  const rows: readonly (readonly [string, number])[] = [
    ["0000644", 0o644],
    ["644 \0", 0o644],
    ["  644", 0o644],
    ["644\x0099", 0o644],
    ["", 0],
    ["   ", 0],
    ["0100755", 0o100755],
    ["\x80\0\0\0\0\0\x01\x02", 258],
    ["\xff\xff\xff\xff\xff\xff\xff\xfe", -2],
  ];
  for (const [text, value] of rows) {
    test(`${JSON.stringify(text)} is ${value}`, async () => {
      expect(await headerOf({ uid: text })).toMatchObject({ uid: value });
    });
  }

  test("that cannot be exact makes no header", async () => {
    expect(await headersOf({ name: "a" }, { name: "b", fields: { uid: "\x80\x7f".padEnd(8, "\xff") } })).toHaveLength(
      1,
    );
  });

  test("before 1970 is a time", async () => {
    expect(await headerOf({ mtime: "\xff".repeat(12) })).toMatchObject({ mtime: -1 });
  });

  test("in a sum may have taken bytes for signed", async () => {
    const member = Buffer.from(memberOf({ name: "\xe9" }));
    const sum = Number.parseInt(member.toString("latin1", 148, 154), 8) - 256;
    member.write(sum.toString(8).padStart(6, "0"), 148, "latin1");
    expect(await read(member)).toHaveLength(1);
  });
});

describe("a name", () => {
  test("has its prefix in front where POSIX has one, not where GNU has times", async () => {
    const prefix = "some/folder";
    expect(await headerOf({ prefix })).toMatchObject({ name: "some/folder/a" });
    expect(await headerOf({ prefix, magic: "ustar  \0" })).toMatchObject({ name: "a" });
    expect(await headerOf({ prefix, magic: "", uname: "u" })).toMatchObject({ name: "a", uname: "" });
  });

  test("is its bytes, whatever they say", async () => {
    expect(await headerOf({}, "\xff\xc3\xa9")).toMatchObject({ name: "\xff\xc3\xa9" });
    expect(await headerOf({}, "n".repeat(100))).toMatchObject({ name: "n".repeat(100) });
  });

  test("with a slash behind makes a folder of what has no type", async () => {
    expect(await headerOf({ type: "\0" }, "a/")).toMatchObject({ type: "5" });
    expect(await headerOf({ type: "\0" }, "a")).toMatchObject({ type: "\0" });
    expect(await headerOf({ type: "0" }, "a/")).toMatchObject({ type: "0" });
  });

  test("may be long, as GNU has it", async () => {
    const [name, linkname] = ["n".repeat(700), "l".repeat(200)];
    const long = (type: string, text: string) => ({ name: "././@LongLink", content: `${text}\0`, fields: { type } });
    expect(
      await headersOf(long("K", linkname), long("L", name), { name: "n", fields: { type: "2" } }, { name: "b" }),
    ).toMatchObject([
      { name, linkname },
      { name: "b", linkname: "" },
    ]);
  });

  test("may be said by records, as may numbers, for one member", async () => {
    const said: Readonly<Record<string, string>> = {
      path: "dir/\xc3\xa9=",
      linkpath: "to",
      uname: "u",
      gname: "g",
      uid: "3000000",
      gid: "4000000",
      mtime: "1400000000.75",
      size: "4",
      "SCHILY.xattr.user.a": "b\n",
      comment: "none",
    };
    const content = Object.entries(said)
      .map(([key, value]) => recordOf(key, value))
      .join("");
    const found = await read(
      tarOf({ name: "x", content, fields: { type: "x" } }, { name: "a", content: "text" }, { name: "b" }),
    );
    expect(found).toMatchObject([
      {
        header: {
          name: said["path"],
          linkname: "to",
          uname: "u",
          gname: "g",
          uid: 3_000_000,
          gid: 4_000_000,
          mtime: 1_400_000_000,
          size: 4,
        },
        content: "text",
      },
      { header: { name: "b", uid: 0, mtime: 0 } },
    ]);
  });

  test("is not said for all: global records are passed over", async () => {
    const global = { name: "g", content: recordOf("path", "everywhere"), fields: { type: "g" } };
    expect(await headersOf(global, { name: "a" })).toMatchObject([{ name: "a" }]);
  });
});

describe("content", () => {
  test("is none of links and folders, whatever their size says", async () => {
    for (const type of ["1", "2", "5"]) {
      expect(await headersOf({ name: "a", fields: { type, size: "1000" } }, { name: "b" })).toMatchObject([
        { size: 512 },
        { name: "b" },
      ]);
    }
  });

  test("of a sparse file is behind its map", async () => {
    const sparse = memberOf({
      name: "a",
      content: "text",
      fields: { type: "S", magic: "ustar  \0", prefix: `${"\0".repeat(137)}\x01` },
    });
    const [more, last] = [new Uint8Array(512), new Uint8Array(512)];
    more[504] = 1;
    const bytes = join(sparse.subarray(0, 512), more, last, sparse.subarray(512), memberOf({ name: "b" }));
    expect(await read(bytes)).toMatchObject([{ content: "text" }, { header: { name: "b" } }]);
  });
});
