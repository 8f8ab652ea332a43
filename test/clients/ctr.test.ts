// ctr, with a containerd of its own.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { startServer, type TestServer } from "../server.ts";
import { type Daemon, startContainerd } from "./daemons.ts";
import { type Layout, makeLayout } from "./image.ts";
import { record } from "./operations.ts";
import { openPrograms, type Programs } from "./programs.ts";

let programs: Programs;
let daemon: Daemon;
let server: TestServer;

beforeAll(async () => {
  programs = await openPrograms();
  server = await startServer();
  daemon = await startContainerd(programs);
}, 90_000);

afterAll(async () => {
  await daemon.stop();
  await server.stop();
  await programs.remove();
}, 60_000);

const ctr = (...words: string[]) => daemon.run("images", ...words);
const at = (reference: string) => `${server.address}/${reference}`;
const pull = (reference: string) => ctr("pull", "--plain-http", "--snapshotter", "native", reference);

/** Brings an image into containerd, as it is with `--base-name`, or as the one member of an index with `--index-name`. */
async function importImage(name: string, ...as: readonly string[]): Promise<Layout> {
  const layout = await makeLayout(programs, name, [2000, 3_000_000]);
  const tar = join(programs.folder, `${name}-layout.tar`);
  await programs.run("tar", "--create", "--file", tar, "--directory", layout.path, ".");
  await ctr("import", "--no-unpack", ...as, tar);
  return layout;
}

const content = () => daemon.run("content", "list", "--quiet");

/** Forgets every image, and waits until the content is gone too. */
async function forget(): Promise<void> {
  const names = (await ctr("list", "--quiet")).split("\n").filter((name) => name !== "");
  await ctr("remove", "--sync", ...names);
  expect(await content()).toBe("");
}

test("An image is pushed from containerd, and pulled into an empty one and unpacked", async () => {
  const { digest, layers } = await importImage("pushed", "--base-name", at("ctr/pushed"));
  await ctr("push", "--plain-http", at("ctr/pushed:latest"));
  await forget();
  await pull(at("ctr/pushed:latest"));
  for (const each of [digest, ...layers]) expect(await content()).toContain(each);
  const mounted = join(programs.folder, "mounted");
  await mkdir(mounted);
  await ctr("mount", "--snapshotter", "native", at("ctr/pushed:latest"), mounted);
  const name = "pushed-1";
  const [pulled, pushed] = [join(mounted, name), join(programs.folder, `${name}.content`, name)];
  const isSame = (await readFile(pulled)).equals(await readFile(pushed));
  await ctr("unmount", mounted);
  expect(isSame).toBe(true);
  await record("ctr", "push", "pull");
}, 120_000);

test("An index is pushed and pulled with its images, and an image by its digest", async () => {
  const { digest, layers } = await importImage("indexed", "--index-name", at("ctr/indexed:1"));
  await ctr("push", "--plain-http", at("ctr/indexed:1"));
  await forget();
  await ctr("pull", "--plain-http", "--snapshotter", "native", "--all-platforms", at("ctr/indexed:1"));
  for (const each of [digest, ...layers]) expect(await content()).toContain(each);
  await forget();
  await pull(at(`ctr/indexed@${digest}`));
  for (const each of [digest, ...layers]) expect(await content()).toContain(each);
  await record("ctr", "push an index", "pull from an index", "pull by digest");
}, 120_000);

test("An image that is here already is pushed without its layers", async () => {
  const { layers } = await importImage("again", "--base-name", at("ctr/again"));
  await ctr("push", "--plain-http", at("ctr/again:latest"));
  await ctr("tag", at("ctr/again:latest"), at("ctr/again:2"));
  const asked = '"action":"uploads POST","repository":"ctr/again"';
  const uploads = async () => (await server.outputSoFar()).split(asked).length - 1;
  expect(await uploads()).toBe(layers.length + 1);
  await ctr("push", "--plain-http", at("ctr/again:2"));
  expect(await uploads()).toBe(layers.length + 1);
  const tags = await fetch(`${server.url}/v2/ctr/again/tags/list`);
  expect(await tags.json()).toEqual({ name: "ctr/again", tags: ["2", "latest"] });
  await record("ctr", "push of what is there already");
}, 120_000);
