// The one place that makes random identifiers.

/** `bytes` random bytes as lower-case hex. */
export function randomHex(bytes: number): string {
  return crypto.getRandomValues(new Uint8Array(bytes)).toHex();
}

/** A keyed fingerprint of `text`: `length` hex characters. It detects mistakes and guesses, it is no password hash. */
export function fingerprint(key: string, text: string, length = 16): string {
  return new Bun.CryptoHasher("sha256", key).update(text).digest("hex").slice(0, length);
}

/** A random number of `[0, below)`: to spread what would collide, for nothing that must be secret. */
export function jitter(below: number): number {
  return Math.random() * below;
}
