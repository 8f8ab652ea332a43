// oras: artifacts, and what refers to them.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { failureOf } from "../failure.ts";
import { startServer, type TestServer } from "../server.ts";
import { record } from "./operations.ts";
import { openPrograms, type Programs } from "./programs.ts";
import { waitForUpload } from "./uploads.ts";

let server: TestServer;
let programs: Programs;

beforeAll(async () => {
  programs = await openPrograms();
  server = await startServer();
  await writeFile(join(programs.folder, "small.txt"), "small\n");
  await writeFile(join(programs.folder, "large.bin"), randomBytes(6_000_000));
  await writeFile(join(programs.folder, "sbom.json"), '{"sbom":true}');
});

afterAll(async () => {
  await server.stop();
  await programs.remove();
});

const plain = "--plain-http";
const at = (reference: string) => `${server.address}/${reference}`;
const oras = (...words: string[]) => programs.run("oras", ...words);
const type = "application/vnd.example.sbom";

/** Pushes an artifact of two files. */
const push = (reference: string) =>
  oras("push", plain, "--artifact-type", "application/vnd.example", at(reference), "small.txt:text/plain", "large.bin");

/** The digests of what refers to `reference`. */
async function discover(reference: string): Promise<string[]> {
  const text = await oras("discover", plain, "--format", "json", "--artifact-type", type, at(reference));
  return [...text.matchAll(/"digest": "([^"]+)"/g)].map(([, digest = ""]) => digest);
}

test("An artifact is pushed and pulled with its files", async () => {
  await push("oras/artifact:1");
  const out = join(programs.folder, "out");
  await mkdir(out);
  await oras("pull", plain, "--output", out, at("oras/artifact:1"));
  for (const name of ["small.txt", "large.bin"]) {
    const [pulled, pushed] = [await readFile(join(out, name)), await readFile(join(programs.folder, name))];
    expect(pulled.equals(pushed)).toBe(true);
  }
  await record("oras", "push", "pull");
}, 60_000);

test("What is attached is discovered, and copied along", async () => {
  await push("oras/subject:1");
  await oras("attach", plain, "--artifact-type", type, at("oras/subject:1"), "sbom.json:application/json");
  const found = await discover("oras/subject:1");
  expect(found.length).toBeGreaterThan(0);
  await oras("copy", "--recursive", "--from-plain-http", "--to-plain-http", at("oras/subject:1"), at("oras/copied:1"));
  expect(await discover("oras/copied:1")).toEqual(found);
  // A registry with the referrers API needs no tag that stands in for it.
  expect(await oras("repo", "tags", plain, at("oras/copied"))).toBe("1");
  await record("oras", "attach", "list referrers", "copy with referrers", "list tags");
}, 60_000);

test("The server is killed in the middle of a push: pushed again, only what was missing is sent", async () => {
  const killed = await startServer({ data: join(programs.folder, "killed") });
  const reference = `${killed.address}/oras/resumed:1`;
  await writeFile(join(programs.folder, "huge.bin"), randomBytes(150_000_000));
  const words = ["push", plain, "--concurrency", "1", reference, "small.txt:text/plain", "huge.bin"];
  const isPushed = oras(...words).then(
    () => true,
    () => false,
  );
  await waitForUpload(killed, 8_000_000);
  await killed.kill();
  expect(await isPushed).toBe(false);

  const server = await startServer({ data: killed.data, port: killed.port });
  const said = await oras(...words);
  expect(said).toMatch(/Exists +\S+ +small\.txt/);
  expect(said).toMatch(/Uploaded +\S+ +huge\.bin/);
  const out = join(programs.folder, "resumed");
  await oras("pull", plain, "--output", out, reference);
  const [pulled, pushed] = [join(out, "huge.bin"), join(programs.folder, "huge.bin")];
  expect((await readFile(pulled)).equals(await readFile(pushed))).toBe(true);
  await server.stop();
  await record("oras", "push after the server was killed", "push of what is there already");
}, 120_000);

test("A copy that was cut short is taken up again", async () => {
  await push("oras/whole:1");
  await oras("attach", plain, "--artifact-type", type, at("oras/whole:1"), "sbom.json:application/json");
  // As a cut leaves it: the files are there, and neither the artifact nor what refers to it.
  await oras("copy", "--from-plain-http", "--to-plain-http", at("oras/whole:1"), at("oras/cut:1"));
  const digest = await oras("resolve", plain, at("oras/whole:1"));
  await oras("manifest", "delete", plain, "--force", at("oras/cut:1"));
  const words = ["--recursive", "--from-plain-http", "--to-plain-http", at("oras/whole:1"), at("oras/cut:1")];
  expect(await oras("copy", ...words)).toMatch(/Exists +\S+ +large\.bin/);
  expect(await oras("resolve", plain, at("oras/cut:1"))).toBe(digest);
  expect(await discover("oras/cut:1")).toEqual(await discover("oras/whole:1"));
  expect(JSON.parse(await oras("manifest", "fetch", plain, at(`oras/cut@${digest}`))).layers).toHaveLength(2);
  await record("oras", "copy between repositories", "inspect");
}, 60_000);

test("Images are gathered in an index", async () => {
  await push("oras/index:one");
  await oras("push", plain, "--artifact-type", type, at("oras/index:two"), "small.txt:text/plain");
  await oras("manifest", "index", "create", plain, at("oras/index:both"), "one", "two");
  expect(JSON.parse(await oras("manifest", "fetch", plain, at("oras/index:both"))).manifests).toHaveLength(2);
  await record("oras", "push an index");
}, 60_000);

test("Blobs and manifests are pushed, fetched and deleted one by one", async () => {
  const digest = JSON.parse(await oras("blob", "push", plain, "--descriptor", at("oras/parts"), "sbom.json")).digest;
  expect(await oras("blob", "fetch", plain, "--output", "-", at(`oras/parts@${digest}`))).toBe('{"sbom":true}');
  await oras("blob", "delete", plain, "--force", at(`oras/parts@${digest}`));
  expect(await failureOf(oras("blob", "fetch", plain, "--output", "-", at(`oras/parts@${digest}`)))).toContain(
    "not found",
  );

  await push("oras/deleted:1");
  await oras("tag", plain, at("oras/deleted:1"), "2", "3");
  expect(await oras("repo", "tags", plain, at("oras/deleted"))).toBe("1\n2\n3");
  await oras("manifest", "delete", plain, "--force", at("oras/deleted:1"));
  expect(await oras("repo", "tags", plain, at("oras/deleted"))).toBe("");
  expect((await oras("repo", "ls", plain, server.address)).split("\n")).toContain("oras/deleted");
  await record("oras", "tag", "list repositories", "delete a manifest", "delete a blob");
}, 60_000);
