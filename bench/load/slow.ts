// slow.ts PORT readers|uploads LARGE-PATH CLIENTS SECONDS: clients that are slower than the server. Prints nothing: whoever
// starts it looks at the server's memory meanwhile.
import { connect } from "node:net";
import { openConnection } from "./connection.ts";

const tickMilliseconds = 100;
const bytesPerTick = 64 * 1024;
const [port = "", mode = "", large = "", clients = "", seconds = ""] = process.argv.slice(2);
const until = performance.now() + Number(seconds) * 1000;

/** Reads a little at a time and lets the rest wait at the server. */
async function read(): Promise<void> {
  const socket = connect({ port: Number(port), host: "127.0.0.1" });
  socket.on("error", () => undefined);
  socket.on("data", () => {
    socket.pause();
    setTimeout(() => socket.resume(), tickMilliseconds);
  });
  socket.write(`GET ${large} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`);
  await Bun.sleep(Number(seconds) * 1000);
  socket.destroy();
}

/** Sends a little at a time. */
async function upload(client: number): Promise<void> {
  const connection = await openConnection(Number(port));
  const begun = await connection.ask({
    method: "POST",
    path: `/v2/bench/slow-${client}/blobs/uploads/`,
    headers: ["Content-Length: 0"],
  });
  connection.close();
  const path = (begun.header("location") ?? "").replace(/^https?:\/\/[^/]+/, "");
  const socket = connect({ port: Number(port), host: "127.0.0.1" });
  socket.on("error", () => undefined);
  socket.write(`PATCH ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Type: application/octet-stream\r\n`);
  socket.write(`Content-Length: ${2 ** 30}\r\n\r\n`);
  const part = Buffer.alloc(bytesPerTick, client);
  while (performance.now() < until) {
    if (!socket.write(part)) await Bun.sleep(tickMilliseconds / 10);
    await Bun.sleep(tickMilliseconds);
  }
  socket.destroy();
}

await Promise.all(
  Array.from({ length: Number(clients) }, (_, client) => (mode === "readers" ? read() : upload(client))),
);
