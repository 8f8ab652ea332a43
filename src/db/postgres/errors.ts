// PostgreSQL's errors become Faults here, at the edge of the cellar.
import { SQL } from "bun";
import { errorCode, Fault } from "#lib/fault";

/** The SQLSTATE of an error of the server. https://www.postgresql.org/docs/15/errcodes-appendix.html */
export function sqlState(error: unknown): string | undefined {
  return error instanceof SQL.PostgresError && error.errno !== undefined ? String(error.errno) : undefined;
}

/**
 * Whether the same transaction may succeed when it is run again: serialization failure, deadlock, and the constraints that
 * a lost race breaks (an equal row was inserted meanwhile, the row that is named was deleted meanwhile).
 */
export function isRetryable(error: unknown): boolean {
  return ["40001", "40P01", "23505", "23503"].includes(sqlState(error) ?? "");
}

/** Whether others were in the way, so that the same may succeed as it is. */
export function isSerializationFailure(error: unknown): boolean {
  return ["40001", "40P01"].includes(sqlState(error) ?? "");
}

/**
 * SQLSTATEs of a server that cannot be used now, whatever is asked of it: connection, authorization, the database's name,
 * transaction state, rollback, resources, locks, an operator, the system, its settings, an internal error.
 */
const unusable = /^(?:08|28|3D|25|40|53|55|57|58|F0|XX)/;
/** Codes of the client for a connection that is gone, or never was. */
const disconnected =
  /^(?:ERR_POSTGRES_(?:CONNECTION_|IDLE_|LIFETIME_|QUERY_CANCELLED|SERVER_ERROR|TLS_|SASL_|AUTHENTICATION_|COMMIT_ROLLED_BACK|UNEXPECTED_MESSAGE|INVALID_(?:MESSAGE|TRANSACTION_STATE))|ECONN|ENOENT|ENOTFOUND|EPIPE|ETIMEDOUT|EHOST|ENET)/;

/** Whether nothing can be asked of the database right now. */
export function isAway(error: unknown): boolean {
  const fault = toFault(error);
  return fault instanceof Fault && fault.kind === "busy" && fault.subject === "store";
}

/** The Fault of a PostgreSQL error; a Fault stays what it is, a bug stays a bug. */
export function toFault(error: unknown): unknown {
  if (error instanceof Fault) return error;
  const state = sqlState(error);
  if (state === "22021")
    return new Fault("invalid", "request", "the request holds a text that cannot be kept", {}, error);
  if (state === "53100") return new Fault("full", "store", "the disk of the registry's database is full", {}, error);
  const isUnusable = state === undefined ? disconnected.test(errorCode(error) ?? "") : unusable.test(state);
  if (isUnusable) return new Fault("busy", "store", "the database of the registry cannot be used right now", {}, error);
  return error;
}

/** What stops a start, as a sentence that says what to do and holds no password. A Fault, and a bug, stay what they are. */
export function explainStart(error: unknown, address: string): unknown {
  if (error instanceof Fault) return error;
  const { host, user, database } = partsOf(address);
  const say = (message: string) => new Fault("invalid", "settings", message, {}, error);
  const state = sqlState(error) ?? "";
  const code = errorCode(error) ?? "";
  if (state.startsWith("28") || /SASL|AUTHENTICATION/.test(code))
    return say(`PostgreSQL at ${host} does not let in the user ${user}: check the name and the password in --database`);
  if (state === "3D000")
    return say(`PostgreSQL at ${host} has no database ${database}: create it, or name another in --database`);
  if (state === "42501")
    return say(`the user ${user} may not make tables in the database ${database}: make it the owner of that database`);
  if (state === "53300") return say(`PostgreSQL at ${host} has no free connection: raise its max_connections`);
  if (state === "57P03") return say(`PostgreSQL at ${host} is starting or stopping: try again in a moment`);
  if (/TLS/.test(code))
    return say(`PostgreSQL at ${host} does not speak TLS as --database asks for: check its sslmode`);
  const fault = toFault(error);
  if (!(fault instanceof Fault)) return error;
  return say(`PostgreSQL at ${host} cannot be used (${state || code}): start it, or check the address in --database`);
}

function partsOf(address: string) {
  const { hostname, port, username, pathname } = new URL(address);
  return {
    host: `${hostname || "localhost"}:${port || 5432}`,
    user: decodeURIComponent(username) || "that is the default",
    database: decodeURIComponent(pathname.slice(1)) || "that is the default",
  };
}
