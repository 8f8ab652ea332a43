// Certificates from an authority of the test's own.
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Programs } from "./programs.ts";

/** A name that the docker daemon of daemons.ts knows. Its own machine it would not ask for a certificate. */
export const registryName = "registry.test";

export interface Authority {
  /** Its certificate, for those who trust it. */
  readonly certificate: string;
  /** Writes a certificate for this machine and its key over what these files hold. */
  issue(certificate: string, key: string): Promise<void>;
}

const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];

/** Makes an authority that nobody trusts yet. */
export async function makeAuthority({ folder, run }: Programs, name: string): Promise<Authority> {
  const certificate = join(folder, `${name}.crt`);
  const signing = join(folder, `${name}.key`);
  const config = join(folder, "openssl.cnf");
  await writeFile(config, "[req]\ndistinguished_name = subject\n[subject]\n");
  const request = ["req", "-x509", "-config", config, "-days", "2", ...newKey];
  const isAuthority = ["-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign"];
  await run("openssl", ...request, "-subj", `/CN=${name}`, ...isAuthority, "-keyout", signing, "-out", certificate);
  const names = `subjectAltName=DNS:localhost,DNS:${registryName},IP:127.0.0.1`;
  const isServer = ["-addext", names, "-addext", "basicConstraints=critical,CA:FALSE"];
  const signed = ["-CA", certificate, "-CAkey", signing];
  return {
    certificate,
    async issue(target, key) {
      await run("openssl", ...request, "-subj", "/CN=berth", ...isServer, ...signed, "-keyout", key, "-out", target);
    },
  };
}
