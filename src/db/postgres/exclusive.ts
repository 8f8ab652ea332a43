// One at a time by key among all processes on one database: advisory locks, held by one session of this process.
import { sleep } from "#lib/clock";
import { Fault } from "#lib/fault";
import type { Exclusive } from "../exclusive.ts";
import type { Connections } from "./connections.ts";
import { toFault } from "./errors.ts";

/** How often somebody asks again for what another process holds. */
export const pollMilliseconds = 25;
const lock = "select pg_try_advisory_lock(hashtextextended($1, 0)) as is_done";
const unlock = "select pg_advisory_unlock(hashtextextended($1, 0)) as is_done";

/**
 * Exclusion first in this process, by `local`, then among all. The locks of a process that dies are free. When the session is lost
 * while work runs, another may have done it as well: then this one fails, whatever it did.
 */
export function openAdvisoryExclusive(connections: Connections, local: Exclusive): Exclusive {
  const holders = new Set<() => void>();
  connections.onSessionEnd(() => {
    for (const lose of holders) lose();
    holders.clear();
  });

  const ask = async (sql: string, key: string): Promise<boolean> => {
    try {
      const [row] = await connections.useSession((session) => session.unsafe(sql, [key]));
      return row.is_done;
    } catch (error) {
      throw toFault(error);
    }
  };

  return (key, work, onLost = () => undefined) =>
    local(key, async () => {
      while (!(await ask(lock, key))) await sleep(pollMilliseconds);
      let isHeld = true;
      const lose = () => {
        isHeld = false;
        onLost();
      };
      const release = async () => {
        holders.delete(lose);
        // A session that is new does not hold what the old one held: then unlocking says so.
        if (isHeld && (await ask(unlock, key))) return;
        throw new Fault("busy", "store", "the database of the registry was away meanwhile: try again");
      };
      holders.add(lose);
      let result: Awaited<ReturnType<typeof work>>;
      try {
        result = await work();
      } catch (error) {
        await release().catch(() => undefined);
        throw error;
      }
      await release();
      return result;
    });
}
