import { expect, test } from "bun:test";
import { complaintsAbout, readCounts } from "./summary.ts";

function outputOf(counts: readonly [number, number, number, number, number], ...tests: readonly string[]): string {
  const [disabled, skip, pass, fail, error] = counts;
  return `Test results
OCI Conformance Test: Pass
${tests.map((each) => `    OCI Conformance Test/${each}\n`).join("")}
OCI Conformance Result: Pass
  Disabled......................:          ${disabled}
  Skip..........................:          ${skip}
  Pass..........................:        ${pass}
  FAIL..........................:          ${fail}
  Error.........................:          ${error}
  Total.........................:        900

API conformance:
  Blob upload cancel............:   Disabled
  Ping..........................:       Pass
`;
}

test("The counts are read", () => {
  expect(readCounts(outputOf([2, 3, 850, 4, 5]))).toEqual({ disabled: 2, skip: 3, pass: 850, fail: 4, error: 5 });
  expect(readCounts("failed to load config: no\n")).toBeUndefined();
});

test("A run in which all passed is fine", () => {
  expect(complaintsAbout(outputOf([2, 0, 850, 0, 0], "ping: Pass"), { disabled: 2 })).toEqual([]);
});

test("Tests that failed or were skipped are named", () => {
  const output = outputOf([0, 1, 850, 1, 0], "a b/c: FAIL", "d: Skip", "e: Pass");
  expect(complaintsAbout(output, { disabled: 0 })).toEqual(["a b/c: FAIL", "d: Skip"]);
});

test("A failure that no line names is still one, and so are tests switched off and no tests at all", () => {
  expect(complaintsAbout(outputOf([0, 0, 850, 1, 0]), { disabled: 0 })).toHaveLength(1);
  expect(complaintsAbout(outputOf([5, 0, 850, 0, 0]), { disabled: 0 })).toEqual(["5 tests were switched off, not 0"]);
  expect(complaintsAbout(outputOf([0, 0, 0, 0, 0]), { disabled: 0 })).toEqual(["no test passed"]);
  expect(complaintsAbout("", { disabled: 0 })).toHaveLength(1);
});
