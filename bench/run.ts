// npm run bench: Berth and its peers, one after the other, on the same data; writes RESULTS.md. README.md says how to use it.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus, tmpdir, totalmem } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { makeBlob, makeConfig, makeImage } from "./content.ts";
import { listMeasures, type Measure } from "./measures.ts";
import { peersFolder, run } from "./processes.ts";
import { waitForQuiet } from "./quiet.ts";
import { writeReport } from "./report.ts";
import { findServers, type Server } from "./servers.ts";
import { countSyncs, type Syncs } from "./syncs.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "3" },
    seconds: { type: "string", default: "3" },
    only: { type: "string", default: "" },
    servers: { type: "string", default: "" },
    folder: { type: "string", default: tmpdir() },
    out: { type: "string", default: join(import.meta.dir, "RESULTS.md") },
  },
});
const rounds = Number(values.rounds);
const largeBytes = 2 ** 30;
const image = makeImage(makeConfig(1024, "image"), [makeBlob(10 * 1024, "small"), makeBlob(largeBytes, "large")]);
const found = await findServers();
const listed = listMeasures({ image, seconds: Number(values.seconds), largeBytes });
const servers = found.servers.filter(({ name }) => name.match(values.servers) !== null);
const measures = listed.measures.filter(({ name }) => name.match(values.only) !== null);
const figures = new Map(measures.map((measure) => [measure, new Map<string, number[]>()]));
const syncs = new Map<string, Syncs>();
let taken = 0;
let disturbed = 0;
const folder = mkdtempSync(join(resolve(values.folder), "berth-bench-"));
const folderOf = ({ name }: Server) => join(folder, name.replaceAll(" ", "-"));

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

/**
 * Nobody pays for what another left unwritten, nor for memory that a virtual machine touches for the first time: that costs
 * more than the writing itself, and whoever comes first would pay it. A file larger than any push is written and removed.
 */
async function settle(kind: Measure["kind"]): Promise<void> {
  await run(["sync"]);
  taken++;
  if (!(await waitForQuiet())) disturbed++;
  if (kind === "read") return;
  const file = join(folder, "warm");
  await run(["dd", "if=/dev/zero", `of=${file}`, "bs=1M", `count=${(2 * largeBytes) / 2 ** 20}`]);
  rmSync(file);
}

async function visit(server: Server, kind: Measure["kind"]): Promise<void> {
  const mine = measures.filter((measure) => measure.kind === kind);
  if (mine.length === 0 || (kind === "write" && !server.canPush)) return;
  const place = kind === "read" ? folderOf(server) : `${folderOf(server)}-new`;
  const running = await server.start(place);
  try {
    // Memory is looked at first, in the order of the list: later it would be that of what came before.
    for (const measure of mine.toSorted((a, b) => Number(b.unit === "MiB") - Number(a.unit === "MiB"))) {
      await settle(kind);
      const figure = await measure.take(running);
      const byServer = figures.get(measure);
      byServer?.set(server.name, [...(byServer.get(server.name) ?? []), figure]);
      say(`${server.name}: ${measure.name} ${figure.toPrecision(4)} ${measure.unit}`);
    }
  } finally {
    await running.stop();
    if (kind === "write") rmSync(place, { recursive: true, force: true });
  }
}

async function countAllSyncs(): Promise<void> {
  for (const server of servers.filter(({ canPush }) => canPush)) {
    const place = `${folderOf(server)}-syncs`;
    mkdirSync(place, { recursive: true });
    const running = await server.start(place);
    const counted = await countSyncs(running, folder).finally(() => running.stop());
    if (counted !== undefined) syncs.set(server.name, counted);
  }
}

try {
  if (peersFolder === undefined) say("BERTH_PEERS is not set: it may name a folder that holds registry3 and zot.");
  for (const each of [...found.missing, ...listed.missing]) say(each);
  for (const server of servers) {
    mkdirSync(folderOf(server), { recursive: true });
    await server.fill(folderOf(server), image);
  }
  await countAllSyncs();
  for (let round = 0; round < rounds; round++) {
    say(`round ${round + 1} of ${rounds}`);
    // Each round begins with another server, so that none always runs behind the same one.
    const order = [...servers.slice(round % servers.length), ...servers.slice(0, round % servers.length)];
    for (const kind of ["read", "write"] as const) for (const server of order) await visit(server, kind);
  }
  const fileSystem = (await run(["stat", "-f", "-c", "%T", folder])).trim();
  const circumstances = [
    `${new Date().toISOString().slice(0, 10)}, ${process.platform} ${process.arch}, ${availableParallelism()} cores (${cpus()[0]?.model ?? "unknown"}), ${Math.round(totalmem() / 2 ** 30)} GiB; clients and servers share them.`,
    `Data of all servers on one disk (${fileSystem}); ${rounds} rounds, ${values.seconds} s for what is counted.`,
    `${disturbed} of ${taken} measurements began although others were busy on the machine; what began later is not seen.`,
  ];
  writeFileSync(
    values.out,
    writeReport({ servers, figures, syncs, missing: [...found.missing, ...listed.missing], circumstances }),
  );
  say(`written: ${values.out}`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
