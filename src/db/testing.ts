// Transactions for the tests of the engines: a ledger of amounts by name that are never negative, and ways to fail.
import { Fault } from "#lib/fault";
import { insertRows, type Transaction, type Value } from "./transaction.ts";

export function* makeLedger(): Transaction<void> {
  yield { sql: "create table ledger (name text primary key, amount bigint not null check (amount >= 0))", args: [] };
}

export interface Entry {
  readonly name: string;
  readonly amount: number;
}

/** Adds to an amount; returns the new one. */
export function* addAmount({ name, amount }: Entry): Transaction<number> {
  const [known] = yield { sql: "select amount from ledger where name = ?", args: [name] };
  if (known === undefined) {
    yield { sql: "insert into ledger (name, amount) values (?, ?)", args: [name, amount] };
    return amount;
  }
  const sum = Number(known["amount"]) + amount;
  yield { sql: "update ledger set amount = ? where name = ?", args: [sum, name] };
  return sum;
}

/** Adds, and then throws a Fault. */
export function* addAndRefuse(entry: Entry): Transaction<number> {
  yield* addAmount(entry);
  throw new Fault("conflict", "store", "the ledger refuses", { name: entry.name });
}

/** Adds, and then breaks a constraint. */
export function* addAndBreak(entry: Entry): Transaction<number> {
  yield* addAmount(entry);
  yield { sql: "insert into ledger (name, amount) values (?, -1)", args: [`${entry.name} below`] };
  return entry.amount;
}

/** Adds, and then breaks a constraint where nobody looks, before what would be right. */
export function* addAndBreakUnread(entry: Entry): Transaction<number> {
  yield* addAmount(entry);
  yield* insertRows("insert into ledger (name, amount) values", [
    [`${entry.name} besides`, 1],
    [`${entry.name} below`, -1],
    [`${entry.name} behind`, 1],
  ]);
  return entry.amount;
}

/** Adds amounts to names that have none, without looking; returns how many names there are then. */
export function* addRows(entries: readonly Entry[]): Transaction<number> {
  yield* insertRows(
    "insert into ledger (name, amount) values",
    entries.map(({ name, amount }) => [name, amount]),
  );
  const [row] = yield { sql: "select count(*) as count from ledger", args: [] };
  return Number(row?.["count"]);
}

/** Adds, and then fails as mistakes do. */
export function* addAndStumble(entry: Entry): Transaction<number> {
  yield* addAmount(entry);
  throw new TypeError("a mistake in a transaction");
}

/** Adds, and then says what no engine understands. */
export function* addAndBabble(entry: Entry): Transaction<number> {
  yield* addAmount(entry);
  yield { sql: "select nothing from nowhere", args: [] };
  return entry.amount;
}

/** What arrived, as it arrived. */
export function* giveBack(input: unknown): Transaction<unknown> {
  yield { sql: "select 1 as one", args: [] };
  return input;
}

export interface Content {
  readonly digest: string;
  readonly size: number;
  readonly content: Uint8Array;
}

/** Keeps bytes in a table that every database has; returns them as the engine gives them. */
export function* keepContent({ digest, size, content }: Content): Transaction<Value | undefined> {
  const [row] = yield {
    sql: "insert into blobs (digest, size, content, created_at) values (?, ?, ?, ?) returning content",
    args: [digest, size, content, 0],
  };
  return row?.["content"];
}

export function* dropContent({ digest }: { readonly digest: string }): Transaction<void> {
  yield { sql: "delete from blobs where digest = ?", args: [digest] };
}

export const testTransactions = {
  addAmount,
  addAndBabble,
  addAndBreak,
  addAndBreakUnread,
  addAndRefuse,
  addAndStumble,
  addRows,
  dropContent,
  giveBack,
  keepContent,
  makeLedger,
};
