// Two processes beside one.
import { availableParallelism } from "node:os";
import { familyOf } from "../processes.ts";
import type { Comparison } from "./comparison.ts";
import { measureRates, pushedRepositories, pushingClients, type Workshop, withServer } from "./workshop.ts";

const sides = { base: "one process", other: "--workers 2" };
/** The load generator has a core of its own: two workers have as much as one process only beyond three. */
const ratio = availableParallelism() > 3 ? 1.2 : 0.9;
const gets: Comparison = { name: "manifest GET, --workers 2", unit: "requests/s", ...sides, ratio };
const pushes: Comparison = {
  name: `small pushes, ${pushingClients} clients, ${pushedRepositories} repositories, --workers 2`,
  unit: "pushes/s",
  ...sides,
  ratio,
};

export async function compareWorkers(shop: Workshop): Promise<void> {
  const { book, options } = shop;
  if (!book.wants(gets, pushes)) return;
  for (let round = 0; round < options.rounds; round++) {
    const base = await withServer(shop, [], (running) => measureRates(shop, running));
    await withServer(shop, ["--workers", "2"], async (running) => {
      const other = await measureRates(shop, running);
      const processes = `${familyOf(running.pid).length} · 1`;
      book.add(gets, { base: base.gets, other: other.gets, processes });
      book.add(pushes, { base: base.pushes, other: other.pushes, processes });
    });
  }
}
