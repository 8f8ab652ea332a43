// Docker 1.5, its own code: it finds v1 at the port that today's clients use, pushes, pulls, and both sides see one image.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { failureOf } from "../failure.ts";
import { openRandom } from "../faults/random.ts";
import { startServer, type TestServer } from "../server.ts";
import type { Chain } from "../v1/dances.ts";
import { craneLayout, diffIds, solidLayers } from "../v1/expectations.ts";
import { makeChain } from "../v1/random-chains.ts";
import { makeLayout } from "./image.ts";
import { record } from "./operations.ts";
import { openPrograms, type Programs } from "./programs.ts";

let programs: Programs;
let server: TestServer;

beforeAll(async () => {
  programs = await openPrograms();
  server = await startServer();
}, 30_000);

afterAll(async () => {
  await server.stop();
  await programs.remove();
});

const at = (name: string) => `${server.address}/${name}`;
/** A machine of its own: a folder with its images. */
const root = (machine: string) => join(programs.folder, machine);
const docker = (machine: string, ...words: string[]) => programs.run("docker-1.5", root(machine), ...words);

/** Has a machine hold a chain under a name. */
async function load(machine: string, name: string, chain: Chain): Promise<void> {
  const folder = join(programs.folder, `${machine}-source`);
  for (const { id, json, layer } of chain) {
    await mkdir(join(folder, id), { recursive: true });
    await writeFile(join(folder, id, "json"), json);
    await writeFile(join(folder, id, "layer"), layer);
  }
  await writeFile(join(folder, "tags.json"), JSON.stringify({ "1": chain.at(-1)?.id }));
  await docker(machine, "load", folder, name);
}

/** What the registry gives Docker 1.5 of a repository: the chain of its tag 1. */
async function fetchChain(name: string): Promise<Chain> {
  const folder = join(programs.folder, `fetched-${name.replaceAll("/", "-")}`);
  await mkdir(folder);
  await docker("fetching", "fetch", at(name), folder);
  const chain: Chain[number][] = [];
  const tags: { readonly "1": string } = JSON.parse(await readFile(join(folder, "tags.json"), "utf8"));
  for (let id: string | undefined = tags["1"]; id !== undefined; ) {
    const [json, layer]: Buffer[] = await Promise.all(
      ["json", "layer"].map((part) => readFile(join(folder, `${id}`, part))),
    );
    if (json === undefined || layer === undefined) throw new Error(`${id} was not fetched`);
    chain.unshift({ id, json, layer });
    id = JSON.parse(json.toString()).parent;
  }
  return chain;
}

/** Fails unless two machines hold the same trees, image by image. */
async function expectSameTrees(one: string, other: string, ids: readonly string[]): Promise<void> {
  for (const id of ids) {
    const trees = [one, other].map((machine) => join(root(machine), "vfs", "dir", id));
    await programs.run("diff", "--recursive", "--no-dereference", ...trees);
  }
}

test("An image that Docker 1.5 pushes is pulled by Docker 1.5 elsewhere, and by crane", async () => {
  const chain = await makeChain(openRandom(15), { length: 5, isGzip: true, emptyAt: 2 });
  const ids = chain.map(({ id }) => id);
  await load("pusher", at("alice/real"), chain);
  await docker("pusher", "push", at("alice/real"), "1");
  await docker("puller", "pull", at("alice/real"), "1");
  await expectSameTrees("pusher", "puller", ids);

  const fetched = await fetchChain("alice/real");
  expect(fetched.map(({ id }) => id)).toEqual(ids);
  for (const { id, json } of fetched) {
    expect(json.equals(await readFile(join(root("pusher"), "graph", id, "json")))).toBe(true);
  }
  const { layers, config } = await craneLayout(programs, at("alice/real:1"));
  expect(layers).toEqual(solidLayers(fetched));
  expect(config.rootfs.diff_ids).toEqual(diffIds(layers));
  await record("docker 1.5", "push", "pull");
}, 60_000);

