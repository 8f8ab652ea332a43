// podman and buildah, with storage of their own.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { startServer, type TestServer } from "../server.ts";
import { makeTar } from "./image.ts";
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

const at = (reference: string) => `${server.address}/${reference}`;

function storage(): string[] {
  const { folder } = programs;
  return ["--root", join(folder, "storage"), "--runroot", join(folder, "runroot"), "--storage-driver", "vfs"];
}

const podman = (...words: string[]) => programs.run("podman", ...storage(), "--cgroup-manager=cgroupfs", ...words);
const buildah = (...words: string[]) => programs.run("buildah", ...storage(), ...words);

test("podman pulls the image that it pushed, in both formats", async () => {
  const tar = await makeTar(programs, "imported", 3_000_000);
  await podman("import", tar, "localhost/imported");
  for (const format of ["oci", "v2s2"]) {
    const reference = at(`podman/imported:${format}`);
    await podman("push", "--tls-verify=false", "--format", format, "localhost/imported", reference);
    await podman("pull", "--tls-verify=false", reference);
    const [layers, pulled] = await Promise.all(
      ["localhost/imported", reference].map((each) =>
        podman("image", "inspect", "--format", "{{json .RootFS.Layers}}", each),
      ),
    );
    expect(pulled).toBe(String(layers));
    await podman("rmi", reference);
  }
}, 120_000);

test("podman pushes a list of images, and it is pulled whole", async () => {
  await podman("import", await makeTar(programs, "member", 50_000), "localhost/member");
  await podman("manifest", "create", "localhost/list");
  await podman("manifest", "add", "localhost/list", "containers-storage:localhost/member");
  await podman("manifest", "push", "--all", "--tls-verify=false", "localhost/list", `docker://${at("podman/list:1")}`);
  const response = await fetch(`${server.url}/v2/podman/list/manifests/1`);
  const [member] = /sha256:[0-9a-f]{64}/.exec(await response.text()) ?? [];
  await podman("pull", "--tls-verify=false", at(`podman/list@${member}`));
}, 120_000);

test("buildah builds from scratch, pushes, and starts from what it pulled", async () => {
  const tar = await makeTar(programs, "built", 500_000);
  const made = await buildah("from", "scratch");
  await buildah("copy", made, tar, "/built.tar");
  await buildah("commit", "--tls-verify=false", made, `docker://${at("buildah/built:1")}`);
  const pulled = await buildah("from", "--tls-verify=false", at("buildah/built:1"));
  const mounted = await buildah("mount", pulled);
  expect((await readFile(join(mounted, "built.tar"))).equals(await readFile(tar))).toBe(true);
  await buildah("rm", "--all");
}, 120_000);
