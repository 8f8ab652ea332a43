// PostgreSQL: the same transactions, driven with await, SERIALIZABLE, and run again when they lost a race.
import { sleep } from "#lib/clock";
import { jitter } from "#lib/id";
import { openExclusive } from "../exclusive.ts";
import type { Db, WriteOptions } from "../index.ts";
import type { TransactionFunction, Value } from "../transaction.ts";
import { type Connections, openConnections } from "./connections.ts";
import { isAway, isRetryable, isSerializationFailure, toFault } from "./errors.ts";
import { openAdvisoryExclusive, pollMilliseconds } from "./exclusive.ts";
import { type Gate, openGate } from "./gate.ts";
import { openGathering } from "./gathering.ts";
import { type Lane, openLanes } from "./lanes.ts";
import { migratePostgres } from "./migrate.ts";
import { Held, type Member, runSerializable } from "./pipeline.ts";
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

interface Named extends Member {
  readonly name: string;
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
  const local = openExclusive();
  const writing: Writing = { connections, gate, laneOf };
  const gather = openGathering<Named>((members) => writeTogether(writing, members));
  const underWay = new Set<Promise<unknown>>();
  let transactions = 0;
  const writeDurably: Db["write"] = async <Input, Result>(
    transaction: TransactionFunction<Input, Result>,
    input: Input,
    { holding, apart }: WriteOptions = {},
  ) => {
    const member = { name: transaction.name, begin: () => transaction(input), holding };
    const run = () => (apart === undefined ? writeAlone(writing, member) : gather({ member, apart }));
    const result = holding === undefined ? run() : local(holding, run);
    underWay.add(result);
    try {
      return (await result) as Result;
    } catch (error) {
      throw toFault(error);
    } finally {
      underWay.delete(result);
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
    exclusive: openAdvisoryExclusive(connections, local),
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
 * Runs members that are apart as one. When that fails each is run alone and answers for itself, and nobody waits for that: one
 * may wait for a key. But not when nobody knows whether it happened, or the database cannot be used.
 */
async function writeTogether(writing: Writing, members: readonly Named[]): Promise<Promise<unknown>[]> {
  const { connections, gate } = writing;
  for (let tries = 1; ; tries++) {
    try {
      const results = await gate.shared(() => runOnce(connections, members));
      return results.map((result) => Promise.resolve(result));
    } catch (error) {
      if (isSerializationFailure(error) && tries < triesBeside) continue;
      if (!isRetryable(error) && isAway(error)) return members.map(() => Promise.reject(error));
      return members.map((member) => writeAlone(writing, member));
    }
  }
}

/**
 * A transaction whose commit was lost on the way is not run again: it may have happened. Its caller gets a Fault. One that
 * lost a few races runs alone in this process: what remains are other nodes, and they do the same.
 */
async function writeAlone({ connections, gate, laneOf }: Writing, member: Named): Promise<unknown> {
  const lane = laneOf(member.name);
  const once = () => runOnce(connections, [member]);
  for (let tries = 1; ; tries++) {
    try {
      const [result] = await lane.run(() => (tries > triesBeside ? gate.alone(once) : gate.shared(once)));
      return result;
    } catch (error) {
      if (error instanceof Held) {
        tries--;
        await sleep(pollMilliseconds);
        continue;
      }
      if (!isRetryable(error) || tries === maxTries) throw error;
      // The first time at once: whoever won has committed by now.
      if (tries > 1) await sleep(jitter(Math.min(maxPauseMilliseconds, 2 ** tries)));
    }
  }
}

function runOnce(connections: Connections, members: readonly Member[]): Promise<unknown[]> {
  return connections.use(async (pool, heard) => {
    const connection = await pool.reserve();
    try {
      return await runSerializable(connection, members, heard);
    } finally {
      connection.release();
    }
  });
}
