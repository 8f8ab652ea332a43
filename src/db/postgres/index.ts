// PostgreSQL: the same transactions, driven with await, SERIALIZABLE, and run again when they lost a race.
import { sleep } from "#lib/clock";
import { jitter } from "#lib/id";
import type { Db } from "../index.ts";
import type { Transaction, TransactionFunction, Value } from "../transaction.ts";
import { type Connections, openConnections } from "./connections.ts";
import { isAway, isRetryable, toFault } from "./errors.ts";
import { openAdvisoryExclusive } from "./exclusive.ts";
import { type Gate, openGate } from "./gate.ts";
import { type Lane, openLanes } from "./lanes.ts";
import { migratePostgres } from "./migrate.ts";
import { runSerializable } from "./pipeline.ts";
import { numbered, plain } from "./values.ts";
import { openVersion } from "./version.ts";

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
  readonly laneOf: (name: string) => Lane;
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
  const laneOf = openLanes(maxConnections, { isLostRace: isRetryable, isAway });
  const underWay = new Set<Promise<unknown>>();
  let transactions = 0;
  const writeDurably: Db["write"] = async (transaction, input) => {
    const writing = write({ connections, gate, laneOf }, transaction, input);
    underWay.add(writing);
    try {
      return await writing;
    } catch (error) {
      throw toFault(error);
    } finally {
      underWay.delete(writing);
      transactions++;
    }
  };
  return {
    async read<R>(sql: string, ...args: readonly Value[]): Promise<R[]> {
      try {
        return plain(await connections.use((pool) => pool.unsafe(numbered(sql), [...args]))) as R[];
      } catch (error) {
        throw toFault(error);
      }
    },
    write: writeDurably,
    // The server of PostgreSQL may be killed while this process lives: what it answered must be there then.
    writeUnsynced: writeDurably,
    version: openVersion(connections),
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
  { connections, gate, laneOf }: Writing,
  transaction: TransactionFunction<Input, Result>,
  input: Input,
): Promise<Result> {
  for (let tries = 1; ; tries++) {
    try {
      const once = () => writeOnce(connections, transaction(input));
      const lane = laneOf(transaction.name);
      return await lane.run(() => (tries > triesBeside ? gate.alone(once) : gate.shared(once)));
    } catch (error) {
      if (!isRetryable(error) || tries === maxTries) throw error;
      // The first time at once: whoever won has committed by now.
      if (tries > 1) await sleep(jitter(Math.min(maxPauseMilliseconds, 2 ** tries)));
    }
  }
}

function writeOnce<Result>(connections: Connections, steps: Transaction<Result>): Promise<Result> {
  return connections.use(async (pool, heard) => {
    const connection = await pool.reserve();
    try {
      return await runSerializable(connection, steps, heard);
    } finally {
      connection.release();
    }
  });
}
