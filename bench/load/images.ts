// images.ts PORT CLIENTS REPOSITORIES SECONDS: small images, each with content of its own, by several clients into several
// repositories in turn. Prints JSON: pushes per second, and the median and the 99th percentile of a push in milliseconds.
import { makeSmallImage } from "../content.ts";
import { percentileOf } from "../median.ts";
import { openConnection } from "./connection.ts";
import { pushImage } from "./pushing.ts";

const [port = 0, clients = 1, repositories = 1, seconds = 3] = process.argv.slice(2).map(Number);
const run = performance.timeOrigin.toString(36).replace(".", "");
const waits: number[] = [];
let begunPushes = 0;
const connections = await Promise.all(Array.from({ length: clients }, () => openConnection(port)));
const begun = performance.now();
const until = begun + seconds * 1000;

await Promise.all(
  connections.map(async (connection) => {
    while (performance.now() < until) {
      const count = begunPushes++;
      const image = makeSmallImage(`${run}-${count}`);
      const pushedAt = performance.now();
      await pushImage(connection, `bench/pushed-${repositories}-${count % repositories}`, `${run}-${count}`, image);
      waits.push(performance.now() - pushedAt);
    }
    connection.close();
  }),
);
const rate = waits.length / ((performance.now() - begun) / 1000);
process.stdout.write(JSON.stringify([rate, percentileOf(waits, 0.5), percentileOf(waits, 0.99)]));
