// tags.ts PORT REPOSITORIES CLIENTS SECONDS: new tags for manifests that a seeded store has, in repositories at random.
// Prints tag PUTs per second.
import { manifestType } from "../content.ts";
import { manifestOf, pathOf } from "../seed/rows.ts";
import { openConnection } from "./connection.ts";

const [port = 0, repositories = 1, clients = 1, seconds = 1] = process.argv.slice(2).map(Number);
const run = performance.timeOrigin.toString(36).replace(".", "");
let puts = 0;
const begun = performance.now();
const until = begun + seconds * 1000;
await Promise.all(
  Array.from({ length: clients }, async () => {
    const connection = await openConnection(port);
    while (performance.now() < until) {
      const repository = Math.floor(Math.random() * repositories);
      const { bytes } = manifestOf(repository, 0);
      const path = `/v2/${pathOf(repository)}/manifests/${run}-${puts++}`;
      const headers = [`Content-Type: ${manifestType}`, `Content-Length: ${bytes.byteLength}`];
      const { status } = await connection.ask({ method: "PUT", path, headers, body: [bytes] });
      if (status !== 201) throw new Error(`PUT ${path}: ${status}`);
    }
    connection.close();
  }),
);
process.stdout.write(`${puts / ((performance.now() - begun) / 1000)}\n`);
