// blobs.ts PORT WAY CLIENTS BYTES once|forever: large blobs, each with a digest of its own, by several clients at once.
// Prints `ready` when it begins, then bytes per second of all together, from the first POST to the last answer.
import { makeBlob } from "../content.ts";
import { openConnection } from "./connection.ts";
import { pushBlob } from "./pushing.ts";

const [port = "", way = "", clients = "", bytes = "", times = ""] = process.argv.slice(2);
const name = (client: number, count: number) => `${performance.timeOrigin} ${way} ${client} ${count}`;
const first = Array.from({ length: Number(clients) }, (_, client) => makeBlob(Number(bytes), name(client, 0)));
process.stdout.write("ready\n");
const begun = performance.now();
await Promise.all(
  first.map(async (blob, client) => {
    const connection = await openConnection(Number(port));
    const push = (each: typeof blob) =>
      pushBlob(connection, `bench/large-${client}`, each, way === "put" ? "put" : "patch");
    await push(blob);
    for (let count = 1; times === "forever"; count++) await push(makeBlob(Number(bytes), name(client, count)));
    connection.close();
  }),
);
process.stdout.write(`${(first.length * Number(bytes)) / ((performance.now() - begun) / 1000)}\n`);
