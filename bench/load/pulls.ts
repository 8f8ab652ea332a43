// pulls.ts PORT SECONDS MANIFEST-PATH BLOB-PATH…: whole images, one after the other on one connection. Prints how many.
import { manifestType } from "../content.ts";
import { openConnection } from "./connection.ts";

const [port = "", seconds = "", manifest = "", ...blobs] = process.argv.slice(2);
const connection = await openConnection(Number(port));
const until = performance.now() + Number(seconds) * 1000;
let pulls = 0;
for (; performance.now() < until; pulls++) {
  for (const path of [manifest, ...blobs]) {
    const { status } = await connection.ask({ method: "GET", path, headers: [`Accept: ${manifestType}, */*`] });
    if (status !== 200) throw new Error(`GET ${path}: ${status}`);
  }
}
process.stdout.write(`${pulls}\n`);
connection.close();
