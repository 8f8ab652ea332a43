// beside.ts PORT SMALL-PATH LARGE-PATH DOWNLOADS SECONDS: small GETs at a steady pace while large blobs are downloaded at
// full speed. Prints the 99th percentile in milliseconds, counted from when each request was due.
import { manifestType } from "../content.ts";
import { openConnection } from "./connection.ts";

const perSecond = 200;
const settleMilliseconds = 500;
const [port = "", small = "", large = "", downloads = "", seconds = ""] = process.argv.slice(2);
let isOver = false;

/** Downloads again and again, in a process of its own: curl reads faster than this loop would. */
async function download(): Promise<void> {
  while (!isOver) {
    const curl = Bun.spawn(["curl", "-sf", "-o", "/dev/null", `http://127.0.0.1:${port}${large}`]);
    running.add(curl);
    const code = await curl.exited;
    running.delete(curl);
    if (code !== 0 && !isOver) throw new Error(`a download ended with ${code}`);
  }
}

const running = new Set<Bun.Subprocess>();
const downloading = Array.from({ length: Number(downloads) }, download);
await Bun.sleep(settleMilliseconds);

const connection = await openConnection(Number(port));
const waits: number[] = [];
const begun = performance.now();
for (let count = 0; count < perSecond * Number(seconds); count++) {
  const due = begun + (count * 1000) / perSecond;
  const early = due - performance.now();
  if (early > 0) await Bun.sleep(early);
  const sentAt = Math.max(due, Math.min(performance.now(), due + 1));
  const { status, endedAt } = await connection.ask({
    method: "GET",
    path: small,
    headers: [`Accept: ${manifestType}`],
  });
  if (status !== 200) throw new Error(`GET ${small}: ${status}`);
  waits.push(endedAt - sentAt);
}
isOver = true;
for (const curl of running) curl.kill();
await Promise.all(downloading);
waits.sort((a, b) => a - b);
process.stdout.write(`${waits[Math.floor(waits.length * 0.99)]}\n`);
connection.close();
