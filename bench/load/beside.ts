// beside.ts PORT SMALL-PATH downloads|pushes COUNT LARGE SECONDS: small GETs at a steady pace beside large downloads of
// the path LARGE, or pushes of LARGE bytes, at full speed. Prints the 99th percentile in milliseconds, counted from when
// the pace lets a request go, also when no connection is free.
import { manifestType } from "../content.ts";
import { percentileOf } from "../median.ts";
import { startDownloads, startPushes } from "./background.ts";
import { type Connection, openConnection } from "./connection.ts";

const perSecond = 300;
const clients = 16;
const [port = "", small = "", kind = "", count = "", large = "", seconds = ""] = process.argv.slice(2);
const background =
  kind === "downloads"
    ? await startDownloads(`http://127.0.0.1:${port}${large}`, Number(count))
    : await startPushes(Number(port), Number(count), Number(large));

// As many as a steady pace needs when answers are slow: what is asked does not wait for what was asked before.
const connections = await Promise.all(Array.from({ length: clients }, () => openConnection(Number(port))));
const free = [...connections];
const waiting: ((connection: Connection) => void)[] = [];
const waits: number[] = [];

async function ask(): Promise<void> {
  const askedAt = performance.now();
  const connection = free.pop() ?? (await new Promise<Connection>((resolve) => waiting.push(resolve)));
  const asked = { method: "GET", path: small, headers: [`Accept: ${manifestType}`] };
  const { status, endedAt } = await connection.ask(asked);
  if (status !== 200) throw new Error(`GET ${small}: ${status}`);
  waits.push(endedAt - askedAt);
  const next = waiting.shift();
  if (next === undefined) free.push(connection);
  else next(connection);
}

const begun = performance.now();
const asking: Promise<void>[] = [];
for (let sent = 0; sent < perSecond * Number(seconds); sent++) {
  const early = begun + (sent * 1000) / perSecond - performance.now();
  if (early > 0) await Bun.sleep(early);
  asking.push(ask());
}
await Promise.all(asking);
await background.stop();
process.stdout.write(`${percentileOf(waits, 0.99)}\n`);
for (const connection of connections) connection.close();
