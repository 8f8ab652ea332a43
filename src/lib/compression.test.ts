// Every compression is told by its first bytes; gzip and zstd are undone as they come, and what is not whole is refused.
import { describe, expect, test } from "bun:test";
import { constants, gzipSync, zstdCompressSync } from "node:zlib";
import fc from "fast-check";
import { type Compression, decompress, expand, isCompression, sniff, Undecodable } from "./compression.ts";
import { inParts } from "./layers/testing.ts";
import { concat } from "./stream.ts";

const bytesOf = (...hex: readonly string[]) => new Uint8Array(Buffer.from(hex.join(""), "hex"));
const join = (...parts: readonly Uint8Array[]) => new Uint8Array(Buffer.concat(parts));
const read = async (bytes: Uint8Array, compression: Compression, cuts: readonly number[] = []) =>
  concat(await Array.fromAsync(decompress(inParts(bytes, cuts), compression)));
const failureOf = (bytes: Uint8Array, compression: Compression, cuts: readonly number[] = []) =>
  read(bytes, compression, cuts).then(
    () => undefined,
    (error: unknown) => error,
  );

const text = new TextEncoder().encode("a layer, a layer, a layer");
const noise = new Uint8Array(300_000).map((_, i) => (i * i * 31) >> 7);
const skippable = bytesOf("5d2a4d18", "04000000", "01020304");
const packers = {
  gzip: (bytes: Uint8Array) => new Uint8Array(gzipSync(bytes)),
  // With a sum, without which damage may go unseen.
  zstd: (bytes: Uint8Array) =>
    new Uint8Array(zstdCompressSync(bytes, { params: { [constants.ZSTD_c_checksumFlag]: 1 } })),
} as const;

describe("the first bytes tell the compression:", () => {
  const rows: readonly (readonly [string, Compression])[] = [
    ["1f8b08", "gzip"],
    ["1f8b0800", "gzip"],
    ["1f8b07", "none"],
    ["1f8b", "none"],
    ["425a68", "bzip2"],
    ["fd377a585a00", "xz"],
    ["fd377a585a01", "none"],
    ["28b52ffd", "zstd"],
    ["502a4d18", "zstd"],
    ["5f2a4d18", "zstd"],
    ["602a4d18", "none"],
    ["5f2a4d", "none"],
    ["", "none"],
    ["00000000000000", "none"],
  ];
  for (const [hex, compression] of rows) {
    test(`${hex === "" ? "none" : hex} is ${compression}`, () => {
      expect(sniff(bytesOf(hex))).toBe(compression);
    });
  }

  test("other words are no compression", () => {
    expect([isCompression("zstd"), isCompression("lzma")]).toEqual([true, false]);
  });
});

describe("a stream is decompressed", () => {
  test("in any parts, of one member or several", async () => {
    const content = fc.uint8Array({ maxLength: 3000 });
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom("gzip" as const, "zstd" as const),
        fc.array(content, { minLength: 1, maxLength: 4 }),
        fc.array(fc.nat(), { maxLength: 8 }),
        async (compression, contents, cuts) => {
          const packed = join(...contents.map(packers[compression]));
          expect(Buffer.compare(await read(packed, compression, cuts), join(...contents))).toBe(0);
          const parts = await Array.fromAsync(expand(inParts(packed, cuts)));
          expect(Buffer.compare(join(...parts), join(...contents))).toBe(0);
        },
      ),
      { numRuns: 200 },
    );
  });

  test("byte by byte, and when it is larger than what is read ahead", async () => {
    const large = join(...Array.from({ length: 20 }, () => noise));
    for (const compression of ["gzip", "zstd"] as const) {
      const packed = packers[compression](text);
      expect(await read(packed, compression, [...packed.keys()])).toEqual(text);
      expect(Buffer.compare(await read(packers[compression](large), compression, [7, 100_000]), large)).toBe(0);
    }
  });

  test("without frames that are to be skipped", async () => {
    const packed = join(skippable, packers.zstd(text), skippable, packers.zstd(noise), skippable);
    expect(Buffer.compare(await read(packed, "zstd", [3, 9, 15]), join(text, noise))).toBe(0);
    expect(await read(skippable, "zstd")).toEqual(new Uint8Array());
  });

  test("as it is when it is plain, also when it is short", async () => {
    for (const bytes of [new Uint8Array(), bytesOf("1f"), text]) {
      expect(concat(await Array.fromAsync(expand(inParts(bytes, [1, 2]))))).toEqual(bytes);
    }
  });
});

