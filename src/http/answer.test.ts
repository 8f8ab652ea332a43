// Content-Length: the porch's, unless the door has placed it.
import { expect, test } from "bun:test";
import { connect } from "node:net";
import { systemClock } from "#lib/clock";
import { Fault } from "#lib/fault";
import { silentLog } from "#lib/log";
import { type Answer, empty, withoutBody } from "./answer.ts";
import { listen } from "./listen.ts";
import { wireOf } from "./refusal.ts";

const body = new TextEncoder().encode("abc");
const placed: Answer = { status: 200, headers: ["A", "1", "Content-Length", "3", "B", "2"], body };

test("an answer whose door has placed Content-Length gets no second one without its body", async () => {
  expect((await withoutBody(placed)).headers).toEqual(placed.headers);
  expect((await withoutBody({ ...placed, headers: ["A", "1"] })).headers).toEqual(["A", "1", "Content-Length", "3"]);
});

test("a refusal keeps the reason and the length of its door", () => {
  const answer = { ...placed, status: 400, reason: "BAD REQUEST" };
  expect(wireOf(answer, 0)).toBe(
    "HTTP/1.1 400 BAD REQUEST\r\nA: 1\r\nContent-Length: 3\r\nB: 2\r\n" +
      "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\nConnection: close\r\n\r\nabc",
  );
});

test("on the wire headers come in the order of the door, with one Content-Length", async () => {
  const answers: Readonly<Record<string, Answer>> = {
    "/placed": placed,
    "/unplaced": { status: 200, headers: ["A", "1"], body },
    "/none": empty(204, "A", "1", "Content-Length", "0", "B", "2"),
  };
  const server = await listen({
    host: "127.0.0.1",
    port: 0,
    door: async ({ path, method }) => {
      const answer = answers[path];
      if (answer === undefined) throw new Fault("unknown", "route", "no such test");
      return method === "HEAD" ? withoutBody(answer) : answer;
    },
    refusal: () => empty(400),
    clock: systemClock,
    log: silentLog,
  });
  const exchange = (method: string, path: string) =>
    new Promise<string>((resolve, reject) => {
      const socket = connect(server.port, "127.0.0.1", () => {
        socket.write(`${method} ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
      });
      let text = "";
      socket.on("data", (bytes) => {
        text += bytes.toString("latin1");
      });
      socket.on("close", () => resolve(text));
      socket.on("error", reject);
    });
  for (const method of ["GET", "HEAD"]) {
    const end = method === "GET" ? "abc" : "";
    const inOrder = await exchange(method, "/placed");
    expect(inOrder).toMatch(/\r\nA: 1\r\nContent-Length: 3\r\nB: 2\r\n/);
    expect(inOrder.match(/content-length/gi)).toHaveLength(1);
    expect(inOrder).toEndWith(`\r\n\r\n${end}`);
    expect((await exchange(method, "/unplaced")).match(/Content-Length: 3\r\n/g)).toHaveLength(1);
    const none = await exchange(method, "/none");
    expect(none).toMatch(/^HTTP\/1\.1 204 .*\r\nA: 1\r\nContent-Length: 0\r\nB: 2\r\n/);
    expect(none).toEndWith("\r\n\r\n");
  }
  await server.close(0);
});
