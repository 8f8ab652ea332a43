// Berth beside itself, theme by theme.
import { type Machine, say, sentenceOf } from "../machine.ts";
import type { Options } from "../options.ts";
import { us } from "../reaching.ts";
import { findServers } from "../servers.ts";
import type { Book, Compared, OwnRun } from "./comparison.ts";
import { compareDatabases } from "./databases.ts";
import { compareStores } from "./stores.ts";
import { compareTongues } from "./v1.ts";
import { compareWorkers } from "./workers.ts";
import type { Workshop } from "./workshop.ts";

/** All comparisons that the options ask for. */
export async function measureOwn(options: Options, folder: string, machine: Machine): Promise<OwnRun> {
  const compared: Compared[] = [];
  const missing: string[] = [];
  const notes: string[] = [];
  const book: Book = {
    wants: (...comparisons) => comparisons.some(({ name }) => options.only.test(name)),
    add(comparison, { base, other, processes }) {
      let known = compared.find((each) => each.comparison.name === comparison.name);
      if (known === undefined) {
        known = { comparison, base: [], other: [], processes };
        compared.push(known);
      }
      if (base !== undefined) known.base.push(base);
      known.other.push(other);
      const shown = base === undefined ? "" : ` (${comparison.base}: ${base.toPrecision(4)})`;
      say(`${comparison.name}: ${comparison.other} ${other.toPrecision(4)} ${comparison.unit}${shown}`);
    },
    miss: (sentence) => void missing.push(sentence),
    note: (sentence) => void notes.push(sentence),
  };
  const berth = (await findServers()).servers.find(({ name }) => name === us);
  if (berth === undefined || !options.servers.test(us)) return { compared, missing, notes };
  const shop: Workshop = { berth, folder, options, machine, book };
  for (const compare of [compareDatabases, compareWorkers, compareTongues, compareStores])
    await compare(shop).catch((error: unknown) => {
      missing.push(`${compare.name} failed: ${sentenceOf(error)}`);
      say(missing.at(-1) ?? "");
    });
  return { compared, missing, notes };
}
