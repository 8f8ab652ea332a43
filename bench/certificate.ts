// A certificate of its own for the measurements over TLS: P-256, as most are today.
import { join } from "node:path";
import { run } from "./processes.ts";

/** Paths of PEM files. */
export interface Certificate {
  readonly certificate: string;
  readonly key: string;
}

/** Makes one in `folder`. */
export async function makeCertificate(folder: string): Promise<Certificate> {
  const made = { certificate: join(folder, "bench.crt"), key: join(folder, "bench.key") };
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", made.key];
  const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"];
  await run(["openssl", "req", "-x509", "-days", "2", ...key, ...subject, "-out", made.certificate]);
  return made;
}
