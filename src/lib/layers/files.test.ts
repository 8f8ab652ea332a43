// The list of members: its JSON to the byte, its types, the whiteouts that it knows and those that it does not.
import { describe, expect, test } from "bun:test";
import { listFiles } from "./files.ts";
import { inParts, type Member, samples, tarOf } from "./testing.ts";

const listOf = (bytes: Uint8Array) => listFiles(inParts(bytes, [700]));
const listed = async (...members: readonly Member[]) => JSON.parse((await listOf(tarOf(...members))) ?? "null");

describe("the list of members", () => {
  test("is JSON in the first registry's format", async () => {
    expect(await listOf(samples.L1.bytes)).toBe(
      '[["etc", "d", false, 0, 0, 493, 0, 0], ["etc/hello.txt", "f", false, 6, 1400000000, 420, 0, 0]]',
    );
    expect(await listOf(samples.N1.bytes)).toBe('[["/", "d", false, 0, 1400000000, 493, 0, 0]]');
    expect(await listOf(samples.E1.bytes)).toBe("[]");
  });

  test("escapes what is not ASCII", async () => {
    const name = Buffer.from('é"\\/\x7f\n\u{1f40b}').toString("latin1");
    expect(await listOf(tarOf({ name }))).toBe(
      '[["\\u00e9\\"\\\\/\\u007f\\n\\ud83d\\udc0b", "f", false, 0, 0, 420, 0, 0]]',
    );
    expect(await listed({ name: "\xff" })).toEqual([["\ufffd", "f", false, 0, 0, 420, 0, 0]]);
  });

  const paths: readonly (readonly [string, string, string, boolean])[] = [
    ["./etc", "0", "/etc", false],
    ["./etc/", "5", "/etc", false],
    [".", "5", "/", false],
    ["./", "5", "/", false],
    ["etc/", "5", "etc", false],
    ["etc/", "0", "etc/", false],
    ["/etc", "0", "/etc", false],
    [".hidden", "0", ".hidden", false],
    ["./.wh.gone", "0", "/gone", true],
    ["/.wh.gone", "0", "/gone", true],
    [".wh.gone", "0", ".wh.gone", false],
    ["./etc/.wh.gone", "0", "/etc/.wh.gone", false],
  ];
  for (const [name, type, path, isDeleted] of paths) {
    test(`has ${name} of type ${type} as ${path}${isDeleted ? ", deleted" : ""}`, async () => {
      const [row] = await listed({ name, fields: { type } });
      expect([row[0], row[2]]).toEqual([path, isDeleted]);
    });
  }

  test("leaves out what the engine's file system kept for itself", async () => {
    const rows = await listed({ name: "./.wh..wh.plnk/" }, { name: "./.wh..wh.orph" }, { name: "a" });
    expect(rows).toEqual([["a", "f", false, 0, 0, 420, 0, 0]]);
  });

  test("has a letter for each type", async () => {
    const types = ["0", "\0", "1", "2", "3", "4", "5", "6", "7", "S", "V"];
    const rows = await listed(...types.map((type) => ({ name: "a", fields: { type } })));
    expect(rows.map((row: readonly unknown[]) => row[1]).join("")).toBe("fflscbditSu");
  });

  const none: readonly (readonly [string, Uint8Array])[] = [
    ["nothing", new Uint8Array()],
    ["nothing, compressed", samples.E0.bytes],
    ["text", new Uint8Array(2000).fill(0x61)],
    ["gzip that is cut short", samples.L1.bytes.subarray(0, 100)],
    ["xz", new Uint8Array([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0, 0, 4])],
  ];
  for (const [what, bytes] of none) {
    test(`is not there for ${what}`, async () => {
      expect(await listOf(bytes)).toBeUndefined();
    });
  }

  test("is not there when it would be too long", async () => {
    // What JSON escapes is six times as long.
    const name = "\x01".repeat(100_000);
    const long = { name: "././@LongLink", content: name, fields: { type: "L" } };
    const members = Array.from({ length: 60 }, () => [long, { name: "a" }]).flat();
    expect(await listOf(tarOf(...members))).toBeUndefined();
    expect(await listed(...members.slice(0, 20))).toHaveLength(10);
  });

  test("breaks with its body", async () => {
    const broken = async function* () {
      yield samples.L2.bytes.subarray(0, 600);
      throw new Error("gone");
    };
    await expect(listFiles(broken())).rejects.toThrow("gone");
  });
});
