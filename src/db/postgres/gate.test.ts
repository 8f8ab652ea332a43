// Who runs beside whom.
import { expect, test } from "bun:test";
import { openGate } from "./gate.ts";

/** Work that ends when it is told to, and says in `log` when it begins and ends. */
function openWork(log: string[]) {
  const ends = new Map<string, () => void>();
  return {
    work: (name: string) => async () => {
      log.push(`${name} begins`);
      await new Promise<void>((end) => ends.set(name, end));
      log.push(`${name} ends`);
      return name;
    },
    async end(name: string) {
      ends.get(name)?.();
      await Bun.sleep(0);
    },
  };
}

test("what is shared runs side by side; who is alone waits for them, and those who come later wait for it", async () => {
  const log: string[] = [];
  const { work, end } = openWork(log);
  const gate = openGate();
  const all = [gate.shared(work("a")), gate.shared(work("b")), gate.alone(work("c")), gate.shared(work("d"))];
  await Bun.sleep(0);
  expect(log).toEqual(["a begins", "b begins"]);
  await end("a");
  await end("b");
  expect(log.slice(2)).toEqual(["a ends", "b ends", "c begins"]);
  await end("c");
  expect(log.slice(5)).toEqual(["c ends", "d begins"]);
  await end("d");
  expect(await Promise.all(all)).toEqual(["a", "b", "c", "d"]);
});

test("those who are alone come one after another, in order, and a failure gives the floor on", async () => {
  const log: string[] = [];
  const gate = openGate();
  const fails = gate.alone(async () => {
    log.push("first");
    throw new Error("lost");
  });
  const second = gate.alone(async () => log.push("second"));
  const third = gate.shared(async () => log.push("third"));
  expect(await fails.catch(String)).toBe("Error: lost");
  await Promise.all([second, third]);
  expect(log).toEqual(["first", "second", "third"]);
});
