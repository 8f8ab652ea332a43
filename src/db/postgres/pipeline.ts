// Transactions on one connection. Statements whose rows nobody reads are sent without waiting for their answers, and so are
// the first and the last words: most of what a statement costs is the way there and back. Transactions that are apart go
// in step, as one: what each of them says next is sent together, and one answer wakes both sides.
import type { SQL } from "bun";
import { Fault } from "#lib/fault";
import type { Transaction } from "../transaction.ts";
import { numbered, plain } from "./values.ts";

type Answer = Record<string, unknown>[] & { readonly command?: string | null };

/** One transaction of a group. */
export interface Member {
  /** Begins it anew. */
  begin(): Transaction<unknown>;
  /** What it holds until it ends, as `exclusive` does. */
  readonly holding?: string | undefined;
}

/** Another process holds what a member is to hold. */
export class Held extends Error {
  override readonly name = "Held";
}

/** All keys of a group in one statement: they are words without line breaks. */
const tryLocks = `select pg_try_advisory_xact_lock(hashtextextended(key, 0)) as is_held
  from unnest(string_to_array($1, chr(10))) as keys(key)`;

/**
 * Runs `members` as one serializable transaction; returns their results, in order. When it rejects, nothing of them
 * happened, or nobody knows (the connection was lost during the commit). `heard` is called for each answer.
 */
export async function runSerializable(
  connection: SQL,
  members: readonly Member[],
  heard: () => void,
): Promise<unknown[]> {
  const { send, settle } = openPipeline(heard);
  /** Sends what a transaction says next, up to what it waits for; undefined when it is done. */
  const advance = (run: Run, rows: Answer): Promise<Answer> | undefined => {
    for (run.step = run.steps.next(plain(rows)); !run.step.done; run.step = run.steps.next([])) {
      const { sql, args, unread } = run.step.value;
      const answer = send(connection.unsafe(numbered(sql), [...args]));
      if (unread !== true) return answer;
    }
    return undefined;
  };
  // Tagged templates: what has no arguments goes by the simple protocol else, and waits for what went before.
  send(connection`begin isolation level serializable`);
  try {
    const keys = members.flatMap(({ holding }) => holding ?? []);
    const locks = keys.length === 0 ? undefined : send(connection.unsafe(tryLocks, [keys.join("\n")]));
    const runs = members.map(({ begin }): Run => ({ steps: begin(), step: undefined }));
    let answers = runs.map((run) => advance(run, []));
    if (locks !== undefined) {
      await settle();
      if ((await locks).some((lock) => lock["is_held"] !== true)) throw new Held();
    }
    while (answers.some((answer) => answer !== undefined)) {
      await settle();
      const heardOf = await Promise.all(answers);
      answers = runs.map((run, i) => heardOf[i] && advance(run, heardOf[i]));
    }
    send(connection`commit`);
    requireCommit(await settle());
    return runs.map(({ step }) => step?.value);
  } catch (error) {
    send(connection`rollback`);
    await settle().catch(() => undefined);
    throw error;
  }
}

interface Run {
  readonly steps: Transaction<unknown>;
  step: ReturnType<Transaction<unknown>["next"]> | undefined;
}

/** The commit of a transaction that has failed is a rollback, and is not called a failure. */
function requireCommit({ command }: Answer): void {
  if (command !== "COMMIT") throw new Fault("busy", "store", "the database of the registry took the write back");
}

function openPipeline(heard: () => void) {
  let sent: Promise<Answer>[] = [];
  return {
    send(query: SQL.Query<Record<string, unknown>[]>): Promise<Answer> {
      const answer: Promise<Answer> = query.execute();
      // Whoever waits for a later one hears of it.
      answer.catch(() => undefined);
      sent.push(answer);
      return answer;
    },
    /** The answer to what was sent last. Rejects with the first error of all that was sent: those after it only follow. */
    async settle(): Promise<Answer> {
      const flying = sent;
      sent = [];
      let last: Answer = [];
      for (const each of flying) {
        last = await each;
        heard();
      }
      return last;
    },
  };
}
