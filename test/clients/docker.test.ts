// docker, with a daemon of its own: pushes, a kill in the middle of one, and what is pulled is what was pushed.
import { afterAll, beforeAll, expect, test } from "bun:test";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { startServer, type TestServer } from "../server.ts";
import { makeTar } from "./image.ts";
import { openPrograms, type Programs } from "./programs.ts";

let programs: Programs;
let daemon: ChildProcess;
let server: TestServer;

beforeAll(async () => {
  programs = await openPrograms();
  server = await startServer({ data: join(programs.folder, "berth") });
  daemon = await startDaemon(programs);
}, 90_000);

afterAll(async () => {
  daemon.kill("SIGTERM");
  await once(daemon, "exit");
  await server.stop();
  await programs.remove();
}, 60_000);

const docker = (...words: string[]) => programs.run("docker", "--host", hostOf(programs), ...words);
const at = (reference: string) => `localhost:${server.port}/${reference}`;

function hostOf({ folder }: Programs): string {
  return `unix://${join(folder, "docker.sock")}`;
}

/** A dockerd that touches nothing of this machine, and answers. */
async function startDaemon(programs: Programs): Promise<ChildProcess> {
  const in_ = (name: string) => join(programs.folder, name);
  const places = ["--data-root", in_("data"), "--exec-root", in_("exec"), "-p", in_("docker.pid")];
  const quiet = ["--iptables=false", "--bridge=none", "--storage-driver=vfs"];
  const child = programs.start("dockerd", ...places, "-H", hostOf(programs), ...quiet);
  let log = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    log += text;
  });
  child.stdout?.resume();
  for (let attempt = 0; attempt < 300; attempt++) {
    if (child.exitCode !== null) throw new Error(`dockerd ended:\n${log}`);
    const isUp = await programs.run("docker", "--host", hostOf(programs), "version").then(
      () => true,
      () => false,
    );
    if (isUp) return child;
    await Bun.sleep(200);
  }
  throw new Error(`dockerd does not answer:\n${log}`);
}

/** An image without a base, of random bytes; returns its id. */
async function makeImage(name: string, size: number): Promise<string> {
  return docker("import", "--change", 'CMD ["/hello"]', await makeTar(programs, name, size), name);
}

const idOf = (image: string) => docker("image", "inspect", "--format", "{{.Id}}", image);
const layersOf = (image: string) => docker("image", "inspect", "--format", "{{json .RootFS.Layers}}", image);

/** Removes every image here, pulls `image`, and returns its id. */
async function pullAnew(image: string): Promise<string> {
  const ids = (await docker("image", "ls", "--quiet", "--no-trunc")).split("\n").filter((id) => id !== "");
  if (ids.length > 0) await docker("image", "rm", "--force", ...new Set(ids));
  await docker("pull", image);
  return idOf(image);
}

/** Waits until more than `size` bytes of an upload are on the disk. */
async function waitForUpload(size: number): Promise<void> {
  const uploads = join(server.data, "blobs", "uploads");
  for (let attempt = 0; attempt < 3000; attempt++) {
    const names = await readdir(uploads);
    const sizes = await Promise.all(
      names.map((name) =>
        stat(join(uploads, name)).then(
          ({ size }) => size,
          () => 0,
        ),
      ),
    );
    if (sizes.some((each) => each > size)) return;
    await Bun.sleep(10);
  }
  throw new Error("no upload has come that far");
}

test("An image is pushed and pulled, and is the same image", async () => {
  const id = await makeImage("hello", 1_000_000);
  const layers = await layersOf("hello");
  await docker("tag", "hello", at("hello"));
  await docker("push", at("hello"));
  expect(await pullAnew(at("hello"))).toBe(id);
  expect(await layersOf(at("hello"))).toBe(layers);
}, 120_000);

test("A name of one segment and its library/ name are one repository", async () => {
  const id = await pullAnew(at("hello"));
  expect(await pullAnew(at("library/hello"))).toBe(id);
}, 120_000);

test("A second tag is pushed without its layers, and both can be pulled", async () => {
  const id = await pullAnew(at("hello"));
  await docker("tag", at("hello"), at("team/app/web:2"));
  expect(await docker("push", at("team/app/web:2"))).toMatch(/Mounted from|Layer already exists/);
  expect(await pullAnew(at("team/app/web:2"))).toBe(id);
}, 120_000);

test("The server is killed in the middle of a push: pushed again, the image is whole", async () => {
  const id = await makeImage("large", 200_000_000);
  await docker("tag", "large", at("large:1"));
  const push = programs.start("docker", "--host", hostOf(programs), "push", at("large:1"));
  push.stdout?.resume();
  push.stderr?.resume();
  const pushed = once(push, "exit");
  await waitForUpload(8_000_000);
  await server.kill();
  push.kill("SIGKILL");
  await pushed;

  server = await startServer({ data: server.data, port: server.port });
  const tags = await fetch(`${server.url}/v2/large/tags/list`);
  expect(await tags.text()).not.toContain('"1"');
  await docker("push", at("large:1"));
  expect(await pullAnew(at("large:1"))).toBe(id);
}, 300_000);

test("What was pushed before a kill is pulled after it", async () => {
  const id = await makeImage("kept", 20_000_000);
  await docker("tag", "kept", at("kept:1"));
  await docker("push", at("kept:1"));
  await server.kill();
  server = await startServer({ data: server.data, port: server.port });
  expect(await pullAnew(at("kept:1"))).toBe(id);
}, 180_000);
