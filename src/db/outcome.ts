// What became of a transaction, as plain data: it crosses threads and sockets.
import { Fault, type FaultRecord, fromRecord, toRecord } from "#lib/fault";
import type { TransactionFunction } from "./transaction.ts";

/** One asked-for transaction: its name in the catalogue, its input, and whether it is to survive a power cut. */
export type Member = readonly [name: string, input: unknown, isSynced: boolean];

/** Its result, a Fault, or the text of a bug. */
export type Outcome = { readonly value: unknown } | { readonly fault: FaultRecord } | { readonly bug: string };

/** The outcome of a transaction that threw. */
export function outcomeOf(error: unknown): Outcome {
  if (error instanceof Fault) return { fault: toRecord(error) };
  return { bug: error instanceof Error ? (error.stack ?? error.message) : String(error) };
}

/** The result of an outcome, or its error thrown. */
export function unwrap<Result>(_transaction: TransactionFunction<never, Result>, outcome: Outcome): Result {
  if ("fault" in outcome) throw fromRecord(outcome.fault);
  if ("bug" in outcome) throw new Error(outcome.bug);
  return outcome.value as Result;
}
