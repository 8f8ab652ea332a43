// One at a time by key among all processes on one database: advisory locks, held by one connection of this process.
import type { SQL } from "bun";
import { sleep } from "#lib/clock";
import { type Exclusive, openExclusive } from "../exclusive.ts";
import { toFault } from "./errors.ts";

const pollMilliseconds = 25;

/** Exclusion first in this process, then among all. The locks of a process that dies are free. */
export function openAdvisoryExclusive(connect: () => SQL): Exclusive {
  const local = openExclusive();
  const locks = connect();
  const tryLock = async (key: string): Promise<boolean> => {
    const [row] = await locks.unsafe("select pg_try_advisory_lock(hashtextextended($1, 0)) as held", [key]);
    return row.held;
  };
  return (key, work) =>
    local(key, async () => {
      try {
        while (!(await tryLock(key))) await sleep(pollMilliseconds);
      } catch (error) {
        throw toFault(error);
      }
      try {
        return await work();
      } finally {
        // A connection that is gone has given its locks back.
        await locks.unsafe("select pg_advisory_unlock(hashtextextended($1, 0))", [key]).catch(() => undefined);
      }
    });
}
