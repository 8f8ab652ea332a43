// One `berth serve` per folder: a file that SQLite holds locked for as long as the process lives, however it ends.
import { Database } from "bun:sqlite";
import { errorCode, Fault } from "#lib/fault";

/** Locks `file` until closed. Fault: conflict store (another process holds it). */
export function lockFolder(file: string): { close(): void } {
  const database = new Database(file, { create: true, readwrite: true });
  try {
    database.run("pragma busy_timeout = 1000");
    database.run("begin exclusive");
  } catch (error) {
    database.close();
    if (errorCode(error)?.startsWith("SQLITE_BUSY") !== true) throw error;
    throw new Fault(
      "conflict",
      "store",
      "another Berth is serving this data folder: stop it first, or give this one its own with --data",
    );
  }
  return { close: () => database.close() };
}
