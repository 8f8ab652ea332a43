// One transaction on one connection. Statements whose rows nobody reads are sent without waiting for their answers, and so
// are the first and the last words of the transaction: most of what a statement costs is the way there and back.
import type { SQL } from "bun";
import { Fault } from "#lib/fault";
import type { Transaction } from "../transaction.ts";
import { numbered, plain } from "./values.ts";

type Answer = Record<string, unknown>[] & { readonly command?: string | null };

/**
 * Runs `steps` as one serializable transaction; when it rejects, nothing of it happened, or nobody knows (the connection was
 * lost during the commit). `heard` is called for each answer.
 */
export async function runSerializable<Result>(
  connection: SQL,
  steps: Transaction<Result>,
  heard: () => void,
): Promise<Result> {
  const { send, answer } = openPipeline(heard);
  // Tagged templates: what has no arguments goes by the simple protocol else, and waits for what went before.
  send(connection`begin isolation level serializable`);
  try {
    let step = steps.next();
    while (!step.done) {
      const { sql, args, unread } = step.value;
      send(connection.unsafe(numbered(sql), [...args]));
      step = steps.next(unread === true ? [] : plain(await answer()));
    }
    send(connection`commit`);
    requireCommit(await answer());
    return step.value;
  } catch (error) {
    send(connection`rollback`);
    await answer().catch(() => undefined);
    throw error;
  }
}

/** The commit of a transaction that has failed is a rollback, and is not called a failure. */
function requireCommit({ command }: Answer): void {
  if (command !== "COMMIT") throw new Fault("busy", "store", "the database of the registry took the write back");
}

function openPipeline(heard: () => void) {
  let sent: Promise<Answer>[] = [];
  return {
    send(query: SQL.Query<Record<string, unknown>[]>): void {
      const answer = query.execute();
      // Whoever waits for a later one hears of it.
      answer.catch(() => undefined);
      sent.push(answer);
    },
    /** The answer to what was sent last. Rejects with the first error of all that was sent: those after it only follow. */
    async answer(): Promise<Answer> {
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
