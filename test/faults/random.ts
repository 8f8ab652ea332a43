// Seeded randomness: the same seed makes the same plan. What cannot be repeated is the timing, and that is the point.

export interface Random {
  /** A whole number of `[0, below)`. */
  below(below: number): number;
  /** A whole number of `[from, to]`. */
  between(from: number, to: number): number;
  chance(probability: number): boolean;
  pick<Item>(list: readonly Item[]): Item | undefined;
  /** A generator of its own, decided by this one and `salt`. */
  fork(salt: number): Random;
}

/** mulberry32: small, and good enough to choose what to do next. */
export function openRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (limit: number) => Math.floor(next() * limit);
  return {
    below,
    between: (from, to) => from + below(to - from + 1),
    chance: (probability) => next() < probability,
    pick: (list) => list[below(list.length)],
    fork: (salt) => openRandom(Math.imul(state ^ (salt + 1), 0x9e3779b1)),
  };
}

/** `size` bytes that `seed` decides: content that need not be kept to be known. */
export function contentOf(seed: number, size: number): Uint8Array<ArrayBuffer> {
  const words = new Uint32Array(Math.ceil(size / 4));
  let word = Math.imul(seed + 1, 0x9e3779b1) | 1;
  for (let i = 0; i < words.length; i++) {
    word ^= word << 13;
    word ^= word >>> 17;
    word ^= word << 5;
    words[i] = word;
  }
  return new Uint8Array(words.buffer, 0, size);
}

export type Algorithm = "sha256" | "sha512";

export function digestOf(bytes: Uint8Array, algorithm: Algorithm = "sha256"): string {
  return `${algorithm}:${new Bun.CryptoHasher(algorithm).update(bytes).digest("hex")}`;
}
