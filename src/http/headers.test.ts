// Headers arrive as they were given, and what is kept of them stays as it is.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { type AddressInfo, connect } from "node:net";
import type { Answer } from "./answer.ts";
import { type Framing, type KeptHeaders, keepHeaders, setHeaders } from "./headers.ts";

let answer: Pick<Answer, "headers" | "ready"> = { headers: [] };
let framing: Framing = { length: 2, isLast: false };
let failure: unknown;
let server: Server;

beforeAll(async () => {
  server = createServer((_request, response) => {
    try {
      setHeaders(response, answer, framing);
    } catch (error) {
      failure = error;
    }
    response.writeHead(200);
    response.end("ok");
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
});
afterAll(() => server.close());

/** The lines of the answer, as they are on the wire, but for those that the runtime adds. */
async function ask(given: readonly string[] | KeptHeaders, framed: Partial<Framing> = {}): Promise<string[]> {
  answer = "ready" in given ? given : { headers: given };
  framing = { length: 2, isLast: false, ...framed };
  failure = undefined;
  const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
  socket.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  let text = "";
  for await (const part of socket) {
    text += part;
    if (text.endsWith("ok") || text.endsWith("\r\n0\r\n\r\n")) break;
  }
  socket.destroy();
  const lines = text.slice(0, text.indexOf("\r\n\r\n")).split("\r\n").slice(1);
  return lines.filter((line) => !/^(?:date|keep-alive):|^connection: keep-alive/i.test(line));
}

test("they are sent in their order and with their capitals, and the length after them", async () => {
  expect(await ask(["X-Second", "2", "eTaG", '"1"', "Content-Type", "text/plain"])).toEqual([
    "X-Second: 2",
    'eTaG: "1"',
    "Content-Type: text/plain",
    "Content-Length: 2",
  ]);
});

test("one that is there more than once is sent as often", async () => {
  const lines = await ask(["Set-Cookie", "a=1", "Set-Cookie", "b=2", "X-One", "1", "set-cookie", "c=3"]);
  expect(lines.filter((line) => /^set-cookie/i.test(line)).map((line) => line.slice(12))).toEqual([
    "a=1",
    "b=2",
    "c=3",
  ]);
});

test.each(["a\r\nX-Smuggled: 1", "a\0", "a\n", "\u0100"])(
  "a value that no header may have is refused: %j",
  async (value) => {
    expect(await ask(["X-Value", value])).not.toContain("X-Smuggled: 1");
    expect(failure).toBeInstanceOf(Error);
    expect(() => keepHeaders(["X-Value", value])).toThrow("X-Value");
  },
);

test("what is kept is sent the same again, also after an answer that was framed in another way", async () => {
  const kept = keepHeaders(["X-Kept", "1", "Content-Length", "2"]);
  const lines = ["X-Kept: 1", "Content-Length: 2"];
  expect(await ask(kept, { length: undefined })).toEqual(lines);
  expect(await ask(kept, { length: undefined, isLast: true })).toEqual([...lines, "Connection: close"]);
  expect(await ask(kept, { length: undefined })).toEqual(lines);
  const open = keepHeaders(["X-Open", "1"]);
  expect(await ask(open, { isLast: true })).toEqual(["X-Open: 1", "Content-Length: 2", "Connection: close"]);
  expect(await ask(open)).toEqual(["X-Open: 1", "Content-Length: 2"]);
});

test("a connection that the door ends is not said to end twice", async () => {
  expect(await ask(["Connection", "close"], { isLast: true })).toEqual(["Connection: close", "Content-Length: 2"]);
});
