// The line of a request is one that pino would have written.
import { expect, test } from "bun:test";
import type { Observation } from "#http/serve";
import { systemClock } from "#lib/clock";
import { logTo } from "#lib/log";
import { openRequestLog } from "./request-log.ts";

const notes = { protocol: "oci", action: "manifest GET", repository: 'a/"b"\n\u2028' };
const observation: Observation = {
  method: "GET",
  path: `/v2/${"a".repeat(600)}`,
  requestId: "id-1",
  address: "::1",
  notes,
  status: 200,
  bytes: 1,
  received: 0,
  milliseconds: 0.123_456,
};

function collect(level: "info" | "warn") {
  const lines: string[] = [];
  const log = logTo(() => ({ write: (line) => void lines.push(line) }), level);
  return { log, lines };
}

test("it has the fields of pino's line, in its order, in one line", () => {
  const { log, lines } = collect("info");
  openRequestLog(log, systemClock)(observation);
  const { requestId, address, status, bytes } = observation;
  log.info({ requestId, address, ...notes, status, bytes, ms: 0.12 }, `GET /v2/${"a".repeat(508)} 200`);
  const [ours = "", theirs = ""] = lines.map((line) => line.replace(/"time":"[^"]*"/, '"time":""'));
  expect(lines).toHaveLength(2);
  expect(ours).toEndWith("}\n");
  expect(JSON.parse(ours)).toEqual(JSON.parse(theirs));
  expect(Object.keys(JSON.parse(ours))).toEqual(Object.keys(JSON.parse(theirs)));
  expect(JSON.parse(lines[0] ?? "").time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
});

test("where nobody wants to know, nothing is written", () => {
  const { log, lines } = collect("warn");
  openRequestLog(log, systemClock)(observation);
  expect(lines).toEqual([]);
});
