// PostgreSQL beside SQLite. The server of PostgreSQL runs on this machine too, syncs, and has its defaults.
import { openCluster } from "../../test/postgres/cluster.ts";
import { familyOf } from "../processes.ts";
import type { Comparison } from "./comparison.ts";
import { measureRates, pushedRepositories, pushingClients, type Workshop, withServer } from "./workshop.ts";

const sides = { base: "SQLite", other: "PostgreSQL" };
const gets: Comparison = { name: "manifest GET, PostgreSQL", unit: "requests/s", ...sides, ratio: 0.9 };
const pushes: Comparison = {
  name: `small pushes, ${pushingClients} clients, ${pushedRepositories} repositories, PostgreSQL`,
  unit: "pushes/s",
  ...sides,
  ratio: 0.4,
};

export async function compareDatabases(shop: Workshop): Promise<void> {
  const { book, options } = shop;
  if (!book.wants(gets, pushes)) return;
  const cluster = await openCluster().catch((error: unknown) => {
    book.miss(`PostgreSQL was left out: ${error instanceof Error ? error.message : error}.`);
    return undefined;
  });
  if (cluster === undefined) return;
  try {
    for (let round = 0; round < options.rounds; round++) {
      const base = await withServer(shop, [], (running) => measureRates(shop, running));
      const url = await cluster.makeDatabase();
      await withServer(shop, ["--database", url], async (running) => {
        const other = await measureRates(shop, running);
        const processes = `${familyOf(running.pid).length} and PostgreSQL's · 1`;
        book.add(gets, { base: base.gets, other: other.gets, processes });
        book.add(pushes, { base: base.pushes, other: other.pushes, processes });
      });
    }
  } finally {
    await cluster.remove();
  }
}
