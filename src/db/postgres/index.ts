// PostgreSQL: the same transactions, driven with await, SERIALIZABLE, and run again when they lost a race.
import type { SQL } from "bun";
import { sleep } from "#lib/clock";
import { Fault } from "#lib/fault";
import { jitter } from "#lib/id";
import type { Db } from "../index.ts";
import type { Row, Statement, TransactionFunction, Value } from "../transaction.ts";
import { type Connections, openConnections } from "./connections.ts";
import { isRetryable, toFault } from "./errors.ts";
import { openAdvisoryExclusive } from "./exclusive.ts";
import { type Gate, openGate } from "./gate.ts";
import { migratePostgres } from "./migrate.ts";

export interface PostgresOptions {
  /** postgres://user:password@host:port/database */
  readonly url: string;
  readonly maxConnections?: number;
  /** Only the process that starts first migrates; its workers find the tables there. */
  readonly migrates?: boolean;
}

interface Writing {
  readonly connections: Connections;
  readonly gate: Gate;
}

/** How many races a transaction may lose before it gets the floor. */
const triesBeside = 3;
const maxTries = 40;
const closeMilliseconds = 10_000;
const maxPauseMilliseconds = 40;

/** Opens the database at `url`. Faults: invalid settings (it cannot be used, and what to do); unsupported store. */
export async function openPostgres({ url, maxConnections = 16, migrates = true }: PostgresOptions): Promise<Db> {
  if (migrates) await migratePostgres(url);
  const connections = openConnections(url, maxConnections);
  const gate = openGate();
  const underWay = new Set<Promise<unknown>>();
  let transactions = 0;
  return {
    async read<R>(sql: string, ...args: readonly Value[]): Promise<R[]> {
      try {
        return plain(await connections.use((pool) => pool.unsafe(numbered(sql), [...args]))) as R[];
      } catch (error) {
        throw toFault(error);
      }
    },
    async write(transaction, input) {
      const writing = write({ connections, gate }, transaction, input);
      underWay.add(writing);
      try {
        return await writing;
      } catch (error) {
        throw toFault(error);
      } finally {
        underWay.delete(writing);
        transactions++;
      }
    },
    version: () => undefined,
    writes: () => ({ waiting: underWay.size, transactions, batches: transactions }),
    exclusive: openAdvisoryExclusive(connections),
    async close() {
      // Also those that wait for another try: they hold no connection meanwhile.
      const enough = Promise.withResolvers<unknown>();
      setTimeout(enough.resolve, closeMilliseconds).unref();
      await Promise.race([Promise.allSettled(underWay), enough.promise]);
      await connections.close();
    },
  };
}

/**
 * A transaction whose commit was lost on the way is not run again: it may have happened. Its caller gets a Fault. One that
 * lost a few races runs alone in this process: what remains are other nodes, and they do the same.
 */
async function write<Input, Result>(
  { connections, gate }: Writing,
  transaction: TransactionFunction<Input, Result>,
  input: Input,
): Promise<Result> {
  for (let tries = 1; ; tries++) {
    try {
      const once = () => writeOnce(connections, transaction, input);
      return await (tries > triesBeside ? gate.alone(once) : gate.shared(once));
    } catch (error) {
      if (!isRetryable(error) || tries === maxTries) throw error;
      await sleep(jitter(Math.min(maxPauseMilliseconds, 2 ** tries)));
    }
  }
}

function writeOnce<Input, Result>(
  connections: Connections,
  transaction: TransactionFunction<Input, Result>,
  input: Input,
): Promise<Result> {
  return connections.use((pool, heard) =>
    pool.begin("isolation level serializable", async (connection) => {
      const steps = transaction(input);
      let step = steps.next();
      while (!step.done) {
        const rows = await run(connection, step.value);
        heard();
        step = steps.next(rows);
      }
      return step.value;
    }),
  );
}

async function run(connection: SQL, { sql, args }: Statement): Promise<Row[]> {
  return plain(await connection.unsafe(numbered(sql), [...args]));
}

const texts = new Map<string, string>();

/** The text with $1, $2 … where it has question marks. */
function numbered(sql: string): string {
  let text = texts.get(sql);
  if (text === undefined) {
    let count = 0;
    text = sql.replaceAll("?", () => `$${++count}`);
    texts.set(sql, text);
  }
  return text;
}

/** Rows with numbers where PostgreSQL gave 64-bit integers. Fault: invalid store (a number past 2^53). */
function plain(rows: readonly Record<string, unknown>[]): Row[] {
  for (const row of rows) {
    for (const name in row) {
      const value = row[name];
      if (typeof value === "bigint") row[name] = toNumber(value);
    }
  }
  return rows as Row[];
}

function toNumber(value: bigint): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number)) throw new Fault("invalid", "store", "a number of the database is out of range");
  return number;
}
