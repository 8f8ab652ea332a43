// SQLite's errors become Faults here, at the edge of the cellar.
import { statfsSync } from "node:fs";
import { dirname } from "node:path";
import { errorCode, Fault } from "#lib/fault";

const nearlyFullBytes = 1 << 20;

/** Whether the folder of `file` has less than a mebibyte left: the shared memory of a WAL fails then with an I/O error. */
function isNearlyFull(file: string): boolean {
  try {
    const { bavail, bsize } = statfsSync(dirname(file));
    return bavail * bsize < nearlyFullBytes;
  } catch {
    return false;
  }
}

/** A constraint that a statement broke: it concerns one transaction, not the batch. */
export function isConstraint(error: unknown): boolean {
  return errorCode(error)?.startsWith("SQLITE_CONSTRAINT") === true;
}

/** The Fault of an SQLite error; a Fault stays what it is, a bug stays a bug. */
export function toFault(error: unknown, file: string): unknown {
  const code = errorCode(error);
  if (error instanceof Fault || code === undefined || !code.startsWith("SQLITE_") || isConstraint(error)) return error;
  if (code === "SQLITE_FULL" || (/^SQLITE_(?:IOERR|CANTOPEN)/.test(code) && isNearlyFull(file))) {
    return new Fault("full", "store", "the disk of the registry is full", {}, error);
  }
  if (/^SQLITE_(?:IOERR|CANTOPEN|BUSY|LOCKED|READONLY|NOMEM|PROTOCOL)/.test(code)) {
    return new Fault("busy", "store", "the database of the registry cannot be used right now", {}, error);
  }
  return error;
}
