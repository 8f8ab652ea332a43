// The suite of what clients see of each other's writes, from outside: over connections of which each asks one request after
// the other, so that those to one port are served by whichever workers took them.
import { Agent, request } from "node:http";
import { findStale, type Way } from "../src/protocols/oci/contract.ts";

const connections = 6;

/** What the servers at `urls` answered as it was before an acknowledged write, in words. */
export async function findStaleAt(urls: readonly string[], rounds: number): Promise<readonly string[]> {
  const agents = Array.from({ length: connections }, () => new Agent({ keepAlive: true, maxSockets: 1 }));
  try {
    return await findStale(
      agents.map((agent, i) => openWay(urls[i % urls.length] ?? "", agent)),
      rounds,
    );
  } finally {
    for (const agent of agents) agent.destroy();
  }
}

function openWay(url: string, agent: Agent): Way {
  return (method, target, { body, headers } = {}) =>
    new Promise((resolve, reject) => {
      const length = body === undefined ? {} : { "Content-Length": body.byteLength };
      const asking = request(url + target, { method, agent, headers: { ...headers, ...length } }, (answer) => {
        const parts: Buffer[] = [];
        answer.on("data", (part: Buffer) => parts.push(part));
        answer.once("error", reject);
        answer.once("end", () => {
          const seen = Object.entries(answer.headers).map(([name, value]) => [name, String(value)]);
          resolve({
            status: answer.statusCode ?? 0,
            headers: Object.fromEntries(seen),
            bytes: new Uint8Array(Buffer.concat(parts)),
          });
        });
      });
      asking.once("error", reject);
      asking.end(body);
    });
}
