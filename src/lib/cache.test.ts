// What a cache keeps, and what it lets go.
import { expect, test } from "bun:test";
import { openCache } from "./cache.ts";

const kibi = 1024;

test("what is kept is found, until it is deleted or replaced", () => {
  const cache = openCache<string>(64 * kibi);
  cache.set("a", "first", kibi);
  expect([cache.get("a"), cache.has("a"), cache.get("b"), cache.has("b")]).toEqual(["first", true, undefined, false]);
  cache.set("a", "second", kibi);
  expect([cache.get("a"), cache.size().entries]).toEqual(["second", 1]);
  cache.delete("a");
  cache.delete("b");
  expect([cache.get("a"), cache.size()]).toEqual([undefined, { bytes: 0, entries: 0 }]);
});

test("it never takes more than it may: what was not used for the longest time goes first", () => {
  const cache = openCache<number>(64 * kibi);
  for (let i = 0; i < 1_000; i++) {
    cache.set(`key ${i}`, i, 4 * kibi);
    cache.get("key 3");
    expect(cache.size().bytes).toBeLessThanOrEqual(64 * kibi);
  }
  const { entries } = cache.size();
  expect(entries).toBeGreaterThan(10);
  const kept = Array.from({ length: 1_000 }, (_, i) => i).filter((i) => cache.has(`key ${i}`));
  expect(kept).toEqual([3, ...Array.from({ length: entries - 1 }, (_, i) => 1_001 - entries + i)]);
});

test("what takes no bytes itself is bounded as well", () => {
  const cache = openCache<null>(64 * kibi);
  for (let i = 0; i < 10_000; i++) cache.set(`key ${i}`, null, 0);
  expect(cache.size().bytes).toBeLessThanOrEqual(64 * kibi);
  expect(cache.size().entries).toBeLessThan(1_000);
});

test("one that is large is not kept, drives out nobody, and what it replaces is gone", () => {
  const cache = openCache<string>(64 * kibi);
  cache.set("neighbour", "small", kibi);
  cache.set("grows", "small", kibi);
  cache.set("grows", "large", 9 * kibi);
  expect([cache.get("grows"), cache.get("neighbour")]).toEqual([undefined, "small"]);
  expect(cache.size().entries).toBe(1);
});

test("its count of bytes is that of what it holds, whatever was done", () => {
  const cache = openCache<number>(16 * kibi);
  for (let i = 0; i < 2_000; i++) {
    cache.set(`key ${i % 37}`, i, (i * 97) % 3_000);
    if (i % 5 === 0) cache.delete(`key ${i % 11}`);
  }
  for (let i = 0; i < 37; i++) cache.delete(`key ${i}`);
  expect(cache.size()).toEqual({ bytes: 0, entries: 0 });
});

test("a key takes what it is long: long ones for nothing do not add up", () => {
  const cache = openCache<null>(64 * kibi);
  for (let i = 0; i < 100; i++) cache.set(`${i}`.padEnd(2 * kibi), null, 0);
  expect(cache.size().entries).toBeLessThan(32);
  cache.set("long".padEnd(16 * kibi), null, 0);
  expect(cache.has("long".padEnd(16 * kibi))).toBe(false);
});
