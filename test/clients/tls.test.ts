// HTTPS with a certificate of the operator's own: clients that trust its authority come in, others do not, and a new
// certificate is used without a restart.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { copyFile } from "node:fs/promises";
import { join } from "node:path";
import { connect } from "node:tls";
import { failureOf } from "../failure.ts";
import { startServer, type TestServer } from "../server.ts";
import { type Authority, makeAuthority, registryName } from "./certificates.ts";
import { type DockerDaemon, startDocker } from "./daemons.ts";
import { makeTar } from "./image.ts";
import { record } from "./operations.ts";
import { openPrograms, type Programs } from "./programs.ts";

let programs: Programs;
let stranger: Programs;
let daemon: DockerDaemon;
let server: TestServer;
let first: Authority;
let second: Authority;

const here = (name: string) => join(programs.folder, name);

beforeAll(async () => {
  stranger = await openPrograms();
  // What SSL_CERT_FILE names is all that a program written in Go trusts.
  programs = await openPrograms({ SSL_CERT_FILE: join(stranger.folder, "trusted.crt") });
  first = await makeAuthority(programs, "first");
  second = await makeAuthority(programs, "second");
  await first.issue(here("server.crt"), here("server.key"));
  await copyFile(first.certificate, join(stranger.folder, "trusted.crt"));
  const flags = ["--tls-certificate", here("server.crt"), "--tls-key", here("server.key")];
  server = await startServer({ data: here("berth"), flags });
  daemon = await startDocker(stranger);
}, 90_000);

afterAll(async () => {
  await daemon.stop();
  await server.stop();
  await programs.remove();
  await stranger.remove();
}, 60_000);

const crane = (...words: string[]) => programs.run("crane", ...words);
const at = (reference: string) => `${server.address}/${reference}`;
const registry = () => `${registryName}:${server.port}`;

/** Who signed the certificate that a new connection is shown. */
function issuer(): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: "127.0.0.1", port: server.port, rejectUnauthorized: false }, () => {
      resolve(String(socket.getPeerCertificate().issuer.CN));
      socket.end();
    });
    socket.once("error", reject);
  });
}

async function waitForIssuer(name: string): Promise<void> {
  for (let attempt = 0; attempt < 300; attempt++) {
    if ((await issuer()) === name) return;
    await Bun.sleep(100);
  }
  throw new Error(`the certificate is still not that of ${name}`);
}

async function waitForLog(words: string): Promise<void> {
  for (let attempt = 0; attempt < 300; attempt++) {
    if (server.output().includes(words)) return;
    await Bun.sleep(100);
  }
  throw new Error(`the server does not log "${words}":\n${server.output()}`);
}

test("crane pushes and pulls when it trusts the authority, and not when it does not", async () => {
  await crane("append", "--new_layer", await makeTar(programs, "layer", 3_000_000), "--new_tag", at("tls/crane:1"));
  await crane("pull", "--format=oci", at("tls/crane:1"), here("pulled"));
  await crane("validate", "--remote", at("tls/crane:1"));
  expect(await failureOf(stranger.run("crane", "digest", at("tls/crane:1")))).toContain("unknown authority");
  await record("crane", "HTTPS with an own authority");
}, 60_000);

test("docker pushes and pulls with the authority in certs.d, and not without", async () => {
  await daemon.run("import", await makeTar(programs, "image", 2_000_000), `${registry()}/tls/docker:1`);
  const id = await daemon.run("image", "inspect", "--format", "{{.Id}}", `${registry()}/tls/docker:1`);
  expect(await failureOf(daemon.run("push", `${registry()}/tls/docker:1`))).toContain("unknown authority");
  await daemon.trust(registry(), first.certificate);
  await daemon.run("push", `${registry()}/tls/docker:1`);
  await daemon.run("image", "rm", id);
  await daemon.run("pull", `${registry()}/tls/docker:1`);
  expect(await daemon.run("image", "inspect", "--format", "{{.Id}}", `${registry()}/tls/docker:1`)).toBe(id);
  await record("docker", "HTTPS with an own authority");
}, 120_000);

test("A new certificate is used for new connections, without a restart", async () => {
  expect(await issuer()).toBe("first");
  await second.issue(here("server.crt"), here("server.key"));
  await waitForIssuer("second");
  expect(await failureOf(crane("digest", at("tls/crane:1")))).toContain("unknown authority");
  expect(await failureOf(daemon.run("pull", `${registry()}/tls/docker:1`))).toContain("unknown authority");
  await copyFile(second.certificate, join(stranger.folder, "trusted.crt"));
  await crane("validate", "--remote", at("tls/crane:1"));
  await daemon.trust(registry(), second.certificate);
  await daemon.run("pull", `${registry()}/tls/docker:1`);
}, 120_000);

test("A certificate that cannot be read changes nothing, and the next good one is used", async () => {
  await Bun.write(here("server.crt"), "not a certificate\n");
  await waitForLog("the old one stays");
  expect(await issuer()).toBe("second");
  await crane("validate", "--remote", at("tls/crane:1"));
  await first.issue(here("server.crt"), here("server.key"));
  await waitForIssuer("first");
}, 60_000);
