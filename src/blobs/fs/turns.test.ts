// Turns: who comes when a turn is full goes on in a later one, in the order of coming.
import { expect, test } from "bun:test";
import { openTurns } from "./turns.ts";

const nextTurn = () => new Promise<void>((resolve) => void setImmediate(resolve));

test("two go on at once, the others two by two in the turns that follow", async () => {
  const takeTurn = openTurns();
  const gone: number[] = [];
  const go = async (who: number) => {
    await takeTurn();
    gone.push(who);
  };
  const all = Promise.all([1, 2, 3, 4, 5].map(go));
  const seen: number[][] = [];
  for (let i = 0; i < 3; i++) {
    await Promise.resolve();
    seen.push([...gone]);
    await nextTurn();
  }
  await all;
  expect(seen).toEqual([
    [1, 2],
    [1, 2, 3, 4],
    [1, 2, 3, 4, 5],
  ]);
  await nextTurn();
  expect(takeTurn()).toBeUndefined();
});
