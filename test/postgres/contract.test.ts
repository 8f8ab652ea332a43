// The suite of every database, on PostgreSQL; and what only PostgreSQL has: a server that goes away, in order, like a
// power cut, or without a word, while nodes hold keys and write.
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { type Db, openPostgres, type Transaction } from "#db";
import { describeDb } from "../../src/db/contract.ts";
import { type Cluster, clusterMilliseconds, openCluster } from "./cluster.ts";

setDefaultTimeout(60_000);

let cluster: Cluster;

beforeAll(async () => {
  cluster = await openCluster();
}, clusterMilliseconds);
afterAll(() => cluster.remove());

describeDb("PostgreSQL", async () => {
  const url = await cluster.makeDatabase();
  return { open: () => openPostgres({ url }), remove: async () => undefined };
});

function* makeNotes(): Transaction<void> {
  yield { sql: "create table notes (text text primary key)", args: [] };
}

function* addNote(text: string): Transaction<void> {
  yield { sql: "insert into notes (text) values (?)", args: [text] };
}

/** Ends the session that runs it, and so its own transaction, in the moment before its commit. */
function* cutOff(text: string): Transaction<void> {
  yield* addNote(text);
  yield { sql: "select pg_terminate_backend(pg_backend_pid())", args: [] };
}

const away = { kind: "busy", subject: "store" };

/** `done`, or why not. */
async function outcomeOf(work: unknown): Promise<unknown> {
  try {
    await work;
    return "done";
  } catch (error) {
    return error;
  }
}

describe("a PostgreSQL that goes away", () => {
  let url: string;
  let db: Db;
  let other: Db;
  const notes = async () =>
    (await db.read<{ text: string }>("select text from notes order by text")).map((r) => r.text);

  beforeAll(async () => {
    url = await cluster.makeDatabase();
    db = await openPostgres({ url });
    other = await openPostgres({ url });
    await db.write(makeNotes, undefined);
  });
  afterAll(async () => {
    await db.close();
    await other.close();
  });

  for (const ending of ["immediate", "fast"] as const) {
    test(`(${ending}) fails what runs as busy, and serves again when it is back`, async () => {
      await db.write(addNote, `${ending} before`);
      const running = Array.from({ length: 40 }, () => outcomeOf(db.read("select pg_sleep(3) as slept")));
      await Bun.sleep(300);
      await cluster.stop(ending);
      for (const outcome of await Promise.all(running)) expect(outcome).toMatchObject(away);
      expect(await outcomeOf(db.read("select 1 as one"))).toMatchObject(away);
      expect(await outcomeOf(db.write(addNote, `${ending} never`))).toMatchObject(away);
      expect(await outcomeOf(db.exclusive("key", async () => "never"))).toMatchObject(away);
      await cluster.start();
      await db.write(addNote, `${ending} after`);
      expect(await db.exclusive("key", async () => "held")).toBe("held");
      expect((await notes()).filter((text) => text.startsWith(ending))).toEqual([
        `${ending} after`,
        `${ending} before`,
      ]);
    });
  }

  test("takes a key away: whoever holds it is told, fails, and another may hold it", async () => {
    const lost = Promise.withResolvers<string>();
    const held = Promise.withResolvers<void>();
    const work = async () => {
      held.resolve();
      return lost.promise;
    };
    const holding = outcomeOf(db.exclusive("held", work, () => lost.resolve("told")));
    await held.promise;
    await cluster.stop("immediate");
    expect(await lost.promise).toBe("told");
    expect(await holding).toMatchObject(away);
    await cluster.start();
    expect(await other.exclusive("held", async () => "other")).toBe("other");
  });

  test("takes a key away without being noticed: what was done meanwhile fails all the same", async () => {
    const holding = db.exclusive("stolen", async () => {
      await other.read(
        `select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and granted
         and database = (select oid from pg_database where datname = current_database())`,
      );
      return "done";
    });
    expect(await outcomeOf(holding)).toMatchObject(away);
    expect(await db.exclusive("stolen", async () => "again")).toBe("again");
  });

  test("frees the keys of a node that is gone", async () => {
    const gone = await openPostgres({ url });
    const held = Promise.withResolvers<void>();
    const never = Promise.withResolvers<void>();
    const holding = outcomeOf(
      gone.exclusive("gone", () => {
        held.resolve();
        return never.promise;
      }),
    );
    await held.promise;
    const waiting = other.exclusive("gone", async () => "other");
    await gone.close();
    expect(await waiting).toBe("other");
    never.resolve();
    expect(await holding).toMatchObject(away);
  });

  for (const options of [{ holding: "shared" }, { holding: "shared", apart: ["shared"] }]) {
    const how = "apart" in options ? "beside others" : "by itself";
    test(`has a write ${how} wait for a key that another node holds, and its neighbours do not`, async () => {
      const order: string[] = [];
      const held = Promise.withResolvers<void>();
      const release = Promise.withResolvers<void>();
      const holding = other.exclusive("shared", async () => {
        held.resolve();
        await release.promise;
        order.push("given back");
      });
      await held.promise;
      const waiting = db.write(addNote, `${how}: it waits`, options).then(() => order.push("written"));
      await db.write(addNote, `${how}: its neighbour`, { apart: ["another"] });
      expect(await notes()).toContain(`${how}: its neighbour`);
      expect(await notes()).not.toContain(`${how}: it waits`);
      release.resolve();
      await Promise.all([holding, waiting]);
      expect(order).toEqual(["given back", "written"]);
      // And it is free again.
      expect(await other.exclusive("shared", async () => "other")).toBe("other");
    });
  }

  test("fails a transaction whose session ends before its commit, and nothing of it happened", async () => {
    expect(await outcomeOf(db.write(cutOff, "cut off"))).toMatchObject(away);
    const together = ["cut off as well", "cut off beside it"].map((text, i) =>
      outcomeOf(db.write(i === 0 ? cutOff : addNote, text, { apart: [text] })),
    );
    for (const outcome of await Promise.all(together)) expect(outcome).toMatchObject(away);
    expect((await notes()).filter((text) => text.startsWith("cut off"))).toEqual([]);
  });

  test("without a word is noticed: what waits for an answer fails, and all is well when it is back", async () => {
    await db.write(addNote, "silence before");
    await cluster.freeze();
    const waiting = [
      ...Array.from({ length: 40 }, () => outcomeOf(db.read("select 1 as one"))),
      ...Array.from({ length: 40 }, (_, i) => outcomeOf(db.write(addNote, `silence ${i}`))),
      outcomeOf(db.exclusive("silence", async () => "never")),
    ];
    try {
      // A session that runs on another core stops a moment later: what it answered meanwhile is answered.
      const failed = (await Promise.all(waiting)).filter((outcome) => outcome !== "done");
      expect(failed.length).toBeGreaterThan(waiting.length / 2);
      for (const outcome of failed) expect(outcome).toMatchObject(away);
    } finally {
      await cluster.thaw();
    }
    await db.write(addNote, "silence after");
    expect(await db.exclusive("silence", async () => "held")).toBe("held");
    expect(await notes()).toContain("silence before");
  });

  test("ends a statement that takes too long, and goes on", async () => {
    expect(await outcomeOf(db.read("select pg_sleep(30) as slept"))).toMatchObject(away);
    expect(await db.read("select 1 as one")).toEqual([{ one: 1 }]);
  });
});
