// skopeo, the tool of containers/image.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { failureOf } from "../failure.ts";
import { startServer, type TestServer } from "../server.ts";
import { type Layout, makeLayout } from "./image.ts";
import { record } from "./operations.ts";
import { openPrograms, type Programs } from "./programs.ts";

let server: TestServer;
let programs: Programs;
let layout: Layout;

beforeAll(async () => {
  programs = await openPrograms();
  server = await startServer();
  layout = await makeLayout(programs, "layout", [1000, 60_000, 4_000_000]);
});

afterAll(async () => {
  await server.stop();
  await programs.remove();
});

const plainSource = "--src-tls-verify=false";
const plainTarget = "--dest-tls-verify=false";
const skopeo = (...words: string[]) => programs.run("skopeo", ...words);
const at = (reference: string) => `docker://${server.address}/${reference}`;
const here = (name: string) => join(programs.folder, name);
const inspect = (reference: string) => skopeo("inspect", "--raw", "--tls-verify=false", at(reference));

test("An image is copied in, from repository to repository, and out, byte for byte", async () => {
  await skopeo("copy", plainTarget, `oci:${layout.path}:latest`, at("skopeo/one:1"));
  expect(await inspect("skopeo/one:1")).toBe(layout.manifest);
  await skopeo("copy", plainSource, plainTarget, at("skopeo/one:1"), at("skopeo/two:2"));
  expect(await inspect(`skopeo/two@${layout.digest}`)).toBe(layout.manifest);
  await skopeo("copy", plainSource, at("skopeo/two:2"), `dir:${here("out")}`);
  expect(await readFile(join(here("out"), "manifest.json"), "utf8")).toBe(layout.manifest);
  for (const layer of layout.layers) {
    const hex = layer.slice("sha256:".length);
    const [pulled, pushed] = [join(here("out"), hex), join(layout.path, "blobs", "sha256", hex)];
    expect((await readFile(pulled)).equals(await readFile(pushed))).toBe(true);
  }
  await record("skopeo", "push", "pull", "pull by digest", "copy between repositories");
}, 60_000);

test("Today's image is converted to Docker's schema 2 on the way", async () => {
  await skopeo("copy", plainTarget, "--format", "v2s2", `oci:${layout.path}:latest`, at("skopeo/docker:1"));
  expect(JSON.parse(await inspect("skopeo/docker:1")).mediaType).toContain("vnd.docker.distribution.manifest.v2");
  const { Layers, Digest } = JSON.parse(await skopeo("inspect", "--tls-verify=false", at("skopeo/docker:1")));
  expect(Layers).toEqual(layout.layers);
  expect(Digest).toStartWith("sha256:");
  await record("skopeo", "convert on the way", "inspect");
}, 60_000);

test("Tags are listed, and an image that is deleted is gone", async () => {
  await skopeo("copy", plainTarget, `oci:${layout.path}:latest`, at("skopeo/gone:a"));
  await skopeo("copy", plainTarget, `oci:${layout.path}:latest`, at("skopeo/gone:b"));
  const tags = async () => JSON.parse(await skopeo("list-tags", "--tls-verify=false", at("skopeo/gone"))).Tags;
  expect(await tags()).toEqual(["a", "b"]);
  await skopeo("delete", "--tls-verify=false", at("skopeo/gone:a"));
  expect(await tags()).toEqual([]);
  expect(await failureOf(inspect("skopeo/gone:b"))).toMatch(/manifest unknown/i);
  await record("skopeo", "list tags", "delete a manifest");
}, 60_000);

test("A repository is synchronised out to a folder and back in", async () => {
  await skopeo("copy", plainTarget, `oci:${layout.path}:latest`, at("skopeo/synced:a"));
  await skopeo("copy", plainTarget, `oci:${layout.path}:latest`, at("skopeo/synced:b"));
  const repository = `${server.address}/skopeo/synced`;
  await skopeo("sync", plainSource, "--src", "docker", "--dest", "dir", repository, here("mirror"));
  const target = `${server.address}/mirrored`;
  await skopeo("sync", plainTarget, "--src", "dir", "--dest", "docker", here("mirror"), target);
  expect(await inspect("mirrored/synced:b")).toBe(layout.manifest);
  await record("skopeo", "synchronise");
}, 60_000);

test("An index of images is copied out whole, and back in, and the image for this machine is pulled from it", async () => {
  const other = await makeLayout(programs, "other", [2000]);
  const members = [layout, other].map(({ digest }) => `${server.address}/skopeo/member@${digest}`);
  for (const { path } of [layout, other])
    await skopeo("copy", plainTarget, `oci:${path}:latest`, at("skopeo/member:1"));
  const appended = members.flatMap((member) => ["--manifest", member]);
  await programs.run("crane", "index", "append", ...appended, "--tag", `${server.address}/skopeo/member:all`);
  await skopeo("copy", "--all", plainSource, at("skopeo/member:all"), `oci:${here("index")}:all`);
  await skopeo("copy", "--all", plainTarget, `oci:${here("index")}:all`, at("skopeo/back:all"));
  // skopeo writes the index anew, with the fields that it knows.
  const index = await inspect("skopeo/back:all");
  for (const { digest, manifest } of [layout, other]) {
    expect(index).toContain(digest);
    expect(await inspect(`skopeo/back@${digest}`)).toBe(manifest);
  }
  const platform = ["--override-os", "linux", "--override-arch", "amd64"];
  await skopeo(...platform, "copy", plainSource, at("skopeo/back:all"), `dir:${here("member")}`);
  expect(await readFile(join(here("member"), "manifest.json"), "utf8")).toBe(layout.manifest);
  await record("skopeo", "push an index", "pull from an index");
}, 60_000);
