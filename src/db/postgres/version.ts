// What statements see, by name: PostgreSQL's own name of a snapshot. Whoever reads under two equal names reads the same rows.
import type { Connections } from "./connections.ts";
import { toFault } from "./errors.ts";

/**
 * The transactions that are visible: xmin, xmax and those between that run. The server process and the start of its server stand
 * before it, since after a crash, or on another server, the same numbers may be given to other transactions. A standby does
 * not say which transactions run.
 * https://www.postgresql.org/docs/15/functions-info.html#FUNCTIONS-PG-SNAPSHOT
 */
const name = `select case when not pg_is_in_recovery()
  then concat_ws(' ', pg_postmaster_start_time(), pg_backend_pid(), pg_current_snapshot()) end as name`;

/**
 * Asks for the version, each time on the one session: it waits for no slow statement of the pool. Those that ask while an
 * answer is under way share the next one, since a snapshot must be younger than the request that reads by it.
 */
export function openVersion(connections: Connections): () => Promise<string | undefined> {
  let next: Promise<string | undefined> | undefined;
  let last: Promise<unknown> = Promise.resolve();

  const ask = async (): Promise<string | undefined> => {
    // Requests that came together are served by one answer: each question takes turns of two processes and of this loop.
    await new Promise<void>((resolve) => setImmediate(resolve));
    next = undefined;
    try {
      const [row] = await connections.useSession((session) => session.unsafe(name));
      return row.name ?? undefined;
    } catch (error) {
      throw toFault(error);
    }
  };

  return () => {
    if (next === undefined) {
      next = last.then(ask, ask);
      last = next;
    }
    return next;
  };
}
