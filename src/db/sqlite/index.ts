// SQLite: reads beside the caller on a connection of their own, writes through one writer in batches.
import { accessSync, closeSync, constants, fsyncSync, mkdirSync, openSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { type Exclusive, openExclusive } from "../exclusive.ts";
import type { Db, WriteOptions } from "../index.ts";
import { unwrap } from "../outcome.ts";
import type { TransactionFunction, Value } from "../transaction.ts";
import { openReading, type Synchronous } from "./connection.ts";
import { toFault } from "./errors.ts";
import { lockFolder } from "./lock.ts";
import { type Channel, openRemote, serveRemote } from "./shared.ts";
import { openStatements } from "./statements.ts";
import { type HoldingWriter, openThreadWriter } from "./writer.ts";

export interface SqliteOptions {
  readonly file: string;
  /** Makes the worker whose entry file calls `serveWriter` with the catalogue. */
  readonly writer: () => Worker;
  /** `off` for tests only. */
  readonly synchronous?: Synchronous;
  /** A bound on the file, in pages: tests reach it to see a full disk. */
  readonly maxPageCount?: number;
}

/** A database that other processes of this server share: they reach its writer over a channel. */
export interface SharedDb extends Db {
  /** Serves a worker process, until its channel closes. */
  share(channel: Channel): void;
}

/** Opens (or makes) the database in `file`; its folder is locked for this process. Faults: conflict, unsupported, full, busy store. */
export async function openSqlite(options: SqliteOptions): Promise<SharedDb> {
  const { file, synchronous = "full", maxPageCount } = options;
  const folder = dirname(file);
  makeFolder(folder);
  // SQLite itself would open what it may only read, and fail at the first write.
  accessSync(folder, constants.W_OK);
  const lock = lockFolder(join(folder, "lock"));
  try {
    const writer = await openThreadWriter(options.writer, { file, synchronous, maxPageCount });
    syncFolder(folder);
    const exclusive = openExclusive();
    const holding: HoldingWriter = {
      ...writer,
      submit: (member, key) =>
        key === undefined ? writer.submit(member) : exclusive(key, () => writer.submit(member)),
      async close() {
        await writer.close();
        lock.close();
      },
    };
    return {
      ...openDb(file, holding, exclusive),
      share: (channel) => serveRemote(channel, holding, exclusive),
    };
  } catch (error) {
    lock.close();
    throw toFault(error, file);
  }
}

/** The database in `file` in a worker process: it reads here and writes over `channel`, where its parent shares it. */
export function openSqliteWorker(file: string, channel: Channel): Db {
  const { writer, exclusive } = openRemote(channel);
  return openDb(file, writer, exclusive);
}

/** Makes a folder and those above it that are missing. Their names are as durable as what will be in them. */
function makeFolder(folder: string): void {
  const path = resolve(folder);
  const first = mkdirSync(path, { recursive: true });
  if (first === undefined) return;
  for (let made = path; made !== dirname(first); made = dirname(made)) syncFolder(dirname(made));
}

function syncFolder(folder: string): void {
  const fd = openSync(folder, "r");
  fsyncSync(fd);
  closeSync(fd);
}

function openDb(file: string, writer: HoldingWriter, exclusive: Exclusive): Db {
  const reading = openReading(file);
  const prepare = openStatements(reading);
  const dataVersion = reading.prepare<{ data_version: number }, []>("pragma data_version");
  const submit = async <Input, Result>(
    isSynced: boolean,
    transaction: TransactionFunction<Input, Result>,
    input: Input,
    { holding }: WriteOptions = {},
  ): Promise<Result> => unwrap(transaction, await writer.submit([transaction.name, input, isSynced], holding));
  return {
    read<R>(sql: string, ...args: readonly Value[]): R[] {
      try {
        return prepare(sql).all(...args) as R[];
      } catch (error) {
        throw toFault(error, file);
      }
    },
    write: (transaction, input, options) => submit(true, transaction, input, options),
    writeUnsynced: (transaction, input, options) => submit(false, transaction, input, options),
    version() {
      try {
        // https://www.sqlite.org/pragma.html#pragma_data_version: changed by every other connection that commits.
        return writer.version() ?? dataVersion.get()?.data_version;
      } catch (error) {
        throw toFault(error, file);
      }
    },
    exclusive,
    writes: writer.writes,
    async close() {
      reading.close(false);
      await writer.close();
    },
  };
}
