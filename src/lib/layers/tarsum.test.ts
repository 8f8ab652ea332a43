// TarSum as its known vectors have it: sorted members, their headers as text, nothing of what cannot be read.
import { describe, expect, test } from "bun:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { digestOf } from "../digest.ts";
import { tarsum } from "./tarsum.ts";
import { inParts, memberOf, sampleJson, samples, tarOf } from "./testing.ts";

const sumOf = (bytes: Uint8Array, cuts: readonly number[] = []) => tarsum(inParts(bytes, cuts), sampleJson);
const ofJsonAlone = "tarsum+sha256:ef040193034d4345a75be9f59bdc95aa990f88be1a342480a4a033ff4bce63a6";

describe("the TarSum", () => {
  test("of a folder and a file is the known one, in any parts", async () => {
    for (const cuts of [[], [1, 50], [...samples.L1.bytes.keys()]]) {
      expect(await sumOf(samples.L1.bytes, cuts)).toBe(
        "tarsum+sha256:57f32153c91a1a3ace18b2dab2be4aaf7b13e1b094e95f3f476cdcd5d6db4f6b",
      );
    }
  });

  const alone: readonly (readonly [string, Uint8Array])[] = [
    ["1024 zeros", new Uint8Array(1024)],
    ["an empty archive, compressed", samples.E1.bytes],
    ["nothing, compressed", samples.E0.bytes],
    ["nothing", new Uint8Array()],
    ["text", new Uint8Array(2000).fill(0x61)],
    ["gzip that is cut short", samples.L1.bytes.subarray(0, 100)],
    ["an archive that is cut short", samples.L2.bytes.subarray(0, 1030)],
    ["bzip2", new TextEncoder().encode("BZh91AY and so on")],
  ];
  for (const [what, bytes] of alone) {
    test(`of ${what} is that of the JSON alone`, async () => {
      expect(await sumOf(bytes)).toBe(ofJsonAlone);
    });
  }

  test("does not depend on the order of members, nor on the compression", async () => {
    const [a, b] = [
      { name: "a", content: "1" },
      { name: "b", content: "2" },
    ];
    const sum = await sumOf(tarOf(a, b));
    expect(await sumOf(tarOf(b, a))).toBe(sum);
    expect(await sumOf(new Uint8Array(gzipSync(tarOf(a, b))))).toBe(sum);
    expect(await sumOf(new Uint8Array(zstdCompressSync(tarOf(a, b))))).toBe(sum);
    expect(await sumOf(memberOf(a))).not.toBe(sum);
    expect(sum).not.toBe(ofJsonAlone);
  });

  test("is made of the fields as they stand in the header", async () => {
    const member = {
      name: "dev\xff",
      content: "",
      fields: {
        type: "3",
        mode: "0100600",
        uid: "1",
        gid: "2",
        mtime: "7",
        devmajor: "5",
        devminor: "1",
        uname: "root",
      },
    };
    const folder = { name: "etc", fields: { type: "5", mode: "755" } };
    const texts = [
      "namedev\xffmode33152uid1gid2size0mtime7typeflag3linknameunamerootgnamedevmajor5devminor1",
      "nameetc/mode493uid0gid0size0mtime0typeflag5linknameunamegnamedevmajor0devminor0",
    ];
    const hashes = texts.map((text) => digestOf(Buffer.from(text, "latin1")).slice("sha256:".length)).sort();
    const whole = Buffer.concat([sampleJson, Buffer.from(hashes.join(""))]);
    expect(await sumOf(tarOf(member, folder))).toBe(`tarsum+${digestOf(whole)}`);
  });

  test("of a body that breaks breaks", async () => {
    const broken = async function* () {
      yield samples.L2.bytes.subarray(0, 600);
      throw new Error("gone");
    };
    await expect(tarsum(broken(), sampleJson)).rejects.toThrow("gone");
  });
});
