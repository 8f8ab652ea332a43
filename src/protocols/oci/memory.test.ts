// What the door keeps of requests holds no more than it is counted for.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { openTestRegistry, type TestRegistry } from "#registry/testing";
import { openAsk } from "./testing.ts";

const maxGrowthBytes = 80 * 1024 * 1024;
const requests = 8_000;

let house: TestRegistry;
beforeAll(async () => {
  house = await openTestRegistry();
});
afterAll(() => house.remove());

/** A target of 32 KB, made anew as one that arrives is: text that was joined holds nothing but itself. */
const targetOf = (path: string) => Buffer.from(`${path}?${"z".repeat(32_000)}`).toString();

function used(): number {
  Bun.gc(true);
  return process.memoryUsage.rss();
}

test("long queries are forgotten, also where the paths before them are kept", async () => {
  const ask = openAsk(house.registry);
  const before = used();
  for (let i = 0; i < requests; i++) {
    // Refused behind the cache of paths, and before the database is asked.
    const { status } = await ask("GET", targetOf(`/v2/a/manifests/-t${i}`));
    expect(status).toBe(400);
  }
  expect(used() - before).toBeLessThan(maxGrowthBytes);
}, 60_000);
