// berth serve: runs the server until a signal.
import { isIP } from "node:net";
import { resolve } from "node:path";
import type { Command } from "commander";
import { errorCode, Fault } from "#lib/fault";
import { openLog } from "#lib/log";
import { type App, openApp } from "../app.ts";
import { type Config, readConfig, settings } from "../config.ts";

const graceMilliseconds = 10_000;

export function addServe(program: Command): void {
  const command = program.command("serve").description("run the server");
  for (const { name, argument, fallback, meaning } of settings) {
    command.option(argument === undefined ? `--${name}` : `--${name} <${argument}>`, meaning, fallback);
  }
  command.action(async (values: Record<string, unknown>) => serve(readConfig(values)));
}

async function serve(config: Config): Promise<void> {
  const log = openLog(config.logLevel, config.logFormat);
  const app = await openApp(config, log).catch((error: unknown) => {
    throw explain(error, config);
  });
  announce(config, app);
  stopOnSignal(app);
}

/** Three lines for whoever started it: the address, the folder, what to type next. */
function announce({ data }: Config, { listening: { host, port } }: App): void {
  const shown =
    host === "0.0.0.0" || host === "::" || host === "127.0.0.1" ? "localhost" : host.includes(":") ? `[${host}]` : host;
  const lines = [
    `Berth serves on http://${host.includes(":") ? `[${host}]` : host}:${port}`,
    `Everything is kept in ${resolve(data)}`,
    `Try: docker tag hello-world ${shown}:${port}/hello && docker push ${shown}:${port}/hello`,
  ];
  if (!isLoopback(host)) {
    lines.push(
      "WARNING: this server is open to the network and has no accounts: anybody who reaches it may push, pull and delete.",
    );
  }
  process.stdout.write(`${lines.join("\n")}\n`);
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."));
}

/** The first signal ends in order, the second at once. */
function stopOnSignal(app: App): void {
  let isStopping = false;
  const stop = async (signal: NodeJS.Signals) => {
    if (isStopping) process.exit(signal === "SIGINT" ? 130 : 143);
    isStopping = true;
    await app.close(graceMilliseconds);
    process.exit(0);
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
  if (code === "EACCES" || code === "EROFS" || code === "EPERM") {
    return say(
      `the data folder ${resolve(data)} or the port ${port} may not be used: check its permissions, or choose another (--data, --listen)`,
    );
  }
  return error;
}
