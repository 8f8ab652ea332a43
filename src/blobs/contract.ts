// The suite of the Store contract: every place where bytes live runs it.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type Digest, digestOf } from "#lib/digest";
import { randomHex } from "#lib/id";
import { type ByteSource, concat } from "#lib/stream";
import type { Store } from "./store.ts";

export interface Place {
  readonly store: Store;
  remove(): Promise<void>;
}

/** Ids as the registry makes them. */
export const makeId = () => randomHex(24);

/** `length` bytes that differ from those of another seed. */
export function bytesLike(seed: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = i * 31 + seed * 7 + (i >> 8) * 13;
  return bytes;
}

/** Copies of parts, one after the other: a body gives its parts away. */
export async function* bodyOf(...parts: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) yield new Uint8Array(part);
}

export class Broken extends Error {
  override readonly name = "Broken";
}

/** A body that breaks behind its parts. */
export async function* brokenBody(...parts: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* bodyOf(...parts);
  throw new Broken("the body broke");
}

export async function readRange(source: ByteSource, start = 0, end = source.size): Promise<Uint8Array> {
  return concat(await Array.fromAsync(source.read(start, end)));
}

/** All bytes under a key. */
export async function readKey(store: Store, key: string): Promise<Uint8Array> {
  const source = await store.blobs.open(key);
  try {
    return await readRange(source);
  } finally {
    await source.close();
  }
}

const kibi = 1024;
const sizes = [0, 1, 100, 65_537, 256 * kibi - 1, 256 * kibi, 256 * kibi + 1, 1024 * kibi + 7, 3_000_001];
const unknownBlob = { kind: "unknown", subject: "blob" };

