// Each engine of 2013 to 2015 pushes, every other pulls, and so does crane; what crane pushed, each of them pulls. Their
// requests go out as theirs did, byte for byte.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { makeLayout } from "../clients/image.ts";
import { openPrograms, type Programs } from "../clients/programs.ts";
import { failureOf } from "../failure.ts";
import { openRandom } from "../faults/random.ts";
import { startServer, type TestServer } from "../server.ts";
import { type Chain, deleteRepository, discover, login, pull, push, search } from "./dances.ts";
import { type Engine, engines } from "./engines.ts";
import { craneLayout, expectChain, expectCranePulls } from "./expectations.ts";
import { resolveTag } from "./oci.ts";
import { makeChain } from "./random-chains.ts";
import { unpackTree } from "./tree.ts";

let server: TestServer;
let programs: Programs;

beforeAll(async () => {
  server = await startServer();
  programs = await openPrograms();
}, 30_000);

afterAll(async () => {
  await server.stop();
  await programs.remove();
});

const at = (engine: Engine) => ({ url: server.url, engine });
const user = { user: "alice", password: "secret" };
const nameOf = (engine: Engine) => `alice/by-${engine.version}`;
const reference = (repository: string, tag: string) => `${server.address}/${repository}:${tag}`;

/** Four images as the engine wrote them; at least one layer is empty. */
function chainOf(engine: Engine, seed: number): Promise<Chain> {
  return makeChain(openRandom(seed), { length: 4, isClosed: engine.closesArchives, isGzip: true, emptyAt: 1 });
}

for (const [i, engine] of engines.entries()) {
  describe(`Docker ${engine.version}`, () => {
    let chain: Chain;
    beforeAll(async () => {
      chain = await chainOf(engine, 100 + i);
    });

    test("finds that the server speaks v1", () => discover(at(engine)));

    test("logs in with any name and password", async () => {
      expect(await login(at(engine), user)).toBe("Account created");
    });

    test("pushes an image, and crane pulls its layers byte for byte", async () => {
      const log = await push(at(engine), nameOf(engine), { "1": chain });
      expect(log.filter((line) => line.startsWith("PUT /v1/images/") && line.endsWith("/layer 200")).length).toBe(4);
      await expectCranePulls(programs, reference(nameOf(engine), "1"), chain);
    });

    test("pushes it again, with a login and under another tag, and sends no image", async () => {
      const before = await resolveTag({ url: server.url, repository: nameOf(engine) }, "1");
      const log = await push({ ...at(engine), login: user }, nameOf(engine), { "2": chain });
      expect(log.filter((line) => line.startsWith("PUT /v1/images/"))).toEqual([]);
      expect(await resolveTag({ url: server.url, repository: nameOf(engine) }, "2")).toBe(before);
    });

    test("is pulled by every other engine byte for byte", async () => {
      for (const other of engines) expectChain((await pull(at(other), nameOf(engine), "1")).chain, chain);
    });

    test("adds an image to one that is there, and sends only that", async () => {
      const [more] = await makeChain(openRandom(200 + i), { length: 1, isClosed: engine.closesArchives, isGzip: true });
      if (more === undefined) throw new Error("a chain of one image has one");
      const parent = chain.at(-1)?.id ?? "";
      const child = { ...more, json: Buffer.from(`{"id":"${more.id}","parent":"${parent}"}`) };
      const log = await push(at(engine), nameOf(engine), { child: [...chain, child] });
      expect(log.filter((line) => line.endsWith("/layer 200"))).toEqual([`PUT /v1/images/${child.id}/layer 200`]);
      const has = new Set(chain.map(({ id }) => id));
      expectChain((await pull(at(engine), nameOf(engine), "child", has)).chain, [child]);
      await expectCranePulls(programs, reference(nameOf(engine), "child"), [...chain, child]);
    });

    test("finds it by a search", async () => {
      expect(await search(at(engine), engine.version)).toEqual([nameOf(engine)]);
    });

    test("pushes to the library under a bare name and pulls by both names", async () => {
      const repository = `tool-${engine.version}`;
      await push(at(engine), repository, { latest: chain });
      for (const name of [repository, `library/${repository}`]) {
        expectChain((await pull(at(engine), name, "latest")).chain, chain);
      }
      await expectCranePulls(programs, reference(`library/${repository}`, "latest"), chain);
    });

    test("is answered when it deletes a repository as documented, and the repository is gone on both sides", async () => {
      const repository = `alice/gone-${engine.version}`;
      await push(at(engine), repository, { latest: chain });
      const [first, ...later] = await deleteRepository({ ...at(engine), login: user }, repository);
      expect(first).toBe(200);
      expect(later).toEqual([404, 404]);
      expect(await failureOf(pull(at(engine), repository, "latest"))).toContain("404");
      await failureOf(programs.run("crane", "manifest", reference(repository, "latest")));
      expectChain((await pull(at(engine), nameOf(engine), "1")).chain, chain);
    });
  });
}

test("What crane pushed is pulled by every engine, with the same layers and the same tree", async () => {
  const { path } = await makeLayout(programs, "of-crane", [10_000, 1, 300_000]);
  await programs.run("crane", "push", "--insecure", path, reference("alice/of-crane", "1"));
  const { layers } = await craneLayout(programs, reference("alice/of-crane", "1"));
  const ids = new Set<string>();
  for (const engine of engines) {
    const { chain } = await pull(at(engine), "alice/of-crane", "1");
    expect(chain.slice(0, -1).map(({ layer }) => layer)).toEqual([...layers]);
    expect(unpackTree(chain.map(({ layer }) => layer))).toEqual(unpackTree(layers));
    ids.add(chain.map(({ id }) => id).join(" "));
  }
  expect(ids.size).toBe(1);
});

test("A push that broke off in a layer is taken up again by the same engine", async () => {
  for (const [i, engine] of engines.entries()) {
    const chain = await chainOf(engine, 300 + i);
    const repository = `alice/broken-${engine.version}`;
    const broken = push({ ...at(engine), breaksAfter: 2 }, repository, { latest: chain });
    expect(await failureOf(broken)).toContain("the connection ended");
    // Those that tag every ancestor have tagged the one before.
    if (!engine.tagsAncestors) {
      await failureOf(programs.run("crane", "manifest", reference(repository, "latest")));
    }
    const log = await push(at(engine), repository, { latest: chain });
    expect(log.filter((line) => line.endsWith("/layer 200")).length).toBe(2);
    await expectCranePulls(programs, reference(repository, "latest"), chain);
  }
});
