// What listens: the doors on their addresses, with their certificate, counted and logged.
import { guard } from "#http/guard";
import { type Listening, listen } from "#http/listen";
import { systemClock } from "#lib/clock";
import type { Log } from "#lib/log";
import type { House } from "./app.ts";
import { openCertificate } from "./certificate.ts";
import type { Address, Config } from "./config.ts";
import { type Entrance, openAllDoors } from "./doors.ts";
import { isLoopback } from "./loopback.ts";
import { openMetrics, openOpsDoor, opsErrors } from "./protocols/ops/index.ts";
import { openRequestLog } from "./request-log.ts";

export interface App {
  readonly listening: Listening;
  /** The listener of v1 alone, where there is one. */
  readonly v1Listening: Listening | undefined;
  /** The counters of this process, as text and for adding up. */
  readonly metrics: () => Promise<string>;
  readonly metricsAsJson: () => Promise<readonly object[]>;
  /** Stops accepting, lets requests end for `milliseconds`, checkpoints. */
  close(milliseconds: number): Promise<void>;
}

/** Where the doors are open. */
export interface Addresses {
  readonly main: Address;
  /** For clients that must not find the protocols of today; null without. */
  readonly v1: Address | null;
}

/** The doors, open on `addresses`. `metrics` gathers those of all processes, where there are several. */
export async function openDoors(
  config: Config,
  house: House,
  log: Log,
  addresses: Addresses,
  gather?: () => Promise<string>,
): Promise<App> {
  const { registry } = house;
  const metrics = openMetrics({ openUploads: registry.countUploads, writes: registry.writes });
  const text = gather ?? metrics.text;
  const onMain = config["metrics-listen"] === null && isLoopback(addresses.main.host);
  const doors = openAllDoors({ config, registry, log, metrics: onMain ? text : undefined });

  const logRequest = config["log-requests"] ? openRequestLog(log, systemClock) : () => undefined;
  const certificate = openCertificate(config, log);
  const open = (address: Address, { door, refusal }: Entrance) =>
    listen({
      ...address,
      door,
      refusal,
      ...(certificate === undefined ? {} : { certificate: certificate.current }),
      observe(observation) {
        metrics.observe(observation);
        logRequest(observation);
      },
      clock: systemClock,
      log,
    });
  const listening = await open(addresses.main, doors.main);
  const v1 = addresses.v1 === null ? undefined : await open(addresses.v1, doors.v1);
  certificate?.watch((next) => {
    listening.recertify(next);
    v1?.recertify(next);
  });
  return {
    listening,
    v1Listening: v1,
    metrics: metrics.text,
    metricsAsJson: metrics.json,
    async close(milliseconds) {
      certificate?.stop();
      await Promise.all([listening.close(milliseconds), v1?.close(milliseconds)]);
      await house.close();
    },
  };
}

/** Serves /metrics alone, on a listener of its own. */
export function listenForMetrics(address: Address, metrics: () => Promise<string>, log: Log): Promise<Listening> {
  const door = guard(openOpsDoor({ check: async () => undefined, metrics }), opsErrors, log);
  return listen({ ...address, door, refusal: opsErrors.fault, clock: systemClock, log });
}
