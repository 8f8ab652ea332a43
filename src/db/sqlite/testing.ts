// The entry of the writer's thread in tests: it knows the transactions of the tests, and two that fail in their own ways.
import { testTransactions } from "../testing.ts";
import type { Transaction } from "../transaction.ts";
import { serveWriter } from "./writer-worker.ts";

/** Links what is not there, which SQLite is told to notice at the commit only. */
export function* failAtCommit({ name }: { readonly name: string }): Transaction<void> {
  yield* testTransactions.addAmount({ name, amount: 1 });
  yield { sql: "pragma defer_foreign_keys = on", args: [] };
  yield { sql: "insert into repository_blobs (repository_id, blob_id, linked_at) values (-1, -1, 0)", args: [] };
}

/** Ends the thread by an error that nobody catches, once its own group has run. */
export function* endThread(): Transaction<void> {
  queueMicrotask(() => {
    throw new Error("the thread ends");
  });
}

if (!Bun.isMainThread) serveWriter({ ...testTransactions, failAtCommit, endThread });
