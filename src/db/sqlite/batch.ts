// Group commit: many transactions, one sync. Nobody is answered before the commit; when SQLite ended the transaction itself,
// or the commit failed, each member is run again alone and answers for itself.
import type { Database, Statement as Prepared } from "bun:sqlite";
import { Fault, type FaultRecord, toRecord } from "#lib/fault";
import type { Catalogue, Row, Value } from "../transaction.ts";
import { isConstraint, toFault } from "./errors.ts";

/** One asked-for transaction: its name in the catalogue and its input. */
export type Member = readonly [name: string, input: unknown];

/** What became of a member: its result, a Fault, or the text of a bug. */
export type Outcome = { readonly value: unknown } | { readonly fault: FaultRecord } | { readonly bug: string };

/** The batch as a whole failed; its members have not been answered. */
class Undone extends Error {
  override readonly name = "Undone";
}

/** Runs batches on `database`. `file` is asked for its free space when SQLite reports an I/O error. */
export function openBatches(
  database: Database,
  catalogue: Catalogue,
  file: string,
): (members: readonly Member[]) => Outcome[] {
  const prepared = new Map<string, Prepared<Row, Value[]>>();
  const prepare = (sql: string) => {
    const known = prepared.get(sql) ?? database.prepare<Row, Value[]>(sql);
    prepared.set(sql, known);
    return known;
  };

  const runOne = ([name, input]: Member): unknown => {
    const transaction = catalogue[name];
    if (transaction === undefined) throw new Error(`no transaction is called ${name}`);
    const steps = transaction(input as never);
    let step = steps.next();
    while (!step.done) step = steps.next(prepare(step.value.sql).all(...step.value.args));
    return step.value;
  };

  const runInSavepoint = (member: Member): Outcome => {
    prepare("savepoint member").run();
    try {
      const value = runOne(member);
      prepare("release member").run();
      return { value };
    } catch (error) {
      if (!(error instanceof Fault) && !isConstraint(error) && !isBug(error))
        throw new Undone("aborted", { cause: error });
      if (!database.inTransaction) throw new Undone("ended by SQLite", { cause: error });
      prepare("rollback to member").run();
      prepare("release member").run();
      return outcomeOf(error);
    }
  };

  const outcomeOf = (error: unknown): Outcome => {
    const fault = toFault(error, file);
    if (fault instanceof Fault) return { fault: toRecord(fault) };
    return { bug: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  };

  const runTogether = (members: readonly Member[]): Outcome[] => {
    try {
      prepare("begin immediate").run();
      const outcomes = members.map(runInSavepoint);
      prepare("commit").run();
      return outcomes;
    } catch (error) {
      if (database.inTransaction) prepare("rollback").run();
      throw error;
    }
  };

  return (members) => {
    try {
      return runTogether(members);
    } catch (error) {
      if (members.length > 1) return members.flatMap((member) => runAlone(member));
      return [outcomeOf(error instanceof Undone ? error.cause : error)];
    }
  };

  function runAlone(member: Member): Outcome[] {
    try {
      return runTogether([member]);
    } catch (error) {
      return [outcomeOf(error instanceof Undone ? error.cause : error)];
    }
  }
}

/** An error that SQLite did not report: a mistake in a transaction, which concerns its member only. */
function isBug(error: unknown): boolean {
  return !(error instanceof Error && error.name === "SQLiteError");
}
