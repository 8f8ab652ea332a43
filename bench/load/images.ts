// images.ts PORT CLIENTS SECONDS: small images, each with content of its own, by several clients. Prints pushes per second.
import { makeBlob, makeConfig, makeImage } from "../content.ts";
import { openConnection } from "./connection.ts";
import { pushImage } from "./pushing.ts";

const smallBytes = 1024;
const [port = 0, clients = 1, seconds = 3] = process.argv.slice(2).map(Number);
let pushes = 0;
const begun = performance.now();
const until = begun + seconds * 1000;

async function pushUntil(client: number): Promise<void> {
  const connection = await openConnection(port);
  for (let count = 0; performance.now() < until; count++) {
    const name = `${client}-${count}`;
    const image = makeImage(makeConfig(smallBytes, name), [makeBlob(smallBytes, name)]);
    await pushImage(connection, `bench/client-${client}`, `v${count}`, image);
    pushes++;
  }
  connection.close();
}

await Promise.all(Array.from({ length: clients }, (_, client) => pushUntil(client)));
process.stdout.write(`${pushes / ((performance.now() - begun) / 1000)}\n`);
