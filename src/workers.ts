// Several processes on one port. The parent owns the database's writer, picks the port and serves nobody; a worker that
// dies is started again; all stop together.
import cluster, { type Worker } from "node:cluster";
import { createServer } from "node:net";
import type { Channel, Db, SharedDb } from "#db";
import type { Listening } from "#http/listen";
import type { Log } from "#lib/log";
import { keepHouse, openHouse } from "./app.ts";
import type { Address, Config } from "./config.ts";
import { openWorkerDatabase } from "./database.ts";
import { type Addresses, type App, listenForMetrics, openDoors } from "./listeners.ts";
import { addUp } from "./protocols/ops/index.ts";

type ToWorker =
  | { readonly start: Addresses }
  | { readonly stop: number }
  | { readonly count: number }
  | { readonly counted: string; readonly call: number };
type ToParent =
  | { readonly hello: true }
  | { readonly ready: Addresses }
  | { readonly metrics: unknown; readonly call: number }
  | { readonly gather: number };

function isMessage<Message>(message: unknown, key: string): message is Message {
  return typeof message === "object" && message !== null && key in message;
}

/** The parent: opens what is shared, starts the workers, and is ready when all of them listen. */
export async function openParent(config: Config, log: Log, opening: Promise<Db | SharedDb>): Promise<App> {
  const house = await openHouse(config, opening);
  const db = await opening;
  const keeping = await keepHouse(config, house, log);
  const v1 = config["v1-listen"];
  const addresses: Addresses = { main: await pickPort(config.listen), v1: v1 === null ? null : await pickPort(v1) };
  const gathering = openGathering();
  let isStopping = false;
  cluster.setupPrimary({ serialization: "advanced" });

  const start = () =>
    new Promise<Addresses>((resolve, reject) => {
      const worker = cluster.fork();
      if ("share" in db) db.share(channelOf(worker));
      worker.on("message", (message: unknown) => {
        // A message that is sent before the worker listens is lost: it says when it does.
        if (isMessage<{ hello: true }>(message, "hello")) worker.send({ start: addresses } satisfies ToWorker);
        else if (isMessage<{ ready: Addresses }>(message, "ready")) {
          gathering.add(worker);
          resolve(message.ready);
        } else if (isMessage<{ gather: number }>(message, "gather")) {
          void gathering
            .text()
            .then(
              (counted) => worker.isConnected() && worker.send({ counted, call: message.gather } satisfies ToWorker),
            );
        } else gathering.receive(message);
      });
      worker.once("exit", (code, signal) => {
        reject(new Error(`a worker ended while it started (${signal ?? code})`));
        if (isStopping) return;
        log.error({ code, signal }, "a worker died: it is started again");
        start().catch((error: unknown) => log.error({ err: error }, "a worker could not be started"));
      });
    });

  const [first] = await Promise.all(Array.from({ length: config.workers }, start));
  if (first === undefined) throw new Error("there are no workers");
  const metricsAddress = config["metrics-listen"];
  const metricsListening =
    metricsAddress === null ? undefined : await listenForMetrics(metricsAddress, gathering.text, log);
  return {
    listening: listeningOf(first.main),
    v1Listening: first.v1 === null ? undefined : listeningOf(first.v1),
    metrics: gathering.text,
    metricsAsJson: async () => [],
    async close(milliseconds) {
      isStopping = true;
      keeping.stop();
      const workers = Object.values(cluster.workers ?? {}).filter((worker) => worker !== undefined);
      await Promise.all(
        workers.map((worker) => {
          const ended = new Promise<void>((resolve) => {
            worker.once("exit", () => resolve());
          });
          worker.send({ stop: milliseconds } satisfies ToWorker);
          return ended;
        }),
      );
      await metricsListening?.close(milliseconds);
      await house.close();
    },
  };
}

/** A worker: waits for its address, serves, and ends when it is told to or when its parent is gone. */
export function runWorker(config: Config, log: Log): void {
  const send = (message: unknown) => process.send?.(message);
  let app: App | undefined;
  const waiting = new Map<number, (text: string) => void>();
  let calls = 0;
  const channel: Channel = {
    send,
    receive: (listener) => process.on("message", listener),
    closed: (listener) => process.once("disconnect", listener),
  };
  const gather = () =>
    new Promise<string>((resolve) => {
      const call = ++calls;
      waiting.set(call, resolve);
      send({ gather: call });
    });
  const start = async (addresses: Addresses) => {
    app = await openDoors(config, await openHouse(config, openWorkerDatabase(config, channel)), log, addresses, gather);
    const { listening, v1Listening } = app;
    const main = addressOf(listening);
    send({ ready: { main, v1: v1Listening === undefined ? null : addressOf(v1Listening) } } satisfies ToParent);
  };

  process.on("message", async (message: unknown) => {
    if (isMessage<{ start: Addresses }>(message, "start")) {
      await start(message.start).catch((error: unknown) => {
        log.fatal({ err: error }, "a worker could not start");
        process.exit(1);
      });
    } else if (isMessage<{ stop: number }>(message, "stop")) {
      await app?.close(message.stop);
      process.exit(0);
    } else if (isMessage<{ count: number }>(message, "count")) {
      send({ metrics: await app?.metricsAsJson(), call: message.count });
    } else if (isMessage<{ counted: string; call: number }>(message, "counted")) {
      waiting.get(message.call)?.(message.counted);
      waiting.delete(message.call);
    }
  });
  send({ hello: true } satisfies ToParent);
  process.on("disconnect", () => process.exit(1));
  // The parent says when to stop: a terminal's Ctrl-C reaches the workers too.
  process.on("SIGINT", () => undefined);
  process.on("SIGTERM", () => undefined);
}

/** Asks every worker for its counters and adds them up. */
function openGathering() {
  const waiting = new Map<number, (metrics: unknown) => void>();
  const workers = new Set<Worker>();
  let calls = 0;
  const ask = (worker: Worker) =>
    new Promise<unknown>((resolve) => {
      const call = ++calls;
      const settle = (metrics: unknown) => {
        waiting.delete(call);
        worker.off("exit", gone);
        resolve(metrics);
      };
      const gone = () => settle([]);
      waiting.set(call, settle);
      worker.once("exit", gone);
      worker.send({ count: call } satisfies ToWorker);
    });
  return {
    /** From now on this worker is asked too, until it ends. */
    add(worker: Worker) {
      workers.add(worker);
      worker.once("exit", () => workers.delete(worker));
    },
    receive(message: unknown) {
      if (!isMessage<{ metrics: unknown; call: number }>(message, "metrics")) return;
      waiting.get(message.call)?.(message.metrics);
    },
    async text(): Promise<string> {
      const all = await Promise.all([...workers].map(ask));
      return addUp(all as object[][]);
    },
  };
}

function channelOf(worker: Worker): Channel {
  return {
    send: (message) => void worker.send(message as object),
    receive: (listener) => worker.on("message", listener),
    closed: (listener) => worker.once("exit", listener),
  };
}

function addressOf({ host, port }: Listening): Address {
  return { host, port };
}

/** Where the workers listen: they close it themselves. */
function listeningOf(address: Address): Listening {
  return { ...address, recertify: () => undefined, close: async () => undefined };
}

/** The address with a port: a free one where 0 was asked for. */
async function pickPort({ host, port }: Address): Promise<Address> {
  if (port !== 0) return { host, port };
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, host, () => resolve());
  });
  const address = server.address();
  await new Promise((resolve) => {
    server.close(resolve);
  });
  return { host, port: typeof address === "object" && address !== null ? address.port : 0 };
}
