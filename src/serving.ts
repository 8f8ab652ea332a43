// A server as `berth serve` runs it: in one process or in several, until a signal.
import { resolve } from "node:path";
import type { Db, SharedDb } from "#db";
import { errorCode, Fault } from "#lib/fault";
import { type Log, openLog } from "#lib/log";
import { keepHouse, openHouse } from "./app.ts";
import type { Address, Config } from "./config.ts";
import { type App, listenForMetrics, openDoors } from "./listeners.ts";
import { isLoopback } from "./loopback.ts";

const graceMilliseconds = 10_000;
const echoMilliseconds = 200;

/** Serves on a database that may still be opening; in a worker process there is none, its parent has it. Fault: invalid settings. */
export async function serve(config: Config, opening: Promise<Db | SharedDb> | undefined): Promise<void> {
  const log = openLog(config["log-level"], config["log-format"]);
  if (opening === undefined) {
    const { runWorker } = await import("./workers.ts");
    runWorker(config, log);
    return;
  }
  const app = await open(config, log, opening).catch((error: unknown) => {
    throw explain(error, config);
  });
  stopOnSignal(app, log);
  announce(config, app);
}

async function open(config: Config, log: Log, opening: Promise<Db | SharedDb>): Promise<App> {
  if (config.workers === 1) return openAlone(config, log, opening);
  const { openParent } = await import("./workers.ts");
  return openParent(config, log, opening);
}

async function openAlone(config: Config, log: Log, opening: Promise<Db>): Promise<App> {
  const house = await openHouse(config, opening);
  const keeping = await keepHouse(config, house, log);
  const app = await openDoors(config, house, log, { main: config.listen, v1: config["v1-listen"] }).catch(
    async (error: unknown) => {
      await house.close();
      throw error;
    },
  );
  const metricsAddress = config["metrics-listen"];
  const metrics = metricsAddress === null ? undefined : await listenForMetrics(metricsAddress, app.metrics, log);
  return {
    ...app,
    async close(milliseconds) {
      keeping.stop();
      await metrics?.close(0);
      await app.close(milliseconds);
    },
  };
}

/** Three lines for whoever started it: the address, the folder, what to type next; and what else there is to say. */
function announce(config: Config, { listening: { host, port }, v1Listening }: App): void {
  const near = ["0.0.0.0", "::", "127.0.0.1"].includes(host) ? "localhost" : bracketed(host);
  const lines = [
    `Berth serves on ${urlOf(config, { host, port })}`,
    `Everything is kept in ${resolve(config.data)}${config.database === "sqlite" ? "" : " and in PostgreSQL"}`,
    `Try: docker tag hello-world ${near}:${port}/hello && docker push ${near}:${port}/hello`,
  ];
  if (v1Listening !== undefined) lines.push(`The v1 protocol alone is on ${urlOf(config, v1Listening)}`);
  if (!isLoopback(host) || (v1Listening !== undefined && !isLoopback(v1Listening.host))) {
    lines.push(
      "WARNING: this server is open to the network and has no accounts: anybody who reaches it may push, pull and delete.",
    );
  }
  process.stdout.write(`${lines.join("\n")}\n`);
}

function urlOf(config: Config, { host, port }: Address): string {
  return `${config["tls-certificate"] === "" ? "http" : "https"}://${bracketed(host)}:${port}`;
}

function bracketed(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}

/** The first signal ends in order, the second at once. Under npm one Ctrl-C comes twice: from the terminal and from npm. */
function stopOnSignal(app: App, log: Log): void {
  let isStopping = false;
  let isEcho = true;
  const stop = async (signal: NodeJS.Signals) => {
    if (isStopping && isEcho) return;
    if (isStopping) process.exit(signal === "SIGINT" ? 130 : 143);
    isStopping = true;
    setTimeout(() => {
      isEcho = false;
    }, echoMilliseconds).unref();
    try {
      await app.close(graceMilliseconds);
      process.exit(0);
    } catch (error) {
      log.fatal({ err: error }, "the server could not be stopped in order");
      process.exit(1);
    }
  };
  process.on("SIGINT", stop);
  process.on("SIGTERM", stop);
}

/** A sentence for what commonly stops a start; anything else as it is. */
function explain(error: unknown, { listen: { host, port }, data }: Config): unknown {
  const code = errorCode(error);
  const say = (message: string) => new Fault("invalid", "settings", message);
  if (code === "EADDRINUSE")
    return say(`${host}:${port} is in use: stop what listens there, or choose another with --listen`);
  if (code === "EADDRNOTAVAIL" || code === "ENOTFOUND")
    return say(`${host} is no address of this machine: choose another with --listen`);
  if (
    code === "EACCES" ||
    code === "ENOENT" ||
    code === "EROFS" ||
    code === "EPERM" ||
    code === "ENOTDIR" ||
    code === "EEXIST"
  ) {
    return say(
      `the data folder ${resolve(data)} or the port ${port} cannot be used (${code}): check its permissions, or choose another (--data, --listen)`,
    );
  }
  if (error instanceof Fault && error.subject === "store" && (error.kind === "full" || error.kind === "busy")) {
    return say(
      `the data folder ${resolve(data)} cannot be used (${error.message}): check the space and the permissions of its disk, or choose another with --data`,
    );
  }
  return error;
}
