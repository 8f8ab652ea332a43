// One `berth serve` per folder: a file that SQLite holds locked for as long as the process lives, however it ends.
import { Database } from "bun:sqlite";
import { errorCode, Fault } from "#lib/fault";
import { toFault } from "./errors.ts";

/** Locks `file` until closed. Faults: conflict store (another process holds it); full, busy store. */
export function lockFolder(file: string): { close(): void } {
  const database = openLock(file);
  try {
    database.run("pragma busy_timeout = 1000");
    database.run("begin exclusive");
  } catch (error) {
    database.close();
    if (errorCode(error)?.startsWith("SQLITE_BUSY") !== true) throw toFault(error, file);
    throw new Fault(
      "conflict",
      "store",
      "another Berth is serving this data folder: stop it first, or give this one its own with --data",
    );
  }
  return { close: () => database.close() };
}

function openLock(file: string): Database {
  try {
    return new Database(file, { create: true, readwrite: true });
  } catch (error) {
    throw toFault(error, file);
  }
}
