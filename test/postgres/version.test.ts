// How PostgreSQL names what is seen, and what becomes of the names when it goes away. The suite of every database has the rest.
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { SQL } from "bun";
import { type Db, openPostgres, type Transaction } from "#db";
import { type Cluster, clusterMilliseconds, openCluster } from "./cluster.ts";

setDefaultTimeout(60_000);

let cluster: Cluster;
let url: string;
let db: Db;

beforeAll(async () => {
  cluster = await openCluster();
  url = await cluster.makeDatabase();
  db = await openPostgres({ url });
  await db.write(makeNotes, undefined);
}, clusterMilliseconds);
afterAll(async () => {
  await db.close();
  await cluster.remove();
});

function* makeNotes(): Transaction<void> {
  yield { sql: "create table notes (text text primary key)", args: [] };
}

function* addNote(text: string): Transaction<void> {
  yield { sql: "insert into notes (text) values (?)", args: [text] };
}

test("what another node writes makes another version", async () => {
  const other = await openPostgres({ url });
  for (let round = 0; round < 50; round++) {
    const before = await db.version();
    await other.write(addNote, `other ${round}`);
    expect(await db.version()).not.toBe(before);
  }
  await other.close();
});

/** A way to the cluster that can keep its answers back. */
async function openHolding() {
  const sockets = new Set<Socket>();
  let heldBack: (() => void)[] | undefined;
  let noticed = (): void => undefined;
  const server = createServer((client) => {
    const upstream = connect(cluster.port, "127.0.0.1");
    for (const socket of [client, upstream]) sockets.add(socket.on("error", () => socket.destroy()));
    client.on("data", (part) => upstream.write(part));
    upstream.on("data", (part) => {
      if (heldBack === undefined) client.write(part);
      else heldBack.push(() => client.write(part));
      noticed();
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = new URL(url);
  address.port = String(Object(server.address()).port);
  return {
    url: address.href,
    /** Keeps answers back from now on; fulfilled when there is one. */
    async hold() {
      heldBack = [];
      await new Promise<void>((resolve) => {
        noticed = resolve;
      });
    },
    release() {
      for (const send of heldBack ?? []) send();
      heldBack = undefined;
    },
    close() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

test("those who ask while an answer is under way get the next one, which is one for all of them", async () => {
  const way = await openHolding();
  const slow = await openPostgres({ url: way.url, migrates: false });
  try {
    const before = await slow.version();
    for (let round = 0; round < 10; round++) {
      const held = way.hold();
      const first = slow.version();
      await held;
      await db.write(addNote, `while an answer is under way ${round}`);
      const later = Array.from({ length: 20 }, async () => slow.version());
      way.release();
      const versions = await Promise.all(later);
      expect(versions).not.toContain(await first);
      expect(versions).not.toContain(before);
      expect(new Set(versions).size).toBe(1);
    }
  } finally {
    await slow.close();
    way.close();
  }
});

test("a commit makes another version, whenever its transaction was begun", async () => {
  const sql = new SQL(url, { adapter: "postgres", max: 1 });
  let during: unknown;
  await sql.begin(async (late) => {
    await late.unsafe("insert into notes (text) values ('late')");
    await late.unsafe("savepoint within");
    await late.unsafe("insert into notes (text) values ('later')");
    await db.write(addNote, "meanwhile");
    during = await db.version();
  });
  expect(await db.version()).not.toBe(during);
  await sql.close();
});

test("it is not asked for behind slow statements", async () => {
  let ended = 0;
  const slow = Array.from({ length: 20 }, async () => {
    await db.read("select pg_sleep(2) as slept");
    ended++;
  });
  await db.version();
  expect(ended).toBe(0);
  await Promise.all(slow);
});

test("a session that is ended is made anew, and its version is another one", async () => {
  const before = await db.version();
  await db.read(
    "select pg_terminate_backend(pid) from pg_stat_activity where query like '%pg_current_snapshot%' and pid <> pg_backend_pid()",
  );
  await Bun.sleep(200);
  const after = await db.version();
  expect(after).toBeDefined();
  expect(after).not.toBe(before);
});

for (const ending of ["immediate", "fast"] as const) {
  test(`when PostgreSQL goes away (${ending}) it is a busy store, and no version is that of the time before`, async () => {
    const before = await db.version();
    const waiting = Array.from({ length: 50 }, async () => db.version());
    await Promise.allSettled(waiting);
    await cluster.stop(ending);
    for (let tries = 0; tries < 3; tries++) {
      const error: unknown = await Promise.resolve(db.version()).catch((reason: unknown) => reason);
      expect(error).toMatchObject({ kind: "busy", subject: "store" });
    }
    await cluster.start();
    const after = await db.version();
    expect(after).toBeDefined();
    expect(after).not.toBe(before);
  });
}

test("when PostgreSQL says nothing it is a busy store", async () => {
  await cluster.freeze();
  try {
    const outcomes = await Promise.allSettled(Array.from({ length: 20 }, async () => db.version()));
    for (const outcome of outcomes)
      expect(outcome).toMatchObject({ status: "rejected", reason: { kind: "busy", subject: "store" } });
  } finally {
    await cluster.thaw();
  }
  expect(await db.version()).toBeDefined();
});
