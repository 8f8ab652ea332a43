// Files read in parts whose size depends on how many are open: every byte right, whatever changes on the way.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openReading, type Reading } from "./reading.ts";

const fileBytes = 3 * 1024 * 1024 + 7;
let folder = "";
const pathOf = (name: number) => join(folder, String(name));
const contentOf = (name: number) => new Uint8Array(fileBytes).map((_, i) => (i * 31 + (i >> 13) + name * 77) & 255);

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "berth-reading-"));
  for (let name = 0; name < 6; name++) writeFileSync(pathOf(name), contentOf(name));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe("reading files", () => {
  test("parts are large for one reader, and small for many", async () => {
    const reading = openReading();
    const sizeOfFirst = async () => {
      const source = await reading.open(pathOf(0));
      for await (const part of source.read(0, source.size)) return { source, bytes: part.byteLength };
      throw new Error("an empty file");
    };
    const alone = await sizeOfFirst();
    const others: Awaited<ReturnType<typeof sizeOfFirst>>[] = [];
    for (let i = 0; i < 9; i++) others.push(await sizeOfFirst());
    const last = others.at(-1);
    expect(last?.bytes).toBeLessThan(alone.bytes);
    for (const { source } of [alone, ...others]) await source.close();
    const again = await sizeOfFirst();
    expect(again.bytes).toBe(alone.bytes);
    await again.source.close();
  });

  test("readers that come and go and give their parts back never see each other's bytes", async () => {
    const reading = openReading();
    const readWhole = async (name: number) => {
      const source = await reading.open(pathOf(name));
      const hash = new Bun.CryptoHasher("sha256");
      for await (const part of source.read(0, source.size)) {
        hash.update(part);
        source.takeBack?.(part);
        await Bun.sleep(0);
      }
      await source.close();
      return hash.digest("hex");
    };
    const expected = [0, 1, 2, 3, 4, 5].map((name) => Bun.CryptoHasher.hash("sha256", contentOf(name), "hex"));
    for (const readers of [1, 6, 2, 24]) {
      const names = Array.from({ length: readers }, (_, i) => i % 6);
      expect(await Promise.all(names.map(readWhole))).toEqual(names.map((name) => expected[name] ?? ""));
    }
  });

  test("parts that are kept stay as they are while others read", async () => {
    const reading = openReading();
    const source = await reading.open(pathOf(1));
    const kept = await Array.fromAsync(source.read(0, source.size));
    const other = await reading.open(pathOf(2));
    for await (const part of other.read(0, other.size)) other.takeBack?.(part);
    expect(Buffer.concat(kept).equals(contentOf(1))).toBe(true);
    await Promise.all([source.close(), other.close()]);
  });

  describe("a small file", () => {
    const smallBytes = 700_000;
    const content = (name: string) => contentOf(name.length).subarray(0, smallBytes);
    const write = (name: string) => {
      writeFileSync(join(folder, name), content(name));
      return join(folder, name);
    };
    const openAndRead = async (reading: Reading, path: string) => {
      const source = await reading.open(path);
      const bytes = Buffer.concat(await Array.fromAsync(source.read(0, source.size)));
      await source.close();
      return { bytes, isKept: source.bytes !== undefined };
    };

    test("is kept from the second time on", async () => {
      const [reading, path] = [openReading(), write("small")];
      for (const isKept of [false, true, true]) {
        expect(await openAndRead(reading, path)).toEqual({ bytes: Buffer.from(content("small")), isKept });
      }
      // It is not read any more: a file of the store never changes.
      rmSync(path);
      expect((await openAndRead(reading, path)).isKept).toBe(true);
    });

    test("is not known any more when it was forgotten", async () => {
      const [reading, path] = [openReading(), write("forgotten")];
      for (let i = 0; i < 3; i++) await openAndRead(reading, path);
      reading.forget(path);
      rmSync(path);
      await expect(reading.open(path)).rejects.toMatchObject({ kind: "unknown", subject: "blob" });
    });

    test("is right for each of many who ask at once", async () => {
      const reading = openReading();
      const names = ["a", "bb", "ccc", "dddd"];
      for (const name of names) write(name);
      const asked = Array.from({ length: 80 }, (_, i) => names[i % names.length] ?? "");
      const read = await Promise.all(asked.map((name) => openAndRead(reading, join(folder, name))));
      for (const [i, { bytes }] of read.entries()) expect(bytes.equals(content(asked[i] ?? ""))).toBe(true);
    });
  });
});
