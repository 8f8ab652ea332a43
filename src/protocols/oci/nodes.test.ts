// Two nodes on one store do things at the same time that must not both happen, or must happen once: one outcome each, and
// always consistent. On PostgreSQL each node has its own connections; on SQLite both ask one writer.
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { Glob } from "bun";
import type { Db } from "#db";
import { digestOf } from "#lib/digest";
import { openTestRegistry, type TestRegistry } from "#registry/testing";
import { type Ask, bytesFrom, bytesLike, imageText, locationOf, openAsk, pushBlob, type Seen } from "./testing.ts";

setDefaultTimeout(60_000);
const rounds = 30;
/** What lives in a row of the database, and what lives in a file. */
const sizes = [500, 120_000] as const;

let house: TestRegistry;
let other: Db;
let asks: readonly [Ask, Ask];

beforeAll(async () => {
  house = await openTestRegistry({ store: "fs" });
  const node = await house.openNode();
  other = node.db;
  asks = [openAsk(house.registry), openAsk(node.registry)];
});
afterAll(() => house.remove());

/** What both nodes answer when `first` is asked of one and `second` of the other, now one and now the other a bit later. */
async function both(round: number, first: (ask: Ask) => Promise<Seen>, second = first): Promise<readonly [Seen, Seen]> {
  const late = async (turns: number, ask: Ask, work: (ask: Ask) => Promise<Seen>) => {
    for (let i = 0; i < turns; i++) await Bun.sleep(0);
    return work(ask);
  };
  const [one, two] = round % 2 === 0 ? asks : ([asks[1], asks[0]] as const);
  return Promise.all([late(round % 5, one, first), late(round % 3, two, second)]);
}

const outcome = (seen: readonly Seen[]) => seen.map(({ status }) => status).join(" ");
const image = (word: string, config = "{}") => imageText(bytesFrom(config), [], { annotations: { word } });
const put = (name: string, reference: string, body: string) => (ask: Ask) =>
  ask("PUT", `/v2/${name}/manifests/${reference}`, { body });
const remove = (name: string, reference: string) => (ask: Ask) => ask("DELETE", `/v2/${name}/manifests/${reference}`);
const count = async (from: string, ...args: string[]) =>
  (await house.db.read<{ count: number }>(`select count(*) as count from ${from}`, ...args))[0]?.count;

/** Where both nodes say that a tag or a digest leads: to a digest, or to `nothing`. */
async function targetOf(name: string, reference: string): Promise<string> {
  const seen = await Promise.all(asks.map((ask) => ask("HEAD", `/v2/${name}/manifests/${reference}`)));
  const [one = "", two = ""] = seen.map(({ headers }) => headers["docker-content-digest"] ?? "nothing");
  expect(one).toBe(two);
  return one;
}

/** Nothing that is there names what is not. */
async function requireConsistent(): Promise<void> {
  expect(
    await count(
      "tags t join manifests m on m.id = t.manifest_id where t.deleted_at is null and m.deleted_at is not null",
    ),
  ).toBe(0);
  expect(
    await count(`manifest_edges e join manifests m on m.id = e.manifest_id
      where m.deleted_at is null and e.kind in ('config', 'layer') and not exists (
        select 1 from repository_blobs l join blobs b on b.id = l.blob_id
        where l.repository_id = m.repository_id and b.digest = e.digest and b.state = 'present')`),
  ).toBe(0);
  const rows = await house.db.read<{ storage_key: string }>(
    "select storage_key from blobs where storage_key is not null",
  );
  const files = await Array.fromAsync(new Glob("sha256/*/*").scan(house.blobsFolder));
  expect(files.sort()).toEqual(rows.map(({ storage_key }) => storage_key).sort());
}

