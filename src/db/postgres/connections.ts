// The connections to one PostgreSQL: a pool for statements, and one session for what is held by a session. A server that
// goes away without a word leaves sockets that never answer: after a while of silence all connections are thrown away.
import { SQL } from "bun";
import { Fault } from "#lib/fault";

const connectSeconds = 5;
const statementMilliseconds = 6_000;
/** Longer than a statement may take: a server that lives has ended it by then. */
const silenceMilliseconds = 7_000;
const queueMilliseconds = 5_000;
const closeMilliseconds = 10_000;
const maxSessionUses = 1_000;

/** Statements on one connection or several; `heard` is called for each answer, so that long work is no silence. */
export type Work<Result> = (sql: SQL, heard: () => void) => Promise<Result>;

export interface Connections {
  /** Runs `work` on the pool. Faults: busy store (nothing is free, no answer), and PostgreSQL's own errors. */
  use<Result>(work: Work<Result>): Promise<Result>;
  /** Runs `work` on the one session, beside what others run there. The same Faults. */
  useSession<Result>(work: Work<Result>): Promise<Result>;
  /** Calls `listener` when the session ends, whatever ended it: what it held is free. */
  onSessionEnd(listener: () => void): void;
  /** Waits for what is under way, and closes. */
  close(): Promise<void>;
}

/** Never rejects: connections are made when they are needed. */
export function openConnections(url: string, maxConnections: number): Connections {
  const listeners: (() => void)[] = [];
  const endSession = () => {
    for (const listener of listeners) listener();
  };
  const connect = () => ({ pool: connectTo(url, maxConnections), session: connectTo(url, 1, endSession) });
  let current = connect();
  const poolSlots = openSlots(maxConnections);
  const sessionSlots = openSlots(maxSessionUses);

  const leave = ({ pool, session }: typeof current) => {
    if (current.pool === pool) current = connect();
    // What waits for an answer there is rejected by this.
    void Promise.allSettled([pool.close({ timeout: 0 }), session.close({ timeout: 0 })]);
  };

  const run = async <Result>(slots: Slots, kind: keyof typeof current, work: Work<Result>): Promise<Result> => {
    await slots.take();
    const mine = current;
    const silence = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      leave(mine);
      silence.reject(away("the database of the registry does not answer"));
    }, silenceMilliseconds);
    try {
      return await Promise.race([work(mine[kind], () => timer.refresh()), silence.promise]);
    } finally {
      clearTimeout(timer);
      slots.give();
    }
  };

  return {
    use: (work) => run(poolSlots, "pool", work),
    useSession: (work) => run(sessionSlots, "session", work),
    onSessionEnd: (listener) => void listeners.push(listener),
    async close() {
      const enough = Promise.withResolvers<unknown>();
      setTimeout(enough.resolve, closeMilliseconds).unref();
      await Promise.race([Promise.all([poolSlots.drain(), sessionSlots.drain()]), enough.promise]);
      await Promise.all([current.pool.close({ timeout: 0 }), current.session.close({ timeout: 0 })]);
    },
  };
}

/**
 * Connections that notice, at both ends, when the other is gone: a node that lost its power must not hold its locks, nor
 * its rows, for long.
 */
function connectTo(url: string, max: number, onclose?: () => void): SQL {
  return new SQL(url, {
    adapter: "postgres",
    bigint: true,
    max,
    connectionTimeout: connectSeconds,
    idleTimeout: 0,
    connection: {
      application_name: "berth",
      statement_timeout: statementMilliseconds,
      idle_in_transaction_session_timeout: 2 * silenceMilliseconds,
      tcp_keepalives_idle: 10,
      tcp_keepalives_interval: 5,
      tcp_keepalives_count: 3,
    },
    ...(onclose === undefined ? {} : { onclose }),
  });
}

type Slots = ReturnType<typeof openSlots>;

/** So many at a time, in order of asking. Silence is counted from here on, not from when one began to wait. */
function openSlots(size: number) {
  let taken = 0;
  let idle = Promise.withResolvers<void>();
  const queue = new Set<() => void>();
  return {
    /** Fault: busy store, when it takes too long. */
    async take(): Promise<void> {
      if (taken === 0) idle = Promise.withResolvers<void>();
      if (taken < size) {
        taken++;
        return;
      }
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const timer = setTimeout(() => {
        queue.delete(resolve);
        reject(away("the database of the registry is too busy"));
      }, queueMilliseconds);
      queue.add(resolve);
      await promise.finally(() => clearTimeout(timer));
    },
    /** Gives it to the next, or back. */
    give(): void {
      const [next] = queue;
      if (next !== undefined) {
        queue.delete(next);
        next();
        return;
      }
      taken--;
      if (taken === 0) idle.resolve();
    },
    drain: (): Promise<void> => (taken === 0 ? Promise.resolve() : idle.promise),
  };
}

function away(message: string): Fault {
  return new Fault("busy", "store", message);
}
