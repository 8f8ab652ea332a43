// The kinds of server that bad requests are sent to.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Servers {
  /** Flags by what is said of such a server. */
  readonly servers: Readonly<Record<string, readonly string[]>>;
  /** Removes the certificate. */
  remove(): void;
}

/** One process, two workers, and one that speaks TLS with a certificate that nobody trusts. */
export function openServers(): Servers {
  const folder = mkdtempSync(join(tmpdir(), "berth-hostile-"));
  const [certificate, key] = [join(folder, "crt.pem"), join(folder, "key.pem")];
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  spawnSync("openssl", ["req", "-x509", ...newKey, "-subj", "/CN=localhost", "-keyout", key, "-out", certificate]);
  const servers = {
    "one process": [],
    "two workers": ["--workers", "2"],
    TLS: ["--tls-certificate", certificate, "--tls-key", key],
  };
  return { servers, remove: () => rmSync(folder, { recursive: true }) };
}
