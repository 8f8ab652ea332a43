// How many run beside each other.
import { expect, test } from "bun:test";
import { openLanes } from "./lanes.ts";

class Lost extends Error {}
class Away extends Error {}

/** Runs `count` at once that end together; how many were under way at most. */
async function countBeside(run: (work: () => Promise<void>) => Promise<void>, count: number): Promise<number> {
  let running = 0;
  let most = 0;
  const work = async () => {
    most = Math.max(most, ++running);
    await Bun.sleep(0);
    running--;
  };
  await Promise.all(Array.from({ length: count }, () => run(work)));
  return most;
}

const openFour = () =>
  openLanes(4, { isLostRace: (error) => error instanceof Lost, isAway: (error) => error instanceof Away });
const lose = () => Promise.reject(new Lost());

test("so many run beside each other as there is room, and the others wait", async () => {
  expect(await countBeside(openFour()("put").run, 20)).toBe(4);
});

test("a lost race halves the room of its name down to one, and another failure leaves it", async () => {
  const laneOf = openFour();
  await expect(laneOf("put").run(lose)).rejects.toThrow(Lost);
  expect(await countBeside(laneOf("put").run, 8)).toBe(2);
  for (let i = 0; i < 5; i++) await expect(laneOf("put").run(lose)).rejects.toThrow(Lost);
  expect(await countBeside(laneOf("put").run, 8)).toBe(1);
  expect(await countBeside(laneOf("other").run, 8)).toBe(4);
  await expect(laneOf("other").run(() => Promise.reject(new TypeError()))).rejects.toThrow(TypeError);
  expect(await countBeside(laneOf("other").run, 8)).toBe(4);
});

test("a database that is gone lets all in who wait, and the room stays", async () => {
  const lane = openFour()("put");
  for (let i = 0; i < 5; i++) await expect(lane.run(lose)).rejects.toThrow(Lost);
  let running = 0;
  let most = 0;
  const fails = Promise.withResolvers<never>();
  const gone = Array.from({ length: 6 }, (_, i) =>
    lane.run(async () => {
      most = Math.max(most, ++running);
      if (i > 0) await Bun.sleep(1);
      else await fails.promise;
      running--;
    }),
  );
  fails.reject(new Away());
  await expect(gone[0]).rejects.toThrow(Away);
  await Promise.all(gone.slice(1));
  expect(most).toBe(6);
  expect(await countBeside(lane.run, 8)).toBe(1);
});

test("what succeeds makes room again, never more than there was", async () => {
  const lane = openFour()("put");
  for (let i = 0; i < 5; i++) await expect(lane.run(lose)).rejects.toThrow(Lost);
  expect(await countBeside(lane.run, 16)).toBe(1);
  await countBeside(lane.run, 400);
  expect(await countBeside(lane.run, 16)).toBe(4);
});
