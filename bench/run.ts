// npm run bench: Berth and its peers, one after the other, on the same data, then Berth beside itself; writes RESULTS.md.
// README.md says how to use it.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openMachine, say } from "./machine.ts";
import { readOptions } from "./options.ts";
import { measureOwn } from "./own/index.ts";
import { measurePeers } from "./peers.ts";
import { peersFolder } from "./processes.ts";
import { writeReport } from "./report.ts";
import { commandLines } from "./tools.ts";

const options = readOptions();
const folder = mkdtempSync(join(options.folder, "berth-bench-"));
const machine = openMachine(folder, options.quiet);
try {
  if (peersFolder === undefined) say("BERTH_PEERS is not set: it may name a folder that holds registry3 and zot.");
  const begun = performance.now();
  const peers = await measurePeers(options, folder, machine);
  const own = await measureOwn(options, folder, machine);
  const limits = await machine.limits();
  const minutes = ((performance.now() - begun) / 60_000).toFixed(0);
  const length = `${options.rounds} rounds, ${options.seconds} s for what is counted, ${minutes} minutes in all. TLS and lists take two rounds at most, memory and distribution 2.8 one.`;
  const circumstances = [...(await machine.describe()), length];
  writeFileSync(options.out, writeReport({ peers, own, limits, circumstances, commands: commandLines() }));
  say(`written: ${options.out}`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