test("a tag that both move is where one of them put it, and its history is one line", async () => {
  const name = "nodes/move";
  await pushBlob(asks[0], name, bytesFrom("{}"));
  for (let round = 0; round < rounds; round++) {
    const bodies = [image(`one ${round}`), image(`two ${round}`)] as const;
    const digests = bodies.map((body) => String(digestOf(bytesFrom(body))));
    const seen = await both(round, put(name, "latest", bodies[0]), put(name, "latest", bodies[1]));
    expect(outcome(seen)).toBe("201 201");
    expect(digests).toContain(await targetOf(name, "latest"));
  }
  const moves = await house.db.read<{ old_digest: string | null; new_digest: string }>(
    "select old_digest, new_digest from tag_history where name = 'latest'",
  );
  const next = new Map(moves.map(({ old_digest, new_digest }) => [old_digest, new_digest]));
  let at: string | null = null;
  for (let step = 0; step < moves.length; step++) at = next.get(at) ?? "nowhere";
  expect([at, moves.length, next.size]).toEqual([await targetOf(name, "latest"), 2 * rounds, 2 * rounds]);
  await requireConsistent();
});

test("a tag that one moves and the other deletes is there or not, on both", async () => {
  const name = "nodes/untag";
  await pushBlob(asks[0], name, bytesFrom("{}"));
  await put(name, "tag", image("first"))(asks[0]);
  for (let round = 0; round < rounds; round++) {
    const body = image(`again ${round}`);
    const seen = await both(round, put(name, "tag", body), remove(name, "tag"));
    expect(outcome(seen)).toMatch(/^201 (?:202|404)$/);
    expect([String(digestOf(bytesFrom(body))), "nothing"]).toContain(await targetOf(name, "tag"));
  }
  await requireConsistent();
});

test("a blob that both link into one repository is linked once", async () => {
  for (let round = 0; round < rounds; round++) {
    const digest = await pushBlob(asks[0], "nodes/source", bytesLike(round, 300));
    const mount = (ask: Ask) => ask("POST", `/v2/nodes/linked/blobs/uploads/?mount=${digest}&from=nodes/source`);
    expect(outcome(await both(round, mount))).toBe("201 201");
    const links = "repository_blobs l join blobs b on b.id = l.blob_id where b.digest = ?";
    expect(await count(links, digest)).toBe(2);
  }
  await requireConsistent();
});

test("a repository that both push to for the first time is made once, and so is its namespace", async () => {
  for (let round = 0; round < rounds; round++) {
    const name = `first${round}/app`;
    const push = (word: string) => async (ask: Ask) => {
      const bytes = bytesFrom(`${word} ${round}`);
      return ask("POST", `/v2/${name}/blobs/uploads/?digest=${digestOf(bytes)}`, { body: bytes });
    };
    expect(outcome(await both(round, push("one"), push("two")))).toBe("201 201");
    expect(await count("namespaces where name = ?", `first${round}`)).toBe(1);
    expect(await count("repositories where path = ?", name)).toBe(1);
    expect(await count("events where kind = 'repository.create' and repository_path = ?", name)).toBe(1);
  }
});

test("a blob is deleted on one node, or a manifest that names it is taken on the other, never both", async () => {
  const name = "nodes/named";
  for (let round = 0; round < rounds; round++) {
    const config = `{"round":${round}}`;
    const digest = await pushBlob(asks[0], name, bytesFrom(config));
    const removeBlob = (ask: Ask) => ask("DELETE", `/v2/${name}/blobs/${digest}`);
    const seen = await both(round, removeBlob, put(name, `round${round}`, image("named", config)));
    expect(["202 404", "405 201"]).toContain(outcome(seen));
  }
  await requireConsistent();
});

test("a manifest that one pushes again while the other deletes it is there or not, and so is its tag", async () => {
  const name = "nodes/again";
  await pushBlob(asks[0], name, bytesFrom("{}"));
  const body = image("again");
  const digest = digestOf(bytesFrom(body));
  for (let round = 0; round < rounds; round++) {
    expect((await put(name, digest, body)(asks[0])).status).toBe(201);
    expect(outcome(await both(round, put(name, "tag", body), remove(name, digest)))).toBe("201 202");
    expect(await targetOf(name, "tag")).toBe(await targetOf(name, digest));
    expect(await count("manifests where digest = ? and deleted_at is null", digest)).toBeLessThanOrEqual(1);
  }
  await requireConsistent();
});

