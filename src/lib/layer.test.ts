// What is found out about a layer does not depend on the parts in which it comes, and damage is told, not thrown.
import { describe, expect, test } from "bun:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import fc from "fast-check";
import { digestOf } from "./digest.ts";
import { examine, readFacts } from "./layer.ts";
import { inParts, samplePrefix, samples } from "./layers/testing.ts";
import { incomingOf } from "./stream.ts";

const join = (...parts: readonly Uint8Array[]) => new Uint8Array(Buffer.concat(parts));
const factsOf = (bytes: Uint8Array, cuts: readonly number[] = []) => readFacts(inParts(bytes, cuts), samplePrefix);
const text = new TextEncoder().encode("not an archive, but a layer all the same");
const untold = { diffId: null, diffSize: null, isEmpty: false };

describe("the facts of", () => {
  for (const [name, { bytes, digest, facts }] of Object.entries(samples)) {
    test(`layer ${name} are as they were measured, in any parts`, async () => {
      expect(digestOf(bytes)).toBe(digest);
      const expected = { ...facts, payload: digestOf(join(samplePrefix, bytes)) };
      for (const cuts of [[], [1], [3, 5, 7], [...bytes.subarray(0, 64).keys()]]) {
        expect(await factsOf(bytes, cuts)).toEqual(expected);
      }
    });
  }

  test("the layer with a known payload checksum have it", async () => {
    const { payload } = await factsOf(samples.L1.bytes);
    expect<string>(payload).toBe("sha256:03de973a402092755e2c4e215497b11107362717b4e7586580e2d2d3e428c98a");
    const empty = await readFacts(incomingOf(), new TextEncoder().encode("test\n"));
    expect<string>(empty.payload).toBe("sha256:f2ca1bb6c7e907d06dafe4687e579fce76b37e4e93b7605022da52e6ccc26fd2");
    expect(empty).toMatchObject({ compression: "none", diffSize: 0, isEmpty: true, reason: null });
  });

  test("random streams are the same in all parts", async () => {
    const forms = {
      none: (contents: readonly Uint8Array[]) => join(...contents),
      gzip: (contents: readonly Uint8Array[]) => join(...contents.map((each) => gzipSync(each))),
      zstd: (contents: readonly Uint8Array[]) => join(...contents.map((each) => zstdCompressSync(each))),
    } as const;
    const content = fc.oneof(
      fc.uint8Array({ maxLength: 2000 }),
      fc.nat(200_000).map((length) => new Uint8Array(length)),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom("none" as const, "gzip" as const, "zstd" as const),
        fc.array(content, { minLength: 1, maxLength: 4 }),
        fc.array(fc.nat(), { maxLength: 6 }),
        async (form, contents, cuts) => {
          // Behind a letter: so that random plain bytes are taken for what they are.
          const plain = form === "none" ? [new Uint8Array([0x61]), ...contents] : contents;
          const whole = join(...plain);
          const bytes = forms[form](plain);
          expect(await factsOf(bytes, cuts)).toEqual({
            payload: digestOf(join(samplePrefix, bytes)),
            compression: form,
            diffId: digestOf(whole),
            diffSize: whole.byteLength,
            isEmpty: whole.every((byte) => byte === 0),
            reason: null,
          });
        },
      ),
      { numRuns: 200 },
    );
  });

  test("a layer of zeros but for its last byte do not call it empty", async () => {
    const bytes = new Uint8Array(200_000);
    expect(await factsOf(bytes, [70_000])).toMatchObject({ isEmpty: true });
    expect(await factsOf(new Uint8Array(gzipSync(bytes)))).toMatchObject({ isEmpty: true });
    bytes[199_999] = 1;
    expect(await factsOf(bytes, [70_000])).toMatchObject({ isEmpty: false });
    expect(await factsOf(new Uint8Array(gzipSync(bytes)))).toMatchObject({ isEmpty: false });
  });

  const gzip = new Uint8Array(gzipSync(text));
  const zstd = new Uint8Array(zstdCompressSync(text));
  const rows: readonly (readonly [string, Uint8Array, object])[] = [
    ["gzip that is cut short", gzip.subarray(0, 30), { compression: "gzip", reason: expect.stringContaining("gzip") }],
    ["zstd that is cut short", zstd.subarray(0, 30), { compression: "zstd", reason: expect.stringContaining("zstd") }],
    ["gzip with zeros behind", join(gzip, new Uint8Array(9)), { reason: expect.stringContaining("behind the end") }],
    ["gzip with text behind", join(gzip, text), { reason: expect.stringContaining("cannot be read") }],
    [
      "bzip2",
      join(new TextEncoder().encode("BZh91AY"), text),
      { compression: "bzip2", reason: expect.stringContaining("bzip2") },
    ],
    [
      "xz",
      join(new Uint8Array([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0]), text),
      { compression: "xz", reason: expect.stringContaining("xz") },
    ],
  ];
  for (const [what, bytes, expected] of rows) {
    test(`${what} say why they are few`, async () => {
      for (const cuts of [[], [4], [8, 31, 40]]) {
        const facts = await factsOf(bytes, cuts);
        expect(facts).toMatchObject({ ...untold, ...expected });
        expect(facts.payload).toBe(digestOf(join(samplePrefix, bytes)));
      }
    });
  }

  test("a layer that expands without end say so, and its bytes are all hashed", async () => {
    const bomb = gzipSync(new Uint8Array(32 * 1024 ** 2));
    const bytes = join(...Array.from({ length: 40 }, () => bomb));
    const facts = await factsOf(bytes, [100, 200_000, 500_000]);
    expect(facts).toMatchObject({ ...untold, compression: "gzip", reason: expect.stringContaining("more than") });
    expect(facts.payload).toBe(digestOf(join(samplePrefix, bytes)));
  });
});

describe("an examination", () => {
  test("that is cancelled keeps nobody waiting", async () => {
    const large = new Uint8Array(gzipSync(new Uint8Array(1_000_000).map((_, i) => (i * i) >> 5)));
    for (let i = 0; i < 100; i++) {
      const examination = examine(samplePrefix);
      const takings = [0, 1, 2].map((at) => examination.take(large.subarray(at * 1000, at * 1000 + 1000)));
      examination.cancel();
      await Promise.all(takings);
    }
  });

  test("looks at each part before it says so", async () => {
    const examination = examine(samplePrefix);
    const parts = await Array.fromAsync(inParts(samples.L1.bytes, [20, 60]));
    for (const part of parts) {
      const buffer = part.slice();
      await examination.take(buffer);
      buffer.fill(0xff);
    }
    expect(await examination.end(() => samples.L1.digest)).toMatchObject(samples.L1.facts);
  });

  test("of a body that breaks breaks", async () => {
    const broken = async function* () {
      yield samples.L1.bytes.subarray(0, 50);
      throw new Error("gone");
    };
    await expect(readFacts(broken(), samplePrefix)).rejects.toThrow("gone");
  });
});
