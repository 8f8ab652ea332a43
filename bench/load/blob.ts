// blob.ts PORT WAY BYTES NAME: one large blob by one client. Prints bytes per second, from the POST to the last answer.
import { makeBlob } from "../content.ts";
import { openConnection } from "./connection.ts";
import { pushBlob } from "./pushing.ts";

const [port = "", way = "", bytes = "", name = ""] = process.argv.slice(2);
const blob = makeBlob(Number(bytes), name);
const connection = await openConnection(Number(port));
const begun = performance.now();
await pushBlob(connection, "bench/large", blob, way === "put" ? "put" : "patch");
process.stdout.write(`${blob.size / ((performance.now() - begun) / 1000)}\n`);
connection.close();
