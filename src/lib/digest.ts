// Digests: `algorithm:hex`. Parsed once, valid ever after.
// https://github.com/opencontainers/image-spec/blob/v1.1.1/descriptor.md#digests
import { Fault } from "./fault.ts";

/** The algorithms that Berth stores. */
export type Algorithm = "sha256" | "sha512";

declare const valid: unique symbol;

/** A digest that has been parsed: a known algorithm and lower-case hex of the right length. */
export type Digest = string & { readonly [valid]: "digest" };

const hexLengths: Readonly<Record<Algorithm, number>> = { sha256: 64, sha512: 128 };
const registered = /^(?:sha256:[a-f0-9]{64}|sha512:[a-f0-9]{128})$/;
const grammar = /^[a-z0-9]+(?:[+._-][a-z0-9]+)*:[a-zA-Z0-9=_-]+$/;

/** Whether a text is a digest that Berth can store. */
export function isDigest(text: string): text is Digest {
  return registered.test(text);
}

/** The digest in `text`. Fault: invalid digest. */
export function parseDigest(text: string): Digest {
  if (isDigest(text)) return text;
  const algorithm = text.slice(0, Math.max(0, text.indexOf(":")));
  if (grammar.test(text) && !(algorithm in hexLengths)) {
    throw new Fault("invalid", "digest", `the digest algorithm ${algorithm} is not supported: use sha256 or sha512`, {
      digest: text.slice(0, 256),
    });
  }
  throw new Fault(
    "invalid",
    "digest",
    "a digest is sha256: and 64, or sha512: and 128 hexadecimal digits in lower case",
    {
      digest: text.slice(0, 256),
    },
  );
}

/** The algorithm named by `text`. Fault: invalid digest. */
export function parseAlgorithm(text: string): Algorithm {
  if (text === "sha256" || text === "sha512") return text;
  throw new Fault("invalid", "digest", "the digest algorithm must be sha256 or sha512", {
    algorithm: text.slice(0, 64),
  });
}

export function algorithmOf(digest: Digest): Algorithm {
  return digest.startsWith("sha512:") ? "sha512" : "sha256";
}

/** The part after the colon. */
export function hexOf(digest: Digest): string {
  return digest.slice(7);
}

/** Computes a digest of bytes that arrive in parts; `digest()` ends it. */
export interface Hasher {
  update(bytes: Uint8Array): void;
  /** Another one that goes on from here. */
  copy(): Hasher;
  digest(): Digest;
}

export function openHasher(algorithm: Algorithm): Hasher {
  return hasherOf(algorithm, new Bun.CryptoHasher(algorithm));
}

function hasherOf(algorithm: Algorithm, hash: Bun.CryptoHasher): Hasher {
  return {
    update: (bytes) => void hash.update(bytes),
    copy: () => hasherOf(algorithm, hash.copy()),
    digest: () => `${algorithm}:${hash.digest("hex")}` as Digest,
  };
}

/** The digest of bytes that are all in memory. */
export function digestOf(bytes: Uint8Array, algorithm: Algorithm = "sha256"): Digest {
  return `${algorithm}:${Bun.CryptoHasher.hash(algorithm, bytes, "hex")}` as Digest;
}