test("a manifest that both push is kept once, with both tags", async () => {
  const name = "nodes/twice";
  await pushBlob(asks[0], name, bytesFrom("{}"));
  for (let round = 0; round < rounds; round++) {
    const body = image(`twice ${round}`);
    const digest = digestOf(bytesFrom(body));
    expect(outcome(await both(round, put(name, `one${round}`, body), put(name, `two${round}`, body)))).toBe("201 201");
    expect([await targetOf(name, `one${round}`), await targetOf(name, `two${round}`)]).toEqual([digest, digest]);
    expect(await count("manifests where digest = ?", digest)).toBe(1);
  }
  await requireConsistent();
});

for (const [kind, size] of sizes.entries()) {
  test(`uploads of the same ${size} bytes that both finish are one blob`, async () => {
    for (let round = 0; round < rounds; round++) {
      const name = `nodes/same${round % 2}`;
      const bytes = bytesLike(round + 100 + 100 * kind, size);
      const digest = digestOf(bytes);
      const push = (end: string) => async (ask: Ask) => {
        const path = locationOf(await ask("POST", `/v2/${name}${end}/blobs/uploads/`));
        expect((await ask("PATCH", path, { body: bytes.subarray(0, 300) })).status).toBe(202);
        return ask("PUT", `${path}?digest=${digest}`, { body: bytes.subarray(300) });
      };
      expect(outcome(await both(round, push(""), push(round % 3 === 0 ? "" : "b")))).toBe("201 201");
      for (const ask of asks) expect((await ask("GET", `/v2/${name}/blobs/${digest}`)).bytes).toEqual(bytes);
      expect(await count("blobs where digest = ?", digest)).toBe(1);
    }
    await requireConsistent();
  });

  test(`one upload of ${size} bytes goes on at any node, and of two parts at one offset one is taken`, async () => {
    const name = "nodes/parts";
    for (let round = 0; round < rounds; round++) {
      const partOf = (i: number) => bytesLike(3 * round + i + 500 + 500 * kind, size);
      const [head, left, right] = [partOf(0), partOf(1), partOf(2)];
      const path = locationOf(await asks[0]("POST", `/v2/${name}/blobs/uploads/`));
      expect((await asks[0]("PATCH", path, { body: head })).status).toBe(202);
      const part = (body: Uint8Array) => (ask: Ask) =>
        ask("PATCH", path, { body, headers: { "content-range": `${size}-${2 * size - 1}` } });
      const [one, two] = await both(round, part(left), part(right));
      expect([one.status, two.status].sort()).toEqual([202, 416]);
      for (const { headers } of [one, two]) expect(headers["range"]).toBe(`0-${2 * size - 1}`);
      const whole = Buffer.concat([head, one.status === 202 ? left : right]);
      const finish = (ask: Ask) => ask("PUT", `${path}?digest=${digestOf(whole)}`);
      expect(outcome(await both(round, finish))).toBe("201 201");
      expect((await asks[1]("GET", `/v2/${name}/blobs/${digestOf(whole)}`)).bytes).toEqual(new Uint8Array(whole));
    }
    await requireConsistent();
  });
}

test("what one node does alone, the other waits for", async () => {
  let inside = 0;
  let most = 0;
  const turns: string[] = [];
  const alone = (db: Db, node: string) =>
    db.exclusive("upload:one", async () => {
      most = Math.max(most, ++inside);
      await Bun.sleep(1);
      inside--;
      turns.push(node);
    });
  await Promise.all(
    Array.from({ length: rounds }, (_, i) => (i % 2 === 0 ? alone(house.db, "one") : alone(other, "two"))),
  );
  expect([most, turns.length]).toEqual([1, rounds]);
});
