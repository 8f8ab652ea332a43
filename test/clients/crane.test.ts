// crane, the tool of go-containerregistry.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { failureOf } from "../failure.ts";
import { startServer, type TestServer } from "../server.ts";
import { makeLayout, makeTar, sha256 } from "./image.ts";
import { record } from "./operations.ts";
import { openPrograms, type Programs } from "./programs.ts";

let server: TestServer;
let programs: Programs;

beforeAll(async () => {
  programs = await openPrograms();
  server = await startServer();
});

afterAll(async () => {
  await server.stop();
  await programs.remove();
});

const crane = (...words: string[]) => programs.run("crane", ...words);
const at = (reference: string) => `${server.address}/${reference}`;

test("An image that crane appends is pushed, and pulled with the same layers", async () => {
  const layer = await makeTar(programs, "one", 3_000_000);
  await crane("append", "--new_layer", layer, "--new_tag", at("crane/appended:1"));
  const bytes = await crane("manifest", at("crane/appended:1"));
  expect(await crane("digest", at("crane/appended:1"))).toBe(sha256(bytes));
  await crane("pull", "--format=oci", at("crane/appended:1"), join(programs.folder, "appended"));
  await crane("push", join(programs.folder, "appended"), at("crane/again:1"));
  expect(await crane("digest", at("crane/again:1"))).toBe(sha256(bytes));
  await crane("validate", "--remote", at("crane/again:1"));
  await record("crane", "push", "pull");
}, 60_000);

test("A pushed layout keeps its manifest byte for byte, and its blobs", async () => {
  const { path, digest, manifest, layers } = await makeLayout(programs, "layout", [100, 20_000, 5_000_000]);
  await crane("push", path, at("crane/layout:latest"));
  expect(await crane("manifest", at("crane/layout:latest"))).toBe(manifest);
  expect(await crane("digest", at("crane/layout:latest"))).toBe(digest);
  for (const layer of layers) {
    const response = await fetch(`${server.url}/v2/crane/layout/blobs/${layer}`);
    expect(sha256(await response.bytes())).toBe(layer);
  }
  await crane("pull", "--format=oci", at(`crane/layout@${digest}`), join(programs.folder, "layout-again"));
  expect(await crane("push", path, at("crane/layout:again"))).toContain(digest);
  await record("crane", "pull by digest", "push of what is there already");
}, 60_000);

test("Copying, listing, tagging and deleting do what they say", async () => {
  const { path, digest } = await makeLayout(programs, "moved", [50_000]);
  await crane("push", path, at("crane/moved:a"));
  await crane("copy", at("crane/moved:a"), at("other/name/moved:b"));
  expect(await crane("digest", at("other/name/moved:b"))).toBe(digest);
  await crane("tag", at("other/name/moved:b"), "c");
  expect(await crane("ls", at("other/name/moved"))).toBe("b\nc");
  expect((await crane("catalog", server.address)).split("\n")).toContain("other/name/moved");
  await crane("delete", at("other/name/moved:b"));
  expect(await crane("ls", at("other/name/moved"))).toBe("c");
  await crane("delete", at(`other/name/moved@${digest}`));
  expect(await crane("ls", at("other/name/moved"))).toBe("");
  expect(await failureOf(crane("manifest", at("other/name/moved:c")))).toContain("MANIFEST_UNKNOWN");
  expect(await crane("digest", at("crane/moved:a"))).toBe(digest);
  await record("crane", "copy between repositories", "inspect", "tag", "list tags", "list repositories");
  await record("crane", "delete a tag", "delete a manifest");
}, 60_000);

test("An index of two images is pushed and copied whole", async () => {
  const [one, two] = [await makeLayout(programs, "arm", [1000]), await makeLayout(programs, "amd", [40_000])];
  await crane("push", one.path, at("crane/index:one"));
  await crane("push", two.path, at("crane/index:two"));
  const [first, second] = [at("crane/index:one"), at("crane/index:two")];
  await crane("index", "append", "--manifest", first, "--manifest", second, "--tag", at("crane/index:both"));
  await crane("copy", at("crane/index:both"), at("crane/copied:both"));
  expect(await crane("manifest", at("crane/copied:both"))).toBe(await crane("manifest", at("crane/index:both")));
  expect(await crane("digest", at(`crane/copied@${one.digest}`))).toBe(one.digest);
  const platform = ["--platform", "linux/amd64", "--format", "oci"];
  await crane("pull", ...platform, at("crane/copied:both"), join(programs.folder, "member"));
  expect(await readFile(join(programs.folder, "member", "index.json"), "utf8")).toContain(one.digest);
  await record("crane", "push an index", "pull from an index");
}, 60_000);
