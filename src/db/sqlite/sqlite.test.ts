// SQLite: the suite of every database, as the owner of a folder and as a worker process sees it; and what only SQLite has:
// its lock, its format, a full file in the middle of a group, a commit that fails.
import { Database } from "bun:sqlite";
import { afterEach, describe, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Fault } from "#lib/fault";
import { describeDb } from "../contract.ts";
import type { Db } from "../index.ts";
import { migrations } from "../migrations/index.ts";
import { addAmount, dropContent, keepContent, makeLedger } from "../testing.ts";
import { openSqlite, openSqliteWorker, type SharedDb } from "./index.ts";
import type { Channel } from "./shared.ts";
import { endThread, failAtCommit } from "./testing.ts";

const makeFolder = () => mkdtemp(join(tmpdir(), "berth-sqlite-"));

function openIn(folder: string, maxPageCount?: number): Promise<SharedDb> {
  return openSqlite({
    file: join(folder, "berth.db"),
    writer: () => new Worker(new URL("./testing.ts", import.meta.url).href),
    synchronous: "off",
    ...(maxPageCount === undefined ? {} : { maxPageCount }),
  });
}

/** Both ends of a channel, and what cuts it. */
function openChannel(): { ends: readonly [Channel, Channel]; cut(): void } {
  const listeners: [(message: unknown) => void, (message: unknown) => void] = [() => undefined, () => undefined];
  const closed: (() => void)[] = [];
  const end = (mine: 0 | 1): Channel => ({
    send: (message) => {
      const copy: unknown = structuredClone(message);
      setImmediate(() => listeners[mine === 0 ? 1 : 0](copy));
    },
    receive: (listener) => {
      listeners[mine] = listener;
    },
    closed: (listener) => void closed.push(listener),
  });
  return {
    ends: [end(0), end(1)],
    cut: () => {
      for (const listener of closed) listener();
    },
  };
}

describeDb("SQLite", async () => {
  const folder = await makeFolder();
  return { open: () => openIn(folder), remove: () => rm(folder, { recursive: true }) };
});

describeDb("SQLite in a worker process", async () => {
  const folder = await makeFolder();
  const owner = await openIn(folder);
  const open = async (): Promise<Db> => {
    const { ends } = openChannel();
    owner.share(ends[0]);
    return openSqliteWorker(join(folder, "berth.db"), ends[1]);
  };
  const remove = async () => {
    await owner.close();
    await rm(folder, { recursive: true });
  };
  return { open, remove };
});

