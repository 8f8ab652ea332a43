// The suite of Layers: every place where bytes live runs it beside that of the Store.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import fc from "fast-check";
import { digestOf } from "#lib/digest";
import { type LayerFacts, readFacts } from "#lib/layer";
import { inParts, sampleJson, samplePrefix, samples, tarOf } from "#lib/layers/testing";
import { concat, incomingOf } from "#lib/stream";
import { Broken, bodyOf, brokenBody, bytesLike, makeId, type Place, readKey } from "../contract.ts";
import type { Store } from "../store.ts";

const join = (...parts: readonly Uint8Array[]) => new Uint8Array(Buffer.concat(parts));
const gzip = (bytes: Uint8Array) => new Uint8Array(gzipSync(bytes, { level: 1 }));
const expectedOf = (bytes: Uint8Array): Promise<LayerFacts> => readFacts(incomingOf(bytes), samplePrefix);
/** Ten times what expands too far. */
const makeBomb = () => {
  const zeros = new Uint8Array(gzipSync(new Uint8Array(32 * 1024 ** 2)));
  return concat(Array.from({ length: 80 }, () => zeros));
};
/** An id that goes to the same worker as all others of this kind. */
const neighbour = () => `${makeId().slice(0, -4)}0000`;

export function describeLayers(kind: string, makePlace: () => Promise<Place>): void {
  describe(`layers in ${kind}`, () => {
    let place: Place;
    let store: Store;
    const receive = async (bytes: Uint8Array, cuts: readonly number[] = [], id = makeId()) => {
      expect(await store.layers.receive(id, samplePrefix, inParts(bytes, cuts))).toBe(bytes.byteLength);
      return id;
    };
    const factsOf = (upload: string) => store.layers.facts({ upload }, samplePrefix);

    beforeAll(async () => {
      place = await makePlace();
      store = place.store;
    });
    afterAll(async () => {
      await store.close();
      await place.remove();
    });

    for (const [name, { bytes, digest, facts }] of Object.entries(samples)) {
      test(`${name} has its known facts: as it arrives, as a blob, and from memory`, async () => {
        const expected = { ...facts, payload: digestOf(join(samplePrefix, bytes)) };
        const id = await receive(bytes, [3, 70]);
        expect(await factsOf(id)).toEqual(expected);
        expect(await store.uploads.digest(id, "sha256")).toBe(digest);
        expect(await factsOf(id)).toEqual(expected);
        const key = await store.uploads.commit(id, digest);
        expect(await store.layers.facts({ key }, samplePrefix)).toEqual(expected);
        expect(await store.layers.facts({ content: bytes }, samplePrefix)).toEqual(expected);
        expect(await readKey(store, key)).toEqual(bytes);
      });
    }

    test("random streams have the same facts in all parts", async () => {
      const content = fc.oneof(
        fc.uint8Array({ maxLength: 2000 }),
        fc.nat(3_000_000).map((length) => bytesLike(length, length)),
      );
      const form = fc.constantFrom(
        gzip,
        (bytes: Uint8Array) => new Uint8Array(zstdCompressSync(bytes)),
        (it: Uint8Array) => it,
      );
      await fc.assert(
        fc.asyncProperty(
          form,
          fc.array(content, { maxLength: 3 }),
          fc.array(fc.nat()),
          async (pack, contents, cuts) => {
            const bytes = join(...contents.map(pack));
            const id = await receive(bytes, cuts);
            const facts = await factsOf(id);
            expect(facts).toEqual(await expectedOf(bytes));
            if (facts.compression !== "none") expect(facts.diffId).toBe(digestOf(join(...contents)));
            expect(await store.uploads.digest(id, "sha256")).toBe(digestOf(bytes));
            await store.uploads.remove(id);
          },
        ),
        { numRuns: 60 },
      );
    });

    test("another prefix is another payload checksum, and nothing else", async () => {
      const id = await receive(samples.L1.bytes);
      const json = new TextEncoder().encode("{}\n");
      const expected = { ...samples.L1.facts, payload: digestOf(join(json, samples.L1.bytes)) };
      expect(await store.layers.facts({ upload: id }, json)).toEqual(expected);
    });

    test("an upload that came in other ways has facts too, and those of its bytes of now", async () => {
      const id = makeId();
      await store.uploads.append(id, "sha512", 0, bodyOf(samples.L1.bytes.subarray(0, 50)));
      expect(await factsOf(id)).toMatchObject({ compression: "gzip", diffId: null });
      await store.uploads.append(id, "sha512", 50, bodyOf(samples.L1.bytes.subarray(50)));
      expect(await factsOf(id)).toMatchObject(samples.L1.facts);
      await receive(samples.L2.bytes, [], id);
      expect(await factsOf(id)).toMatchObject(samples.L2.facts);
      await store.uploads.append(id, "sha256", 2560, bodyOf(new Uint8Array(5)));
      expect(await factsOf(id)).toEqual(await expectedOf(join(samples.L2.bytes, new Uint8Array(5))));
      await store.uploads.truncate(id, 2560);
      expect(await factsOf(id)).toMatchObject(samples.L2.facts);
      await store.uploads.remove(id);
      await expect(factsOf(id)).rejects.toMatchObject({ kind: "busy", subject: "store" });
    });

    for (const [what, bytes] of [
      ["compressed", gzip(bytesLike(1, 2_000_000))],
      ["plain", bytesLike(1, 2_000_000)],
    ] as const) {
      test(`of a ${what} layer whose body breaks what came is kept, and it may come again`, async () => {
        for (const size of [3, 1000, bytes.byteLength >> 1]) {
          const id = makeId();
          const broken = store.layers.receive(id, samplePrefix, brokenBody(bytes.subarray(0, size)));
          expect(await broken.catch((error: unknown) => error)).toBeInstanceOf(Broken);
          expect(await store.uploads.size(id)).toBe(size);
          await receive(bytes, [10], id);
          expect(await factsOf(id)).toEqual(await expectedOf(bytes));
          expect(await store.uploads.digest(id, "sha256")).toBe(digestOf(bytes));
        }
      });
    }

    test("a layer that is damaged, or expands without end, is stored all the same", async () => {
      for (const each of [join(samples.L1.bytes, samples.L2.bytes), samples.L1.bytes.subarray(0, 60), makeBomb()]) {
        const id = await receive(each, [100_000, 200_001, 900_000]);
        const facts = await factsOf(id);
        expect(facts).toMatchObject({ diffId: null, diffSize: null, isEmpty: false, reason: expect.any(String) });
        expect(facts.payload).toBe(digestOf(join(samplePrefix, each)));
        const key = await store.uploads.commit(id, await store.uploads.digest(id, "sha256"));
        expect(Buffer.compare(await readKey(store, key), each)).toBe(0);
      }
    });

    test("layers that come at the same time do not mix, whatever becomes of their neighbours", async () => {
      const slowly = async function* (bytes: Uint8Array) {
        for (let at = 0; at < bytes.byteLength; at += 60_000) {
          yield* bodyOf(bytes.subarray(at, at + 60_000));
          await Bun.sleep(0);
        }
      };
      const bomb = makeBomb();
      const good = async (seed: number) => {
        const content = bytesLike(seed, 100_000 + seed * 90_001);
        const bytes = seed % 3 === 0 ? content : gzip(content);
        const id = neighbour();
        await store.layers.receive(id, samplePrefix, slowly(bytes));
        expect(await factsOf(id)).toMatchObject({ diffId: digestOf(content), diffSize: content.byteLength });
        expect(await store.uploads.digest(id, "sha256")).toBe(digestOf(bytes));
        await store.uploads.remove(id);
      };
      const bad = async (seed: number) => {
        const id = neighbour();
        const body = seed % 2 === 0 ? slowly(bomb) : brokenBody(gzip(bytesLike(seed, 500_000)).subarray(0, 9000));
        await store.layers.receive(id, samplePrefix, body).catch(() => undefined);
        await store.uploads.remove(id);
      };
      await Promise.all(Array.from({ length: 24 }, (_, seed) => (seed % 4 === 1 ? bad(seed >> 2) : good(seed))));
    });

    test("TarSum and list of members are those of the layer, wherever it is", async () => {
      const { bytes, digest } = samples.L1;
      const id = await receive(bytes);
      const expected = {
        tarsum: "tarsum+sha256:57f32153c91a1a3ace18b2dab2be4aaf7b13e1b094e95f3f476cdcd5d6db4f6b",
        files: '[["etc", "d", false, 0, 0, 493, 0, 0], ["etc/hello.txt", "f", false, 6, 1400000000, 420, 0, 0]]',
      };
      const read = async (layer: Parameters<Store["layers"]["files"]>[0]) => ({
        tarsum: await store.layers.tarsum(layer, sampleJson),
        files: await store.layers.files(layer),
      });
      expect(await read({ upload: id })).toEqual(expected);
      expect(await read({ content: bytes })).toEqual(expected);
      const key = await store.uploads.commit(id, digest);
      expect(await read({ key })).toEqual(expected);
    });

    test("what is no archive has no members, and the TarSum of its JSON", async () => {
      const layer = { content: new TextEncoder().encode("no archive") };
      expect(await store.layers.files(layer)).toBeUndefined();
      expect(await store.layers.tarsum(layer, sampleJson)).toBe(`tarsum+${digestOf(sampleJson)}`);
    });

    test("a large archive is read in parts", async () => {
      const content = "0123456789abcdef".repeat(50_000);
      const members = Array.from({ length: 5 }, (_, i) => ({ name: `file ${i}`, content }));
      const id = await receive(gzip(tarOf(...members)), [1]);
      expect(JSON.parse((await store.layers.files({ upload: id })) ?? "")).toHaveLength(5);
      const plain = await receive(tarOf(...members));
      expect(await store.layers.tarsum({ upload: plain }, sampleJson)).toBe(
        await store.layers.tarsum({ upload: id }, sampleJson),
      );
    });

    test("of a blob that is not there nothing is known", async () => {
      const layer = { key: store.uploads.key(makeId(), digestOf(new Uint8Array())) };
      const unknownBlob = { kind: "unknown", subject: "blob" };
      await expect(store.layers.facts(layer, samplePrefix)).rejects.toMatchObject(unknownBlob);
      await expect(store.layers.tarsum(layer, sampleJson)).rejects.toMatchObject(unknownBlob);
      await expect(store.layers.files(layer)).rejects.toMatchObject(unknownBlob);
    });
  });
}
