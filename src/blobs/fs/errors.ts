// System errors become Faults here, at the edge of the cellar.
import { errorCode, Fault } from "#lib/fault";

/** The disk, its permissions or the process's limits; or something stands in a place that is the store's. */
const broken =
  /^E(?:IO|ROFS|ACCES|PERM|MFILE|NFILE|STALE|NOMEM|NODEV|NXIO|AGAIN|EXIST|INVAL|ISDIR|LOOP|NOTDIR|NOTEMPTY)$/;

/** The Fault of a system error; anything else stays what it is. */
export function toFault(error: unknown): unknown {
  const code = errorCode(error);
  if (error instanceof Fault || code === undefined) return error;
  if (code === "ENOENT") return new Fault("unknown", "blob", "the bytes are not in the store", {}, error);
  if (code === "ENOSPC" || code === "EDQUOT" || code === "EFBIG") {
    return new Fault("full", "store", "the disk of the registry is full", {}, error);
  }
  if (broken.test(code)) {
    return new Fault("busy", "store", "the registry cannot read or write its store right now", {}, error);
  }
  return error;
}

/** Whether an error says that a file is not there. */
export function isMissing(error: unknown): boolean {
  return errorCode(error) === "ENOENT" || (error instanceof Fault && error.kind === "unknown");
}
