// helm: charts as artifacts.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { startServer, type TestServer } from "../server.ts";
import { record } from "./operations.ts";
import { openPrograms, type Programs } from "./programs.ts";

let server: TestServer;
let programs: Programs;

beforeAll(async () => {
  programs = await openPrograms();
  server = await startServer();
  await helm("create", "chart");
});

afterAll(async () => {
  await server.stop();
  await programs.remove();
});

const plain = "--plain-http";
const helm = (...words: string[]) => programs.run("helm", ...words);
const at = (repository: string) => `oci://${server.address}/${repository}`;

/** Packages and pushes a version of the chart; returns the file. */
async function push(version: string): Promise<string> {
  await helm("package", "--version", version, "chart");
  const file = join(programs.folder, `chart-${version}.tgz`);
  await helm("push", plain, file, at("helm"));
  return file;
}

/** Pulls a chart as `words` ask, and returns the file that it came as. */
async function pull(name: string, file: string, ...words: string[]): Promise<Buffer> {
  const folder = join(programs.folder, name);
  await mkdir(folder);
  await helm("pull", plain, "--destination", folder, ...words);
  return readFile(join(folder, file));
}

test("A chart is pushed, and pulled byte for byte, by its version and by its digest", async () => {
  const pushed = await readFile(await push("0.1.0"));
  expect((await pull("named", "chart-0.1.0.tgz", "--version", "0.1.0", at("helm/chart"))).equals(pushed)).toBe(true);
  const response = await fetch(`${server.url}/v2/helm/chart/manifests/0.1.0`, { method: "HEAD" });
  const digest = response.headers.get("docker-content-digest");
  const pulled = await pull("exact", `chart@${digest?.replace(":", "-")}.tgz`, at(`helm/chart@${digest}`));
  expect(pulled.equals(pushed)).toBe(true);
  await record("helm", "push", "pull", "pull by digest");
}, 60_000);

test("A range of versions is answered with the newest in it, and build metadata survives", async () => {
  for (const version of ["1.2.0", "1.10.0", "2.0.0+build.5"]) await push(version);
  expect(await helm("show", "chart", plain, at("helm/chart"), "--version", "^1.0.0")).toContain("version: 1.10.0");
  expect(await helm("show", "chart", plain, at("helm/chart"))).toContain("version: 2.0.0+build.5");
  await record("helm", "list tags", "inspect");
}, 60_000);

test("A chart is rendered from where it is", async () => {
  await push("3.0.0");
  const rendered = await helm("template", "release", plain, at("helm/chart"), "--version", "3.0.0");
  expect(rendered).toContain("kind: Deployment");
}, 60_000);