export function describeStore(kind: string, makePlace: () => Promise<Place>): void {
  describe(`a store in ${kind}`, () => {
    let place: Place;
    let store: Store;
    const append = (id: string, offset: number, ...parts: readonly Uint8Array[]) =>
      store.uploads.append(id, "sha256", offset, bodyOf(...parts));
    const commit = async (bytes: Uint8Array) => {
      const id = makeId();
      await append(id, 0, bytes);
      return { id, digest: digestOf(bytes), key: await store.uploads.commit(id, digestOf(bytes)) };
    };

    beforeAll(async () => {
      place = await makePlace();
      store = place.store;
    });
    afterAll(async () => {
      await store.close();
      await place.remove();
    });

    for (const size of sizes) {
      test(`keeps ${size} bytes as they are`, async () => {
        const bytes = bytesLike(size, size);
        const id = makeId();
        expect(await append(id, 0, bytes)).toBe(size);
        expect(await store.uploads.size(id)).toBe(size);
        expect(await store.uploads.digest(id, "sha256")).toBe(digestOf(bytes));
        const key = await store.uploads.commit(id, digestOf(bytes));
        expect(Buffer.compare(await readKey(store, key), bytes)).toBe(0);
      });
    }

    test("an upload goes on at its offset, part by part", async () => {
      const bytes = bytesLike(1, 900_000);
      const id = makeId();
      const cuts = [0, 0, 1, 2, 4096, 262_144, 262_145, 600_000, 900_000];
      for (const [i, cut] of cuts.entries()) {
        const start = cuts[i - 1] ?? 0;
        expect(await append(id, start, bytes.subarray(start, cut))).toBe(cut);
      }
      expect(await store.uploads.digest(id, "sha256")).toBe(digestOf(bytes));
    });

    test("parts of any size that are given away, and views of what is not, are kept in their order", async () => {
      const lengths = fc.array(
        fc.integer({ min: 800, max: 200_000 }).chain((most) => fc.integer({ min: 800, max: most })),
        { maxLength: 40 },
      );
      const body = async function* (whole: Uint8Array, cuts: readonly number[]) {
        for (let i = 0, at = 0; at < whole.byteLength; i++) {
          const part = whole.subarray(at, at + (cuts[i % cuts.length] ?? whole.byteLength));
          at += part.byteLength;
          yield i % 3 === 0 ? part : new Uint8Array(part);
        }
      };
      await fc.assert(
        fc.asyncProperty(lengths, fc.nat(1_500_000), async (cuts, size) => {
          const id = makeId();
          const whole = bytesLike(size, size + 1).subarray(0, size);
          expect(await store.uploads.append(id, "sha256", 0, body(whole, cuts))).toBe(size);
          // Others may use the views for something else now.
          whole.fill(0);
          const bytes = bytesLike(size, size);
          expect(await store.uploads.digest(id, "sha256")).toBe(digestOf(bytes));
          const key = await store.uploads.commit(id, digestOf(bytes));
          expect(Buffer.compare(await readKey(store, key), bytes)).toBe(0);
        }),
        { numRuns: 15 },
      );
    });

    for (const [sent, asked] of [
      ["sha512", "sha512"],
      ["sha256", "sha512"],
      ["sha512", "sha256"],
    ] as const) {
      test(`what was hashed by ${sent} while it came is known by ${asked} as well`, async () => {
        const bytes = bytesLike(2, 300_000);
        const id = makeId();
        await store.uploads.append(id, sent, 0, bodyOf(bytes.subarray(0, 200_000)));
        await store.uploads.append(id, asked, 200_000, bodyOf(bytes.subarray(200_000)));
        expect(await store.uploads.digest(id, asked)).toBe(digestOf(bytes, asked));
        expect(await store.uploads.digest(id, sent)).toBe(digestOf(bytes, sent));
        const key = await store.uploads.commit(id, digestOf(bytes, asked));
        expect(Buffer.compare(await readKey(store, key), bytes)).toBe(0);
      });
    }

    for (const size of [10, 700_000]) {
      test(`of a body that breaks behind ${size} bytes these are kept, and the upload goes on`, async () => {
        const bytes = bytesLike(3, size + 500);
        const id = makeId();
        await append(id, 0, bytes.subarray(0, 5));
        const broken = store.uploads.append(id, "sha256", 5, brokenBody(bytes.subarray(5, size)));
        expect(await broken.catch((error: unknown) => error)).toBeInstanceOf(Broken);
        expect(await store.uploads.size(id)).toBe(size);
        expect(await append(id, size, bytes.subarray(size))).toBe(size + 500);
        expect(await store.uploads.digest(id, "sha256")).toBe(digestOf(bytes));
      });
    }

    test("truncate forgets what lies behind", async () => {
      const bytes = bytesLike(4, 400_000);
      const id = makeId();
      await append(id, 0, bytes);
      await store.uploads.truncate(id, 300_000);
      expect(await store.uploads.size(id)).toBe(300_000);
      expect(await store.uploads.digest(id, "sha256")).toBe(digestOf(bytes.subarray(0, 300_000)));
      const other = bytesLike(5, 100);
      expect(await append(id, 300_000, other)).toBe(300_100);
      expect(await store.uploads.digest(id, "sha256")).toBe(digestOf(concat([bytes.subarray(0, 300_000), other])));
    });

    test("a committed upload is one no more", async () => {
      const { id, digest, key } = await commit(bytesLike(6, 1000));
      expect(key).toBe(store.uploads.key(id, digest));
      expect(await store.uploads.size(id)).toBeUndefined();
      expect(await store.uploads.list()).not.toContain(id);
    });

    test("a commit that is taken back is an upload again, and nothing under its key", async () => {
      const bytes = bytesLike(7, 300_000);
      const { id, digest, key } = await commit(bytes);
      await store.uploads.revert(id, digest);
      await store.uploads.revert(id, digest);
      await expect(store.blobs.open(key)).rejects.toMatchObject(unknownBlob);
      expect(await store.uploads.size(id)).toBe(300_000);
      expect(await append(id, 300_000, bytes)).toBe(600_000);
      const whole = concat([bytes, bytes]);
      expect(await store.uploads.digest(id, "sha256")).toBe(digestOf(whole));
      const again = await store.uploads.commit(id, digestOf(whole));
      expect(Buffer.compare(await readKey(store, again), whole)).toBe(0);
    });

    test("a commit that did not happen is not taken back", async () => {
      const id = makeId();
      await store.uploads.revert(id, digestOf(new Uint8Array()));
      expect(await store.uploads.size(id)).toBeUndefined();
      await append(id, 0, bytesLike(8, 10));
      await store.uploads.revert(id, digestOf(bytesLike(8, 10)));
      expect(await store.uploads.size(id)).toBe(10);
    });

    test("what is removed is gone, and may be removed again", async () => {
      const id = makeId();
      await append(id, 0, bytesLike(9, 1000));
      for (let i = 0; i < 2; i++) await store.uploads.remove(id);
      expect(await store.uploads.size(id)).toBeUndefined();
      await append(id, 0, bytesLike(10, 10));
      expect(await store.uploads.digest(id, "sha256")).toBe(digestOf(bytesLike(10, 10)));
      const { key } = await commit(bytesLike(9, 1000));
      for (let i = 0; i < 2; i++) await store.blobs.remove(key);
      await expect(store.blobs.open(key)).rejects.toMatchObject(unknownBlob);
    });

    test("the list holds what is arriving, and no more", async () => {
      const ids = [makeId(), makeId(), makeId()];
      for (const id of ids) await append(id, 0, bytesLike(11, 3));
      const before = await store.uploads.list();
      for (const id of ids) expect(before).toContain(id);
      for (const id of ids) await store.uploads.remove(id);
      expect((await store.uploads.list()).sort()).toEqual(before.filter((id) => !ids.includes(id)).sort());
    });

    test("equal bytes of two uploads have keys of their own", async () => {
      const bytes = bytesLike(12, 500);
      const [one, two] = [await commit(bytes), await commit(bytes)];
      expect(one.key).not.toBe(two.key);
      await store.blobs.remove(one.key);
      expect(await readKey(store, two.key)).toEqual(bytes);
    });

    test("any range of a blob is read as it is", async () => {
      const bytes = bytesLike(13, 700_001);
      const { key } = await commit(bytes);
      const source = await store.blobs.open(key);
      expect(source.size).toBe(bytes.byteLength);
      const position = fc.nat(bytes.byteLength);
      await fc.assert(
        fc.asyncProperty(position, position, async (a, b) => {
          const [start, end] = [Math.min(a, b), Math.max(a, b)];
          expect(Buffer.compare(await readRange(source, start, end), bytes.subarray(start, end))).toBe(0);
        }),
        { numRuns: 60 },
      );
      await source.close();
    });

    test("what a reader does to its bytes is its own affair", async () => {
      const bytes = bytesLike(14, 1000);
      const { key } = await commit(bytes);
      const source = await store.blobs.open(key);
      for await (const part of source.read(0, 1000)) part.fill(0);
      expect(Buffer.compare(await readRange(source), bytes)).toBe(0);
      await source.close();
      expect(await readKey(store, key)).toEqual(bytes);
    });

    test("readers of one source do not disturb each other, and may leave early", async () => {
      const bytes = bytesLike(15, 2_000_000);
      const { key } = await commit(bytes);
      const source = await store.blobs.open(key);
      const leaving = async () => {
        for await (const part of source.read(0, source.size)) return part.byteLength;
        return 0;
      };
      const [whole, first, half] = await Promise.all([readRange(source), leaving(), readRange(source, 1_000_000)]);
      expect(first).toBeGreaterThan(0);
      expect(Buffer.compare(whole, bytes)).toBe(0);
      expect(Buffer.compare(half, bytes.subarray(1_000_000))).toBe(0);
      await source.close();
    });

    test("a blob that is read again and again is the same each time, and gone when it is removed", async () => {
      const bytes = bytesLike(17, 300_000);
      const { key } = await commit(bytes);
      for (let i = 0; i < 4; i++) {
        const source = await store.blobs.open(key);
        expect(source.size).toBe(bytes.byteLength);
        expect(Buffer.compare(await readRange(source, 1000, 299_000), bytes.subarray(1000, 299_000))).toBe(0);
        for await (const part of source.read(0, source.size)) part.fill(0);
        await source.close();
        expect(Buffer.compare(await readKey(store, key), bytes)).toBe(0);
      }
      await store.blobs.remove(key);
      await expect(store.blobs.open(key)).rejects.toMatchObject(unknownBlob);
    });

    test("a blob that is removed while it is read is read to its end", async () => {
      const bytes = bytesLike(16, 2_000_000);
      const { key } = await commit(bytes);
      const source = await store.blobs.open(key);
      const parts: Uint8Array[] = [];
      for await (const part of source.read(0, source.size)) {
        if (parts.length === 0) await store.blobs.remove(key);
        parts.push(part);
      }
      await source.close();
      expect(Buffer.compare(concat(parts), bytes)).toBe(0);
      await expect(store.blobs.open(key)).rejects.toMatchObject(unknownBlob);
    });

    test("many uploads at the same time do not disturb each other", async () => {
      const send = async (seed: number): Promise<{ readonly key: string; readonly digest: Digest }> => {
        const bytes = bytesLike(seed, 1 + seed * 17_001);
        const id = makeId();
        const half = bytes.byteLength >> 1;
        const slowly = async function* (part: Uint8Array) {
          for (let at = 0; at < part.byteLength; at += 100_003) {
            yield part.subarray(at, at + 100_003);
            await Bun.sleep(0);
          }
        };
        await store.uploads.append(id, "sha256", 0, slowly(bytes.subarray(0, half)));
        await store.uploads.append(id, "sha256", half, slowly(bytes.subarray(half)));
        const digest = await store.uploads.digest(id, "sha256");
        expect(digest).toBe(digestOf(bytes));
        return { key: await store.uploads.commit(id, digest), digest };
      };
      const all = await Promise.all(Array.from({ length: 40 }, (_, seed) => send(seed)));
      for (const { key, digest } of all) expect(digestOf(await readKey(store, key))).toBe(digest);
    });
  });
}
