import { expect, test } from "bun:test";
import { IncomingMessage } from "node:http";
import { Socket } from "node:net";
import { openBodies } from "./incoming.ts";

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

function pausedRequest(): IncomingMessage {
  const request = new IncomingMessage(new Socket());
  request.on("data", () => undefined);
  request.pause();
  return request;
}

test("paused requests go on two in each turn of the loop, each once, in the order in which they asked", async () => {
  const bodies = openBodies(() => 0);
  const requests = Array.from({ length: 5 }, pausedRequest);
  const paused = () => requests.map((request) => request.isPaused());
  for (const request of [...requests, ...requests]) bodies.goOn(request);
  expect(paused()).toEqual([true, true, true, true, true]);
  await turn();
  expect(paused()).toEqual([false, false, true, true, true]);
  await turn();
  expect(paused()).toEqual([false, false, false, false, true]);
  await turn();
  expect(paused()).toEqual([false, false, false, false, false]);
  requests[0]?.pause();
  await turn();
  expect(paused()[0]).toBe(true);
  bodies.goOn(requests[0] ?? pausedRequest());
  await turn();
  expect(paused()[0]).toBe(false);
});
