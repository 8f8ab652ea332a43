// Which door answers which path: on the main listener every protocol, on the other one v1 alone.
import { hostname } from "node:os";
import type { Answer } from "#http/answer";
import { type Door, guard } from "#http/guard";
import { systemClock } from "#lib/clock";
import type { Fault } from "#lib/fault";
import type { Log } from "#lib/log";
import type { Registry } from "#registry";
import type { Config } from "./config.ts";
import { dockerV1Errors, openDockerV1Door } from "./protocols/docker-v1/index.ts";
import { faultAnswer, ociErrors, openOciDoor } from "./protocols/oci/index.ts";
import { openOpsDoor, opsErrors } from "./protocols/ops/index.ts";

/** What a listener does with what comes in. */
export interface Entrance {
  readonly door: Door;
  /** The answer to what no door gets to see. */
  readonly refusal: (fault: Fault) => Answer;
}

export interface DoorsOptions {
  readonly config: Config;
  readonly registry: Registry;
  readonly log: Log;
  /** The text of /metrics, or undefined where it is not served. */
  readonly metrics: (() => Promise<string>) | undefined;
}

const besideV1 = new Set(["/", "/v1", "/_ping", "/_status"]);

/** Every door, guarded. */
export function openAllDoors({ config, registry, log, metrics }: DoorsOptions): { main: Entrance; v1: Entrance } {
  const isSecure = config["tls-certificate"] !== "";
  const oci = guard(openOciDoor(registry), ociErrors, log);
  const ops = guard(openOpsDoor({ check: registry.check, metrics }), opsErrors, log);
  const v1 = guard(
    openDockerV1Door({
      images: registry.v1Images,
      tags: registry.v1Tags,
      repositories: registry.v1Repositories,
      sessionKey: registry.keyFor("v1-session"),
      isSecure: () => isSecure,
      clock: systemClock,
      hostname: hostname(),
      check: registry.check,
    }),
    dockerV1Errors,
    log,
  );
  const main: Door = (call) => {
    const { path } = call;
    if (path.startsWith("/v2/") || path === "/v2") return oci(call);
    return path.startsWith("/v1/") || besideV1.has(path) ? v1(call) : ops(call);
  };
  return { main: { door: main, refusal: faultAnswer }, v1: { door: v1, refusal: dockerV1Errors.fault } };
}
