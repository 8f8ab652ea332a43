// Group commit: many transactions, one sync. Nobody is answered before the commit; when SQLite ended the transaction itself,
// or the commit failed, each member is run again alone and answers for itself.
import type { Database } from "bun:sqlite";
import { Fault } from "#lib/fault";
import { type Member, type Outcome, outcomeOf } from "../outcome.ts";
import type { Catalogue, Row, Statement } from "../transaction.ts";
import { type Synchronous, setSynced } from "./connection.ts";
import { isConstraint, toFault } from "./errors.ts";
import { openStatements } from "./statements.ts";

/** The batch as a whole failed; its members have not been answered. */
class Undone extends Error {
  override readonly name = "Undone";
}

export interface BatchOptions {
  readonly catalogue: Catalogue;
  /** Asked for its free space when SQLite reports an I/O error. */
  readonly file: string;
  /** `off` for tests only. */
  readonly synchronous: Synchronous;
}

/** Runs batches on `database`: each is synced, unless no member of it needs that. */
export function openBatches(
  database: Database,
  { catalogue, file, synchronous }: BatchOptions,
): (members: readonly Member[]) => Outcome[] {
  let isSyncing = true;
  const prepare = openStatements(database);

  const run = ({ sql, args, unread }: Statement): Row[] => {
    const statement = prepare(sql);
    if (unread !== true) return statement.all(...args);
    statement.run(...args);
    return [];
  };

  const runOne = ([name, input]: Member): unknown => {
    const transaction = catalogue[name];
    if (transaction === undefined) throw new Error(`no transaction is called ${name}`);
    const steps = transaction(input as never);
    let step = steps.next();
    while (!step.done) step = steps.next(run(step.value));
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
      return outcomeOf(toFault(error, file));
    }
  };

  const runTogether = (members: readonly Member[]): Outcome[] => {
    try {
      const isSynced = members.some(([, , mustSync]) => mustSync);
      if (isSynced !== isSyncing && synchronous === "full") setSynced(database, isSynced);
      isSyncing = isSynced;
      prepare("begin immediate").run();
      const outcomes = members.map(runInSavepoint);
      prepare("commit").run();
      return outcomes;
    } catch (error) {
      if (database.inTransaction) prepare("rollback").run();
      throw error;
    }
  };

  const runAlone = (member: Member): Outcome => {
    try {
      return runTogether([member])[0] ?? outcomeOf(new Error("a transaction gave no outcome"));
    } catch (error) {
      return outcomeOf(toFault(error instanceof Undone ? error.cause : error, file));
    }
  };

  return (members) => {
    try {
      return runTogether(members);
    } catch {
      return members.map(runAlone);
    }
  };
}

/** An error that SQLite did not report: a mistake in a transaction, which concerns its member only. */
function isBug(error: unknown): boolean {
  return !(error instanceof Error && error.name === "SQLiteError");
}
