// beside.ts PORT SMALL-PATH downloads|pushes COUNT LARGE SECONDS: small GETs at a steady pace beside large downloads of
// the path LARGE, or pushes of LARGE bytes, at full speed. Prints the 99th percentile in milliseconds, counted from when
// each request was due.
import { manifestType } from "../content.ts";
import { percentileOf } from "../median.ts";
import { startDownloads, startPushes } from "./background.ts";
import { openConnection } from "./connection.ts";

const perSecond = 300;
const [port = "", small = "", kind = "", count = "", large = "", seconds = ""] = process.argv.slice(2);
const background =
  kind === "downloads"
    ? await startDownloads(`http://127.0.0.1:${port}${large}`, Number(count))
    : await startPushes(Number(port), Number(count), Number(large));

const connection = await openConnection(Number(port));
const waits: number[] = [];
const begun = performance.now();
for (let sent = 0; sent < perSecond * Number(seconds); sent++) {
  const due = begun + (sent * 1000) / perSecond;
  const early = due - performance.now();
  if (early > 0) await Bun.sleep(early);
  // A timer is late by up to a millisecond: that is not the server's.
  const sentAt = Math.max(due, Math.min(performance.now(), due + 1));
  const { status, endedAt } = await connection.ask({
    method: "GET",
    path: small,
    headers: [`Accept: ${manifestType}`],
  });
  if (status !== 200) throw new Error(`GET ${small}: ${status}`);
  waits.push(endedAt - sentAt);
}
await background.stop();
process.stdout.write(`${percentileOf(waits, 0.99)}\n`);
connection.close();
