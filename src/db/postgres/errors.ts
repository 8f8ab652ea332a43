// PostgreSQL's errors become Faults here, at the edge of the cellar.
import { SQL } from "bun";
import { errorCode, Fault } from "#lib/fault";

/** The SQLSTATE of an error of the server. https://www.postgresql.org/docs/15/errcodes-appendix.html */
export function sqlState(error: unknown): string | undefined {
  return error instanceof SQL.PostgresError && error.errno !== undefined ? String(error.errno) : undefined;
}

/** Whether the same transaction may succeed when it is run again: serialization failure, deadlock, a lost race to insert. */
export function isRetryable(error: unknown): boolean {
  const state = sqlState(error);
  return state === "40001" || state === "40P01" || state === "23505";
}

/** The Fault of a PostgreSQL error; a Fault stays what it is, a bug stays a bug. */
export function toFault(error: unknown): unknown {
  if (error instanceof Fault) return error;
  const state = sqlState(error);
  if (state === "53100") return new Fault("full", "store", "the disk of the registry's database is full", {}, error);
  const isAway =
    state === undefined
      ? /^(?:ERR_POSTGRES_|ECONN|ENOENT|EPIPE|ETIMEDOUT)/.test(errorCode(error) ?? "")
      : /^(?:08|53|57|58|40|25006)/.test(state);
  if (isAway) return new Fault("busy", "store", "the database of the registry cannot be used right now", {}, error);
  return error;
}
