// Digests: what is one, what is none, and that hashing in parts is hashing.
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { algorithmOf, digestOf, hexOf, isDigest, openHasher, parseAlgorithm, parseDigest } from "./digest.ts";
import { Fault } from "./fault.ts";

const invalid = expect.objectContaining({ kind: "invalid", subject: "digest" });
const hex = "0123456789abcdef".repeat(4);

describe("a digest", () => {
  test("is an algorithm and as many digits as it has", () => {
    expect(digestOf(new Uint8Array())).toBe(
      parseDigest("sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    );
    expect(String(digestOf(new TextEncoder().encode("abc"), "sha512"))).toStartWith("sha512:ddaf35a193617aba");
    expect(hexOf(parseDigest(`sha512:${hex}${hex}`))).toBe(`${hex}${hex}`);
  });

  const bad = [
    "",
    ":",
    "sha256",
    "sha256:",
    `sha256:${hex.slice(1)}`,
    `sha256:${hex}0`,
    `sha256:${hex.toUpperCase()}`,
    `sha256:${hex.slice(1)}g`,
    `SHA256:${hex}`,
    `sha512:${hex}`,
    ` sha256:${hex}`,
    `sha256:${hex}\n`,
    `sha256:${hex}\0`,
    `sha256: ${hex.slice(1)}`,
    hex,
    `sha256/${hex}`,
    `sha256:${hex}:`,
    `md5:${hex.slice(32)}`,
    `sha384:${hex}${hex.slice(32)}`,
    `multihash+base58:${hex}`,
    "x".repeat(100_000),
  ];
  for (const text of bad) {
    test(`${JSON.stringify(text.slice(0, 80))} is none`, () => {
      expect(isDigest(text)).toBe(false);
      expect(() => parseDigest(text)).toThrow(invalid);
    });
  }

  test("of an algorithm that is not stored is told which are", () => {
    expect(() => parseDigest(`blake3:${hex}`)).toThrow("blake3 is not supported");
  });

  test("what was given back to whoever sent it is bounded", () => {
    const thrown = catchFault(() => parseDigest("y".repeat(100_000)));
    expect(JSON.stringify(thrown.detail).length).toBeLessThan(400);
  });

  test("any text is a digest or an invalid digest, never another error", () => {
    const nearly = fc.stringMatching(/^(sha256|sha512|md5)?:?[a-f0-9]{0,130}$/);
    fc.assert(
      fc.property(fc.oneof(fc.string(), nearly), (text) => {
        if (isDigest(text)) expect(String(parseDigest(text))).toBe(text);
        else expect(() => parseDigest(text)).toThrow(invalid);
      }),
    );
  });

  test("of bytes in any parts is that of the whole", () => {
    const parts = fc.array(fc.uint8Array({ maxLength: 50 }));
    fc.assert(
      fc.property(parts, fc.constantFrom("sha256" as const, "sha512" as const), (list, algorithm) => {
        const hasher = openHasher(algorithm);
        for (const part of list) hasher.update(part);
        const digest = hasher.digest();
        expect(digest).toBe(digestOf(Buffer.concat(list), algorithm));
        expect(isDigest(digest)).toBe(true);
        expect(algorithmOf(digest)).toBe(algorithm);
      }),
    );
  });

  test("only two algorithms can be asked for", () => {
    expect([parseAlgorithm("sha256"), parseAlgorithm("sha512")]).toEqual(["sha256", "sha512"]);
    for (const text of ["", "SHA256", "md5", "sha256 "]) expect(() => parseAlgorithm(text)).toThrow(invalid);
  });
});

function catchFault(work: () => unknown): Fault {
  try {
    work();
  } catch (error) {
    if (error instanceof Fault) return error;
  }
  throw new Error("no Fault was thrown");
}
