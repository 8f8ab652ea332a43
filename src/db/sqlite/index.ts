// SQLite: reads beside the caller on a connection of their own, writes through one worker in batches.
import type { Statement as Prepared } from "bun:sqlite";
import { closeSync, fsyncSync, mkdirSync, openSync } from "node:fs";
import { dirname, join } from "node:path";
import { Fault, fromRecord } from "#lib/fault";
import { openExclusive } from "../exclusive.ts";
import type { Db } from "../index.ts";
import type { Row, TransactionFunction, Value } from "../transaction.ts";
import type { Outcome } from "./batch.ts";
import { openReading, type Synchronous } from "./connection.ts";
import { toFault } from "./errors.ts";
import { lockFolder } from "./lock.ts";
import type { WriterOrder, WriterReply } from "./writer-worker.ts";

export interface SqliteOptions {
  readonly file: string;
  /** Makes the worker whose entry file calls `serveWriter` with the catalogue. */
  readonly writer: () => Worker;
  /** `off` for tests only. */
  readonly synchronous?: Synchronous;
  /** A bound on the file, in pages: tests reach it to see a full disk. */
  readonly maxPageCount?: number;
}

interface Waiting {
  readonly member: readonly [string, unknown];
  readonly settle: (outcome: Outcome) => void;
}

/** Opens (or makes) the database in `file`; its folder is locked for this process. Faults: conflict, unsupported, full, busy store. */
export async function openSqlite(options: SqliteOptions): Promise<Db> {
  const folder = dirname(options.file);
  mkdirSync(folder, { recursive: true });
  const lock = lockFolder(join(folder, "lock"));
  try {
    const writer = await openWriter(options);
    syncFolder(folder);
    return openDb(options.file, writer, lock);
  } catch (error) {
    lock.close();
    throw toFault(error, options.file);
  }
}

function syncFolder(folder: string): void {
  const fd = openSync(folder, "r");
  fsyncSync(fd);
  closeSync(fd);
}

function openDb(file: string, writer: Writer, lock: { close(): void }): Db {
  const reading = openReading(file);
  const prepared = new Map<string, Prepared<Row, Value[]>>();
  const exclusive = openExclusive();
  return {
    read<R>(sql: string, ...args: readonly Value[]): R[] {
      try {
        let statement = prepared.get(sql);
        if (statement === undefined) {
          statement = reading.prepare<Row, Value[]>(sql);
          prepared.set(sql, statement);
        }
        return statement.all(...args) as R[];
      } catch (error) {
        throw toFault(error, file);
      }
    },
    write: writer.write,
    exclusive,
    async close() {
      reading.close(false);
      await writer.close();
      lock.close();
    },
  };
}

interface Writer {
  write<Input, Result>(transaction: TransactionFunction<Input, Result>, input: Input): Promise<Result>;
  close(): Promise<void>;
}

async function openWriter(options: SqliteOptions): Promise<Writer> {
  const worker = options.writer();
  const order = (message: WriterOrder) => worker.postMessage(message);
  let waiting: Waiting[] = [];
  let flying: Waiting[] | undefined;
  let closing: (() => void) | undefined;

  const flush = () => {
    if (flying !== undefined || waiting.length === 0) return;
    flying = waiting;
    waiting = [];
    order({ batch: flying.map(({ member }) => member) });
  };
  const settle = (outcomes: readonly Outcome[]) => {
    const landed = flying ?? [];
    flying = undefined;
    flush();
    landed.forEach(({ settle }, i) => {
      settle(outcomes[i] ?? { bug: "the writer gave no outcome" });
    });
  };

  await new Promise<void>((resolve, reject) => {
    worker.onerror = ({ message }) => reject(new Error(message));
    worker.onmessage = ({ data }: MessageEvent<WriterReply>) => {
      if ("outcomes" in data) settle(data.outcomes);
      else if ("opened" in data) resolve();
      else if ("closed" in data) closing?.();
      else reject(new Fault("busy", "store", data.failed));
    };
    const { file, synchronous = "full", maxPageCount } = options;
    order({ open: { file, synchronous, ...(maxPageCount === undefined ? {} : { maxPageCount }) } });
  });

  return {
    write: (transaction, input) =>
      new Promise((resolve, reject) => {
        const settle = (outcome: Outcome) => {
          if ("value" in outcome) resolve(outcome.value as never);
          else if ("fault" in outcome) reject(fromRecord(outcome.fault));
          else reject(new Error(outcome.bug));
        };
        waiting.push({ member: [transaction.name, input], settle });
        if (flying === undefined && waiting.length === 1) queueMicrotask(flush);
      }),
    close: async () => {
      await new Promise<void>((resolve) => {
        closing = resolve;
        order({ close: true });
      });
      worker.terminate();
    },
  };
}
