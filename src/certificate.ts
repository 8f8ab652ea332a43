// The certificate of the server, read again when its files change.
import { readFileSync, statSync } from "node:fs";
import type { Certificate } from "#http/listen";
import { every } from "#lib/clock";
import { errorCode, Fault } from "#lib/fault";
import type { Log } from "#lib/log";
import type { Config } from "./config.ts";

export interface WatchedCertificate {
  readonly current: Certificate;
  watch(changed: (certificate: Certificate) => void): void;
  stop(): void;
}

const pollMilliseconds = 2_000;

/** The certificate that the settings name; undefined when they name none. Fault: invalid settings. */
export function openCertificate(config: Config, log: Log): WatchedCertificate | undefined {
  const certificateFile = config["tls-certificate"];
  const keyFile = config["tls-key"];
  if (certificateFile === "") return undefined;
  const stamp = () => [certificateFile, keyFile].map((file) => statSync(file).mtimeMs).join();
  const read = (): Certificate => ({ cert: readFileSync(certificateFile, "utf8"), key: readFileSync(keyFile, "utf8") });
  let current: Certificate;
  let seen: string;
  try {
    seen = stamp();
    current = read();
  } catch (error) {
    throw new Fault(
      "invalid",
      "settings",
      `tls-certificate ${certificateFile} or tls-key ${keyFile} cannot be read: ${errorCode(error)}`,
    );
  }
  let watching: { stop(): void } | undefined;
  return {
    current,
    watch(changed) {
      watching = every(pollMilliseconds, async () => {
        try {
          const now = stamp();
          if (now === seen) return;
          changed(read());
          seen = now;
          log.info({}, "the certificate was read again");
        } catch (error) {
          log.error({ err: error }, "the certificate has changed and cannot be read: the old one stays");
        }
      });
    },
    stop: () => watching?.stop(),
  };
}
