// What two nodes keep in memory is never older than what either of them has acknowledged.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { openTestRegistry, type TestRegistry } from "#registry/testing";
import { findStale } from "./contract.ts";
import { openAsk } from "./testing.ts";

let house: TestRegistry;
beforeAll(async () => {
  house = await openTestRegistry({ store: "fs" });
});
afterAll(() => house.remove());

test("the first read after a write sees it, also on the other node, while many read", async () => {
  const node = await house.openNode();
  expect(await findStale([openAsk(house.registry), openAsk(node.registry)], 40)).toEqual([]);
}, 60_000);
