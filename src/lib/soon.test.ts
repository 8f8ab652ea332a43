// What is there is used at once, what is not is waited for, and failures come the way that values do.
import { expect, test } from "bun:test";
import { whenThere } from "./soon.ts";

const fail = () => {
  throw new Error("failed");
};

test("a value that is there is used at once", () => {
  expect(whenThere(2, (value) => value + 1)).toBe(3);
  expect(whenThere(undefined, (value) => value === undefined)).toBe(true);
  expect(() => whenThere(2, fail)).toThrow("failed");
});

test("one that comes later is waited for", async () => {
  const later = whenThere(Promise.resolve(2), (value) => value + 1);
  expect(later).toBeInstanceOf(Promise);
  expect(await later).toBe(3);
  expect(await whenThere(2, async (value) => value + 1)).toBe(3);
  expect(await Promise.resolve(whenThere(Promise.resolve(2), fail)).catch(String)).toBe("Error: failed");
  expect(await Promise.resolve(whenThere(Promise.reject(new Error("first")), fail)).catch(String)).toBe("Error: first");
});
