// docker, with a daemon of its own: pushes, a kill in the middle of one, and what is pulled is what was pushed.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { once } from "node:events";
import { join } from "node:path";
import { startServer, type TestServer } from "../server.ts";
import { type DockerDaemon, startDocker } from "./daemons.ts";
import { makeTar } from "./image.ts";
import { record } from "./operations.ts";
import { openPrograms, type Programs } from "./programs.ts";
import { waitForUpload } from "./uploads.ts";

let programs: Programs;
let daemon: DockerDaemon;
let server: TestServer;

beforeAll(async () => {
  programs = await openPrograms();
  server = await startServer({ data: join(programs.folder, "berth") });
  daemon = await startDocker(programs);
}, 90_000);

afterAll(async () => {
  await daemon.stop();
  await server.stop();
  await programs.remove();
}, 60_000);

const docker = (...words: string[]) => daemon.run(...words);
const at = (reference: string) => `localhost:${server.port}/${reference}`;

/** An image without a base, of random bytes; returns its id. */
async function makeImage(name: string, size: number): Promise<string> {
  return docker("import", "--change", 'CMD ["/hello"]', await makeTar(programs, name, size), name);
}

const idOf = (image: string) => docker("image", "inspect", "--format", "{{.Id}}", image);
const layersOf = (image: string) => docker("image", "inspect", "--format", "{{json .RootFS.Layers}}", image);

const lastLine = (text: string) => text.split("\n").at(-1) ?? "";

/** Removes every image here, pulls `image`, and returns its id. */
async function pullAnew(image: string): Promise<string> {
  const ids = (await docker("image", "ls", "--quiet", "--no-trunc")).split("\n").filter((id) => id !== "");
  if (ids.length > 0) await docker("image", "rm", "--force", ...new Set(ids));
  await docker("pull", image);
  return idOf(image);
}

test("An image is pushed and pulled, and is the same image", async () => {
  const id = await makeImage("hello", 1_000_000);
  const layers = await layersOf("hello");
  await docker("tag", "hello", at("hello"));
  await docker("push", at("hello"));
  expect(await pullAnew(at("hello"))).toBe(id);
  expect(await layersOf(at("hello"))).toBe(layers);
  await record("docker", "push", "pull");
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
  await record("docker", "push of what is there already");
}, 120_000);

test("An image is pulled by the digest that its push was answered with", async () => {
  const id = await makeImage("exact", 100_000);
  await docker("tag", "exact", at("exact:1"));
  const [digest] = /sha256:[0-9a-f]{64}/.exec(await docker("push", at("exact:1")).then(lastLine)) ?? [];
  expect(await pullAnew(at(`exact@${digest}`))).toBe(id);
  await record("docker", "pull by digest");
}, 120_000);

test("A list of two images is pushed, and the one for this machine is pulled from it", async () => {
  const members = ["amd64", "s390x"].map((name) => at(`list:${name}`));
  for (const member of members) {
    await makeImage("member", 50_000);
    await docker("tag", "member", member);
    await docker("push", member);
  }
  const [ours = "", theirs = ""] = members;
  const id = await idOf(ours);
  await docker("manifest", "create", "--insecure", at("list:all"), ours, theirs);
  await docker("manifest", "annotate", "--arch", "s390x", at("list:all"), theirs);
  await docker("manifest", "push", "--insecure", at("list:all"));
  expect(await pullAnew(at("list:all"))).toBe(id);
  await record("docker", "push an index", "pull from an index");
}, 120_000);

test("The server is killed in the middle of a push: pushed again, the image is whole", async () => {
  const id = await makeImage("large", 200_000_000);
  await docker("tag", "large", at("large:1"));
  const push = daemon.start("push", at("large:1"));
  push.stdout?.resume();
  push.stderr?.resume();
  const pushed = once(push, "exit");
  await waitForUpload(server, 8_000_000);
  await server.kill();
  push.kill("SIGKILL");
  await pushed;

  server = await startServer({ data: server.data, port: server.port });
  const tags = await fetch(`${server.url}/v2/large/tags/list`);
  expect(await tags.text()).not.toContain('"1"');
  await docker("push", at("large:1"));
  expect(await pullAnew(at("large:1"))).toBe(id);
  await record("docker", "push after the server was killed");
}, 300_000);

test("What was pushed before a kill is pulled after it", async () => {
  const id = await makeImage("kept", 20_000_000);
  await docker("tag", "kept", at("kept:1"));
  await docker("push", at("kept:1"));
  await server.kill();
  server = await startServer({ data: server.data, port: server.port });
  expect(await pullAnew(at("kept:1"))).toBe(id);
}, 180_000);
