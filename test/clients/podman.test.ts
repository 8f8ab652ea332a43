// podman and buildah, with storage of their own.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { startServer, type TestServer } from "../server.ts";
import { makeTar } from "./image.ts";
import { record } from "./operations.ts";
import { openPrograms, type Programs } from "./programs.ts";

let server: TestServer;
let programs: Programs;

beforeAll(async () => {
  programs = await openPrograms();
  server = await startServer();
  // Commands that only look have no flag for a registry without TLS.
  const settings = join(programs.folder, ".config", "containers");
  await mkdir(settings, { recursive: true });
  const registry = `[[registry]]\nlocation = "${server.address}"\ninsecure = true\n`;
  await writeFile(join(settings, "registries.conf"), registry);
});

afterAll(async () => {
  await server.stop();
  await programs.remove();
});

const at = (reference: string) => `${server.address}/${reference}`;

function storage(): string[] {
  const { folder } = programs;
  return ["--root", join(folder, "storage"), "--runroot", join(folder, "runroot"), "--storage-driver", "vfs"];
}

const podman = (...words: string[]) => programs.run("podman", ...storage(), "--cgroup-manager=cgroupfs", ...words);
const buildah = (...words: string[]) => programs.run("buildah", ...storage(), ...words);

const plain = "--tls-verify=false";
const layersOf = (image: string) => podman("image", "inspect", "--format", "{{json .RootFS.Layers}}", image);

/** An image of random bytes in podman's storage; returns its layers. */
async function importImage(name: string, size: number): Promise<string> {
  await podman("import", await makeTar(programs, name, size), `localhost/${name}`);
  return layersOf(`localhost/${name}`);
}

/** Pulls where nothing is that the image is made of. */
async function pullAnew(reference: string): Promise<void> {
  await podman("rmi", "--all", "--force");
  await podman("pull", plain, reference);
}

test("podman pulls the image that it pushed, in both formats", async () => {
  for (const format of ["oci", "v2s2"]) {
    const layers = await importImage("imported", 3_000_000);
    await podman("push", plain, "--format", format, "localhost/imported", at(`podman/imported:${format}`));
    await pullAnew(at(`podman/imported:${format}`));
    expect(await layersOf(at(`podman/imported:${format}`))).toBe(layers);
  }
  await record("podman", "push", "pull", "convert on the way");
}, 120_000);

test("podman pushes a list of images, and each is pulled from it", async () => {
  const layers = await importImage("member", 50_000);
  await podman("manifest", "create", "localhost/list");
  await podman("manifest", "add", "localhost/list", "containers-storage:localhost/member");
  await podman("manifest", "push", "--all", plain, "localhost/list", `docker://${at("podman/list:1")}`);
  const response = await fetch(`${server.url}/v2/podman/list/manifests/1`);
  const [member = ""] = /sha256:[0-9a-f]{64}/.exec(await response.text()) ?? [];
  await pullAnew(at("podman/list:1"));
  expect(await layersOf(at("podman/list:1"))).toBe(layers);
  await pullAnew(at(`podman/list@${member}`));
  expect(await layersOf(at(`podman/list@${member}`))).toBe(layers);
  expect(JSON.parse(await podman("manifest", "inspect", at("podman/list:1"))).manifests[0].digest).toBe(member);
  await record("podman", "push an index", "pull from an index", "pull by digest", "inspect");
}, 120_000);

test("podman finds repositories and their tags", async () => {
  await importImage("found", 1000);
  for (const tag of ["a", "b"]) await podman("push", plain, "localhost/found", at(`podman/search/found:${tag}`));
  const names = ["--format", "{{.Name}}"];
  expect(await podman("search", plain, ...names, at("search/found"))).toBe(at("podman/search/found"));
  const found = await podman("search", plain, "--list-tags", at("podman/search/found"));
  expect([...found.matchAll(/search\/found +(\S+)/g)].map(([, tag]) => tag)).toEqual(["a", "b"]);
  await record("podman", "list repositories", "list tags");
}, 120_000);

test("buildah builds from scratch, pushes, and starts from what it pulled", async () => {
  const tar = await makeTar(programs, "built", 500_000);
  const made = await buildah("from", "scratch");
  await buildah("copy", made, tar, "/built.tar");
  await buildah("commit", plain, made, `docker://${at("buildah/built:1")}`);
  const pulled = await buildah("from", plain, at("buildah/built:1"));
  const mounted = await buildah("mount", pulled);
  expect((await readFile(join(mounted, "built.tar"))).equals(await readFile(tar))).toBe(true);
  await buildah("rm", "--all");
  await record("buildah", "push", "pull");
}, 120_000);

test("buildah builds a file on an image that is here, and pushes a list of what it built", async () => {
  await importImage("base", 10_000);
  await podman("push", plain, "localhost/base", at("buildah/base:1"));
  await podman("rmi", "--all", "--force");
  const context = join(programs.folder, "context");
  await mkdir(context);
  await writeFile(join(context, "Containerfile"), `FROM ${at("buildah/base:1")}\nCOPY Containerfile /built\n`);
  await buildah("build", plain, "--manifest", "localhost/all", context);
  await buildah("manifest", "push", "--all", plain, "localhost/all", `docker://${at("buildah/all:1")}`);
  await buildah("rmi", "--all", "--force");
  await buildah("pull", plain, at("buildah/all:1"));
  const [, added] = JSON.parse(await layersOf(at("buildah/all:1")));
  expect(added).toStartWith("sha256:");
  expect(JSON.parse(await buildah("manifest", "inspect", at("buildah/all:1"))).manifests).toHaveLength(1);
  await record("buildah", "push an index", "pull from an index", "inspect");
}, 120_000);