describe("a folder of SQLite", () => {
  const folders: string[] = [];
  const open: Db[] = [];
  const fresh = async () => {
    const folder = await makeFolder();
    folders.push(folder);
    return folder;
  };
  const opened = async <Opened extends Db>(opening: Promise<Opened>): Promise<Opened> => {
    const db = await opening;
    open.push(db);
    return db;
  };
  const closed = async (db: Db) => {
    open.splice(open.indexOf(db), 1);
    await db.close();
  };
  const faultOf = (work: Promise<unknown>) => work.then(() => undefined).catch((error: Fault) => error);

  afterEach(async () => {
    for (const db of open.splice(0)) await db.close();
    for (const folder of folders.splice(0)) await rm(folder, { recursive: true });
  });

  test("is made when it is not there, in the format of this program, with an id that stays", async () => {
    const folder = join(await fresh(), "deep", "inside");
    const db = await opened(openIn(folder));
    const [store] = await db.read<{ format: number; id: string }>("select format, id from store");
    expect(store?.format).toBe(migrations.at(-1)?.number);
    expect(store?.id).toMatch(/^[0-9a-f]{32}$/);
    await closed(db);
    const again = await opened(openIn(folder));
    expect(await again.read("select format, id from store")).toEqual([{ ...store }]);
  });

  test("the migrations are numbered from one, without a gap", () => {
    expect(migrations.map(({ number }) => number)).toEqual(migrations.map((_, i) => i + 1));
  });

  test("is refused while another has it open, and free when that has closed", async () => {
    const folder = await fresh();
    const db = await opened(openIn(folder));
    expect(await faultOf(openIn(folder))).toMatchObject({ kind: "conflict", subject: "store" });
    await closed(db);
    await opened(openIn(folder));
  });

  test("of a newer format is refused and left as it is", async () => {
    const folder = await fresh();
    await (await openIn(folder)).close();
    const setFormat = (format: number) => {
      const file = new Database(join(folder, "berth.db"));
      file.run(`update store set format = ${format}`);
      file.close();
    };
    setFormat(999);
    expect(await faultOf(openIn(folder))).toMatchObject({ kind: "unsupported", subject: "store" });
    setFormat(migrations.length);
    await opened(openIn(folder));
  });

  test("that holds something else in its place is refused", async () => {
    const folder = await fresh();
    await Bun.write(
      join(folder, "berth.db"),
      "this is no database, but it is long enough to be read as one ".repeat(20),
    );
    expect(await faultOf(openIn(folder))).toBeInstanceOf(Error);
  });

  test("a commit that fails fails for whom it is, and for nobody beside it", async () => {
    const db = await opened(openIn(await fresh()));
    await db.write(makeLedger, undefined);
    const all = await Promise.allSettled([
      db.write(addAmount, { name: "before", amount: 1 }),
      db.write(failAtCommit, { name: "failing" }),
      db.write(addAmount, { name: "after", amount: 2 }),
    ]);
    expect(all.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    const rows = await db.read("select name, amount from ledger order by name");
    expect(rows).toEqual([
      { name: "after", amount: 2 },
      { name: "before", amount: 1 },
    ]);
    expect(await db.write(addAmount, { name: "after", amount: 2 })).toBe(4);
  });

  test("whose writer is gone tells all who wait for it, and all who come", async () => {
    const folder = await fresh();
    const db = await openIn(folder);
    await db.write(makeLedger, undefined);
    const busy = { kind: "busy", subject: "store" };
    const gone = await Promise.allSettled([
      db.write(endThread, undefined),
      ...Array.from({ length: 30 }, async (_, i) => {
        if (i >= 10) await Bun.sleep(i);
        return db.write(addAmount, { name: `after ${i}`, amount: i });
      }),
    ]);
    expect(gone.at(-1)).toMatchObject({ status: "rejected", reason: busy });
    await expect(db.write(addAmount, { name: "later", amount: 1 })).rejects.toMatchObject(busy);
  });

  test("that is full in the middle of a group keeps those that fit, and tells the others", async () => {
    const folder = await fresh();
    const db = await opened(openIn(folder, 300));
    await db.write(makeLedger, undefined);
    const content = new Uint8Array(200_000).fill(7);
    const digests = Array.from({ length: 12 }, (_, i) => `large ${i}`);
    const batches = db.writes().batches;
    const all = await Promise.allSettled(
      digests.flatMap((digest, i) => [
        db.write(keepContent, { digest, size: content.byteLength, content }),
        db.write(addAmount, { name: `small ${i}`, amount: i }),
      ]),
    );
    expect(db.writes().batches - batches).toBe(1);
    const kept = new Set((await db.read<{ digest: string }>("select digest from blobs")).map(({ digest }) => digest));
    const small = await db.read("select name from ledger");
    expect(kept.size).toBeGreaterThan(1);
    expect(kept.size).toBeLessThan(12);
    expect(small.length).toBe(12);
    for (const [i, digest] of digests.entries()) {
      const outcome = all[2 * i];
      expect(outcome?.status).toBe(kept.has(digest) ? "fulfilled" : "rejected");
      if (outcome?.status === "rejected") expect(outcome.reason).toMatchObject({ kind: "full", subject: "store" });
      expect(all[2 * i + 1]).toEqual({ status: "fulfilled", value: i });
    }

    const [first = ""] = kept;
    const another = { digest: "another", size: content.byteLength, content };
    expect(await faultOf(db.write(keepContent, another))).toMatchObject({ kind: "full", subject: "store" });
    await db.write(dropContent, { digest: first });
    await db.write(keepContent, another);

    await closed(db);
    const larger = await opened(openIn(folder));
    await Promise.all(
      digests.filter((digest) => !kept.has(digest)).map((digest) => larger.write(keepContent, { ...another, digest })),
    );
    expect(await larger.read("select count(*) as count from blobs")).toEqual([{ count: 12 }]);
    expect(await larger.read("pragma integrity_check")).toEqual([{ integrity_check: "ok" }]);
  });

  test("what a worker process holds is free again when it is gone", async () => {
    const folder = await fresh();
    const owner = await opened(openIn(folder));
    const { ends, cut } = openChannel();
    owner.share(ends[0]);
    const worker = await opened(Promise.resolve(openSqliteWorker(join(folder, "berth.db"), ends[1])));
    const events: string[] = [];
    const { promise: held, resolve: isHeld } = Promise.withResolvers<void>();
    void worker.exclusive("key", () => {
      isHeld();
      return new Promise(() => undefined);
    });
    await held;
    const next = owner.exclusive("key", async () => void events.push("owner"));
    await Bun.sleep(5);
    events.push("cut");
    cut();
    await next;
    expect(events).toEqual(["cut", "owner"]);
  });
});
