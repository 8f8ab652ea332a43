// The database: read a row beside the caller, write through one writer. Nobody outside this folder imports SQL from bun.
import type { PostgresOptions } from "./postgres/index.ts";
import type { Row, TransactionFunction, Value } from "./transaction.ts";

export type { MigrationText } from "./migrate.ts";
export { newestFormat } from "./migrations/index.ts";
export type { PostgresOptions } from "./postgres/index.ts";
export { openSqlite, openSqliteWorker, type SharedDb, type SqliteOptions } from "./sqlite/index.ts";
export { sqliteFormat } from "./sqlite/migrate.ts";
export type { Channel } from "./sqlite/shared.ts";
export {
  type Catalogue,
  inList,
  insertRows,
  type Row,
  type Statement,
  type Transaction,
  type TransactionFunction,
  type Value,
} from "./transaction.ts";

export interface Writes {
  readonly waiting: number;
  readonly transactions: number;
  readonly batches: number;
}

/** Says only whether it is the same as another. */
export type Version = number | string;

export interface WriteOptions {
  /** Nobody else holds this key while the transaction runs: see `exclusive`. */
  readonly holding?: string;
  /**
   * Names for all that this transaction looks at and others change, or the other way round: an engine may run transactions
   * that give such names and share none in step, a statement of each in turn, as one. What it adds to, without looking at
   * what others add, needs no name. Without `apart` a transaction is run by itself.
   */
  readonly apart?: readonly string[];
}

export interface Db {
  /** The rows of one statement, as of the last acknowledged write. Faults: full, busy store. */
  read<R = Row>(sql: string, ...args: readonly Value[]): R[] | Promise<R[]>;
  /**
   * Runs `transaction` once, whole, and durably: when the promise is fulfilled it has been synced to disk; when it is
   * rejected nothing of it happened. Faults: those that the transaction throws; full, busy store.
   */
  write<Input, Result>(
    transaction: TransactionFunction<Input, Result>,
    input: Input,
    options?: WriteOptions,
  ): Promise<Result>;
  /**
   * The same, but a power cut may take it back: it survives a kill of this process. What is written durably after it makes
   * it durable too. An engine may sync it all the same.
   */
  writeUnsynced<Input, Result>(
    transaction: TransactionFunction<Input, Result>,
    input: Input,
    options?: WriteOptions,
  ): Promise<Result>;
  /**
   * Holds `key` for one caller at a time, in order of asking, and gives it back when `work` ends. When it is lost before,
   * because the database went away, `onLost` is called, and the answer is a Fault whatever `work` did: busy store.
   */
  exclusive<Result>(key: string, work: () => Promise<Result>, onLost?: () => void): Promise<Result>;
  /**
   * The version of what is read from now on: another one after every acknowledged write that changed it, whichever process
   * wrote. What is read after one was asked for is true for as long as it stays. Undefined where that cannot be told: then
   * nothing may be kept. Fault: busy store.
   */
  version(): Version | undefined | Promise<Version | undefined>;
  /** What this process has asked its writer for. */
  writes(): Writes;
  /** Finishes the writes under way, checkpoints and closes. */
  close(): Promise<void>;
}

/** Opens the database at `url`. Faults: invalid settings (it cannot be used, and what to do); unsupported store. */
export async function openPostgres(options: PostgresOptions): Promise<Db> {
  // Loaded by who uses it: a start on SQLite does not wait for it.
  const postgres = await import("./postgres/index.ts");
  return postgres.openPostgres(options);
}

/** The format of the database at `url`. Rejects with PostgreSQL's error. */
export async function postgresFormat(url: string): Promise<number> {
  const postgres = await import("./postgres/migrate.ts");
  return postgres.postgresFormat(url);
}