test("What is there is not sent again, and the second tag leads to the same manifest", async () => {
  const chain = await makeChain(openRandom(16), { length: 3, isGzip: true });
  await load("again", at("alice/again"), chain);
  await docker("again", "push", at("alice/again"), "1");
  await docker("again", "tag", chain.at(-1)?.id ?? "", at("alice/again"), "2");
  const said = await docker("again", "push", at("alice/again"), "2");
  expect(said.match(/already pushed, skipping/g)?.length).toBe(3);
  const digests = await Promise.all(["1", "2"].map((tag) => programs.run("crane", "digest", at(`alice/again:${tag}`))));
  expect(digests[0]).toBe(digests[1]);
  await record("docker 1.5", "push of what is there already");
}, 60_000);

test("What crane pushed Docker 1.5 pulls; pushed back under another name it is the same manifest", async () => {
  const { path, digest } = await makeLayout(programs, "modern", [20_000, 3000, 70_000]);
  await programs.run("crane", "push", "--insecure", path, at("alice/modern:1"));
  await docker("old", "pull", at("alice/modern"), "1");
  const top = await readdir(join(root("old"), "graph"));
  const { layers } = await craneLayout(programs, at("alice/modern:1"));
  const chain = await fetchChain("alice/modern");
  expect(chain.slice(0, -1).map(({ layer }) => layer)).toEqual([...layers]);
  const id = chain.at(-1)?.id ?? "";
  expect(top).toContain(id);
  for (const i of [0, 1, 2]) {
    const [had, has] = [join(programs.folder, `modern-${i}.content`), join(root("old"), "vfs", "dir", id)];
    expect(await readFile(join(has, `modern-${i}`))).toEqual(await readFile(join(had, `modern-${i}`)));
  }
  await docker("old", "tag", id, at("alice/back"), "1");
  expect(await docker("old", "push", at("alice/back"), "1")).not.toContain("successfully pushed");
  expect(await programs.run("crane", "digest", at("alice/back:1"))).toBe(digest);
}, 60_000);

test("An index has an image for the machine of Docker 1.5", async () => {
  const [ours, theirs] = [await makeLayout(programs, "ours", [1000]), await makeLayout(programs, "theirs", [2000])];
  for (const [layout, tag] of [
    [ours, "amd64"],
    [theirs, "s390x"],
  ] as const) {
    await programs.run("crane", "push", "--insecure", layout.path, at(`alice/index:${tag}`));
  }
  // Of two members for one platform the first is taken.
  const members = ["amd64", "s390x"].flatMap((tag) => ["--manifest", at(`alice/index:${tag}`)]);
  await programs.run("crane", "index", "append", "--insecure", ...members, "--tag", at("alice/both:1"));
  await docker("indexed", "pull", at("alice/both"), "1");
  const chain = await fetchChain("alice/both");
  const { layers } = await craneLayout(programs, at("alice/index:amd64"));
  expect(chain.slice(0, -1).map(({ layer }) => layer)).toEqual([...layers]);
  await record("docker 1.5", "pull from an index");
}, 60_000);

test("Docker 1.5 logs in and searches", async () => {
  expect(await docker("new", "login", server.address, "alice", "secret")).toContain("Account created");
  const found: readonly { readonly name: string }[] = JSON.parse(await docker("new", "search", at("again")));
  expect(found.map(({ name }) => name)).toEqual(["alice/again"]);
}, 60_000);

test("Deleting a tag with crane takes it from Docker 1.5", async () => {
  const chain = await makeChain(openRandom(17), { length: 2, isGzip: true });
  await load("deleting", at("alice/deleted"), chain);
  await docker("deleting", "push", at("alice/deleted"), "1");
  await programs.run("crane", "delete", "--insecure", at("alice/deleted:1"));
  expect(await failureOf(docker("late", "pull", at("alice/deleted"), "1"))).toMatch(/not found/);
}, 60_000);