test("what a part expands to is not kept until all of it has been read", async () => {
  const zeros = packers.gzip(new Uint8Array(32 * 1024 ** 2));
  const part = join(...Array.from({ length: 7 }, () => zeros));
  const before = process.memoryUsage.rss();
  let most = 0;
  for await (const _ of decompress(inParts(part), "gzip")) most = Math.max(most, process.memoryUsage.rss());
  // It expands to 224 MiB. How soon the memory of what was read is free is the runtime's affair: half is far from both.
  expect(most - before).toBeLessThan(112 * 1024 ** 2);
});

describe("a stream is refused", () => {
  for (const compression of ["gzip", "zstd"] as const) {
    const packed = packers[compression](text);
    const damaged = packers[compression](noise).map((byte, i) => (i === 500 ? byte ^ 0x55 : byte));
    const rows: readonly (readonly [string, Uint8Array])[] = [
      ["garbage behind its end", join(packed, text)],
      ["zeros behind its end", join(packed, new Uint8Array(20))],
      ["one byte behind its end", join(packed, new Uint8Array(1))],
      ["half a member behind its end", join(packed, packers[compression](noise).subarray(0, 2000))],
      ["a damaged middle", damaged],
      ["nothing in it", new Uint8Array()],
      ["another beginning", text],
    ];
    for (const [what, bytes] of rows) {
      test(`with ${what}: ${compression}`, async () => {
        for (const cuts of [[], [packed.byteLength], [packed.byteLength - 3, packed.byteLength + 1]]) {
          expect(await failureOf(bytes, compression, cuts)).toBeInstanceOf(Undecodable);
        }
      });
    }

    test(`wherever it is cut short: ${compression}`, async () => {
      for (let end = 0; end < packed.byteLength; end++) {
        expect(await failureOf(packed.subarray(0, end), compression, [end >> 1])).toBeInstanceOf(Undecodable);
      }
    });

    test(`when it expands without end, long before it is all read: ${compression}`, async () => {
      const bomb = packers[compression](new Uint8Array(32 * 1024 ** 2));
      let given = 0;
      const body = async function* () {
        for (let i = 0; i < 100_000; i++) {
          given++;
          yield bomb;
        }
      };
      let size = 0;
      const reading = async () => {
        for await (const part of decompress(body(), compression)) size += part.byteLength;
      };
      await expect(reading()).rejects.toThrow("more than a layer may");
      expect(size).toBeLessThanOrEqual(256 * 1024 ** 2);
      expect(given).toBeLessThan(20);
    });
  }

  test("a frame that is skipped is cut short as well", async () => {
    for (const end of [5, 11]) expect(await failureOf(skippable.subarray(0, end), "zstd")).toBeInstanceOf(Undecodable);
  });

  test("bzip2 and xz are not decompressed here", async () => {
    for (const compression of ["bzip2", "xz"] as const) {
      expect(await failureOf(text, compression)).toBeInstanceOf(Undecodable);
    }
  });
});

describe("a body", () => {
  test("that breaks breaks as it did", async () => {
    const broken = async function* () {
      yield packers.gzip(noise).subarray(0, 1000);
      throw new Error("gone");
    };
    await expect(Array.fromAsync(decompress(broken(), "gzip"))).rejects.toThrow("gone");
    await expect(Array.fromAsync(expand(broken()))).rejects.toThrow("gone");
  });

  test("ends when its reader leaves, and is not read ahead of him", async () => {
    for (const packer of [packers.gzip, packers.zstd, (bytes: Uint8Array) => bytes]) {
      let hasEnded = false;
      let given = 0;
      const body = async function* () {
        try {
          for (;;) {
            given++;
            yield packer(noise);
          }
        } finally {
          hasEnded = true;
        }
      };
      for await (const part of expand(body())) {
        expect(part.byteLength).toBeGreaterThan(0);
        break;
      }
      expect(hasEnded).toBe(true);
      expect(given).toBeLessThan(4);
    }
  });
});
