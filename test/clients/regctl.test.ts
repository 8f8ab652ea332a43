// regctl, the tool of regclient: whole images with everything that refers to them.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { failureOf } from "../failure.ts";
import { startServer, type TestServer } from "../server.ts";
import { makeLayout } from "./image.ts";
import { record } from "./operations.ts";
import { openPrograms, type Programs } from "./programs.ts";

let server: TestServer;
let programs: Programs;

beforeAll(async () => {
  programs = await openPrograms();
  server = await startServer();
  await regctl("registry", "set", "--tls", "disabled", server.address);
});

afterAll(async () => {
  await server.stop();
  await programs.remove();
});

const regctl = (...words: string[]) => programs.run("regctl", ...words);
const at = (reference: string) => `${server.address}/${reference}`;
const type = "application/vnd.example.signature";

/** Pushes an image, something that refers to it, and a tag that names its digest, as cosign made them. */
async function pushSigned(name: string): Promise<{ readonly digest: string; readonly digestTag: string }> {
  const { path, digest } = await makeLayout(programs, name, [500, 2_000_000]);
  await regctl("image", "copy", `ocidir://${path}:latest`, at(`regctl/${name}:1`));
  const file = join(programs.folder, `${name}.signature`);
  await writeFile(file, "signed");
  await regctl("artifact", "put", "--artifact-type", type, "--file", file, "--subject", at(`regctl/${name}:1`));
  const digestTag = `${digest.replace(":", "-")}.sig`;
  await regctl("artifact", "put", "--artifact-type", type, "--file", file, at(`regctl/${name}:${digestTag}`));
  return { digest, digestTag };
}

const referrersOf = (reference: string) =>
  regctl("artifact", "list", "--format", "{{jsonPretty .Descriptors}}", reference);

test("An image is copied with its referrers and its digest tags", async () => {
  const { digest, digestTag } = await pushSigned("signed");
  await regctl("image", "copy", "--referrers", "--digest-tags", at("regctl/signed:1"), at("copied/signed:1"));
  expect(await regctl("image", "digest", at("copied/signed:1"))).toBe(digest);
  const referrers = await referrersOf(at("regctl/signed:1"));
  expect(referrers).toContain(type);
  expect(await referrersOf(at("copied/signed:1"))).toBe(referrers);
  expect((await regctl("tag", "ls", at("copied/signed"))).split("\n").sort()).toEqual(["1", digestTag].sort());
  await record("regctl", "attach", "list referrers", "copy with referrers", "copy with digest tags", "list tags");
}, 60_000);

test("An image goes out to a folder and comes back the same", async () => {
  const { digest } = await pushSigned("exported");
  const out = `ocidir://${join(programs.folder, "exported-again")}:1`;
  await regctl("image", "copy", "--referrers", at("regctl/exported:1"), out);
  await regctl("image", "copy", "--referrers", out, at("regctl/returned:1"));
  expect(await regctl("image", "digest", at("regctl/returned:1"))).toBe(digest);
  expect(await referrersOf(at("regctl/returned:1"))).toContain(type);
  await record("regctl", "push", "pull");
}, 60_000);

test("A tag is deleted without the image that it names", async () => {
  const { digest } = await pushSigned("untagged");
  await regctl("image", "copy", at("regctl/untagged:1"), at("regctl/untagged:2"));
  await regctl("tag", "delete", at("regctl/untagged:1"));
  expect((await regctl("tag", "ls", at("regctl/untagged"))).split("\n")).not.toContain("1");
  expect(await regctl("image", "digest", at("regctl/untagged:2"))).toBe(digest);
  await regctl("manifest", "delete", at(`regctl/untagged@${digest}`));
  expect(await failureOf(regctl("manifest", "head", at("regctl/untagged:2")))).toMatch(/not found/i);
  await record("regctl", "tag", "delete a tag", "delete a manifest");
}, 60_000);

test("Repositories are listed page by page", async () => {
  const { path } = await makeLayout(programs, "many", [100]);
  const names = ["page/a", "page/b", "page/c"];
  for (const name of names) await regctl("image", "copy", `ocidir://${path}:latest`, at(`${name}:1`));
  expect(await regctl("repo", "ls", "--limit", "2", "--last", "page/", server.address)).toBe("page/a\npage/b");
  expect(await regctl("repo", "ls", "--limit", "2", "--last", "page/b", server.address)).toStartWith("page/c");
  await record("regctl", "list repositories");
}, 60_000);

test("A layer is pushed in chunks, and an index with all its images", async () => {
  const chunks = ["--blob-chunk", "300000", "--blob-max", "500000"];
  await regctl("registry", "set", "--tls", "disabled", ...chunks, server.address);
  const { path, digest, manifest } = await makeLayout(programs, "chunked", [2_000_000]);
  await regctl("image", "copy", `ocidir://${path}:latest`, at("regctl/chunked:1"));
  expect((await server.outputSoFar()).split('"action":"upload PATCH"').length).toBeGreaterThan(3);
  const out = join(programs.folder, "chunked-again");
  await regctl("image", "copy", at(`regctl/chunked@${digest}`), `ocidir://${out}`);
  expect(await regctl("manifest", "get", "--format", "raw-body", at("regctl/chunked:1"))).toBe(manifest);

  const refs = ["--ref", at("regctl/chunked:1"), "--ref", at("regctl/other:1")];
  await regctl("image", "copy", at("regctl/chunked:1"), at("regctl/other:1"));
  await regctl("index", "create", ...refs, at("regctl/index:1"));
  await regctl("image", "copy", at("regctl/index:1"), at("regctl/index-copied:1"));
  const index = await regctl("manifest", "get", "--format", "raw-body", at("regctl/index:1"));
  expect(await regctl("manifest", "get", "--format", "raw-body", at("regctl/index-copied:1"))).toBe(index);
  await record("regctl", "push in chunks", "pull by digest", "inspect", "copy between repositories", "push an index");
}, 60_000);
