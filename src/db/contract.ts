// The suite of Db: every engine runs it, each on an empty database of its own.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Fault } from "#lib/fault";
import type { Db } from "./index.ts";
import {
  addAmount,
  addAndBabble,
  addAndBreak,
  addAndBreakUnread,
  addAndRefuse,
  addAndStumble,
  addRows,
  type Entry,
  giveBack,
  keepContent,
  makeLedger,
} from "./testing.ts";
import type { Transaction, TransactionFunction } from "./transaction.ts";

/** Where an engine keeps one database. */
export interface Place {
  /** Opens it; it is closed before it is opened again. */
  open(): Promise<Db>;
  remove(): Promise<void>;
}

/** A transaction that is in no catalogue and fails by itself where none is needed. */
function missing(): Transaction<number> {
  throw new Error("no transaction is called missing");
}

const failing: readonly (readonly [word: string, transaction: TransactionFunction<Entry, number>])[] = [
  ["throws a Fault", addAndRefuse],
  ["breaks a constraint", addAndBreak],
  ["breaks a constraint where nobody looks", addAndBreakUnread],
  ["stumbles over a mistake", addAndStumble],
  ["says what is no SQL", addAndBabble],
  ["is in no catalogue", missing],
];

export function describeDb(engine: string, makePlace: () => Promise<Place>): void {
  describe(`a database of ${engine}`, () => {
    let place: Place;
    let db: Db;
    const amountOf = async (name: string) => {
      const [row] = await db.read<{ amount: number }>("select amount from ledger where name = ?", name);
      return row?.amount;
    };

    beforeAll(async () => {
      place = await makePlace();
      db = await place.open();
      await db.write(makeLedger, undefined);
    });
    afterAll(async () => {
      await db.close();
      await place.remove();
    });

    test("a write returns what its transaction returns", async () => {
      expect(await db.write(addAmount, { name: "first", amount: 3 })).toBe(3);
      expect(await db.write(addAmount, { name: "first", amount: 4 })).toBe(7);
    });

    test("plain data goes to a transaction and comes back as it was", async () => {
      const input = { list: [1, "two", null, { three: [true] }], bytes: new Uint8Array([0, 255]), none: undefined };
      expect(await db.write(giveBack, input)).toEqual(input);
      expect(await db.write(giveBack, null)).toBeNull();
    });

    test("bytes are kept as they are, none and many", async () => {
      for (const length of [0, 1, 4096, 1_000_000]) {
        const content = Uint8Array.from({ length }, (_, i) => i & 0xff);
        const kept = await db.write(keepContent, { digest: `bytes ${length}`, size: length, content });
        const [row] = await db.read<{ content: Uint8Array }>(
          "select content from blobs where digest = ?",
          `bytes ${length}`,
        );
        for (const found of [kept, row?.content]) {
          expect(found).toBeInstanceOf(Uint8Array);
          expect(found instanceof Uint8Array && Buffer.compare(found, content)).toBe(0);
        }
      }
    });

    test("numbers are exact up to 2^53, texts in any script, nothing is null", async () => {
      const name = "снег 雪 \u{1f40b} ' \" ? $1";
      expect(await db.write(addAmount, { name, amount: Number.MAX_SAFE_INTEGER })).toBe(Number.MAX_SAFE_INTEGER);
      expect(await amountOf(name)).toBe(Number.MAX_SAFE_INTEGER);
      expect(await db.read("select name from ledger where name = ?", name)).toEqual([{ name }]);
      const [row] = await db.read("select storage_key, size from blobs where digest = ?", "bytes 0");
      expect(row).toEqual({ storage_key: null, size: 0 });
    });

    test("names are in byte order", async () => {
      const names = ["order_", "order/", "orderA", "orderZ", "ordera", "order-", "order."];
      for (const name of names) await db.write(addAmount, { name, amount: 0 });
      const rows = await db.read<{ name: string }>(
        "select name from ledger where name > ? and name < ? order by name",
        "order",
        "orderz",
      );
      expect(rows.map(({ name }) => name)).toEqual([...names].sort());
    });

    test("a read sees what was acknowledged", async () => {
      for (let i = 1; i <= 100; i++) {
        await db.write(addAmount, { name: "read", amount: 1 });
        expect(await amountOf("read")).toBe(i);
      }
    });

    test("a write that need not be synced returns, is seen and fails as others do", async () => {
      for (let i = 1; i <= 20; i++) {
        expect(await db.writeUnsynced(addAmount, { name: "unsynced", amount: 1 })).toBe(2 * i - 1);
        expect(await amountOf("unsynced")).toBe(2 * i - 1);
        expect(await db.write(addAmount, { name: "unsynced", amount: 1 })).toBe(2 * i);
      }
      const refused = db.writeUnsynced(addAndRefuse, { name: "unsynced", amount: 1 });
      expect(await refused.catch((error: unknown) => error)).toMatchObject({ kind: "conflict", subject: "store" });
      expect(await amountOf("unsynced")).toBe(40);
    });

    test("rows that are inserted together are all there, each once, however many they are", async () => {
      let total = Number((await db.read<{ count: number }>("select count(*) as count from ledger"))[0]?.count);
      for (const count of [0, 1, 2, 3, 7, 64, 65, 200]) {
        const entries = Array.from({ length: count }, (_, i) => ({ name: `${count} rows, ${i}`, amount: i }));
        total += count;
        expect(await db.write(addRows, entries)).toBe(total);
        for (const { name, amount } of entries) expect(await amountOf(name)).toBe(amount);
      }
    });

    test("its version is another one after every acknowledged write, and stays while nobody writes", async () => {
      for (let i = 0; i < 50; i++) {
        const before = await db.version();
        await db.write(addAmount, { name: "version", amount: 1 });
        expect(await db.version()).not.toBe(before);
      }
      // PostgreSQL may be tidying up beside us, which is a write as well.
      let before = await db.version();
      for (let tries = 0; tries < 100; tries++) {
        const after = await db.version();
        if (after !== undefined && after === before) return;
        before = after;
      }
      throw new Error("the version did not stay");
    });

    test("what was read under a version is true while it stays, for many who ask beside many who write", async () => {
      let acknowledged = 0;
      let writing = 4;
      const write = async () => {
        for (let i = 0; i < 50; i++) {
          await db.write(addAmount, { name: "versions", amount: 1 });
          acknowledged++;
        }
        writing--;
      };
      const ask = async () => {
        let kept: { readonly version: unknown; readonly amount: number } | undefined;
        for (; writing > 0; await Bun.sleep(0)) {
          const atLeast = acknowledged;
          const version = await db.version();
          if (kept === undefined || kept.version !== version)
            kept = { version, amount: (await amountOf("versions")) ?? 0 };
          expect(kept.amount).toBeGreaterThanOrEqual(atLeast);
        }
      };
      await Promise.all([...Array.from({ length: 4 }, write), ...Array.from({ length: 12 }, ask)]);
      expect(await amountOf("versions")).toBe(200);
    });

    test("a Fault of a transaction is thrown as it was", async () => {
      const fault = await db.write(addAndRefuse, { name: "fault", amount: 1 }).catch((error: unknown) => error);
      expect(fault).toBeInstanceOf(Fault);
      expect(fault).toMatchObject({
        kind: "conflict",
        subject: "store",
        message: "the ledger refuses",
        detail: { name: "fault" },
      });
    });

    for (const [word, transaction] of failing) {
      test(`of a transaction that ${word} nothing happened, and its neighbours are not hurt`, async () => {
        const name = `neighbour of one that ${word}`;
        const all = await Promise.allSettled(
          Array.from({ length: 30 }, (_, i) =>
            i % 10 === 5
              ? db.write(transaction, { name: `${name} ${i}`, amount: 1 })
              : db.write(addAmount, { name: `${name} ${i}`, amount: i }),
          ),
        );
        for (const [i, { status }] of all.entries()) {
          expect(status).toBe(i % 10 === 5 ? "rejected" : "fulfilled");
          expect(await amountOf(`${name} ${i}`)).toBe(i % 10 === 5 ? undefined : i);
        }
        expect(await db.write(addAmount, { name, amount: 1 })).toBe(1);
      });
    }

    test("many writes of one row at the same time each find what the others left", async () => {
      const results = await Promise.all(
        Array.from({ length: 60 }, () => db.write(addAmount, { name: "shared", amount: 1 })),
      );
      expect(results.sort((a, b) => a - b)).toEqual(Array.from({ length: 60 }, (_, i) => i + 1));
      expect(await amountOf("shared")).toBe(60);
    });

    test("many writes of many rows at the same time are all there, and are counted", async () => {
      const before = db.writes().transactions;
      const names = Array.from({ length: 500 }, (_, i) => `many ${i}`);
      await Promise.all(names.map((name, amount) => db.write(addAmount, { name, amount })));
      for (const [i, name] of names.entries()) expect(await amountOf(name)).toBe(i);
      expect(db.writes().transactions - before).toBe(500);
      expect(db.writes().waiting).toBe(0);
    });

    test("many writes that are apart are all there, and those that share a name find what the others left", async () => {
      const results = await Promise.all(
        Array.from({ length: 120 }, (_, i) => {
          const name = i % 2 === 0 ? `apart ${i}` : "apart, shared";
          return db.write(addAmount, { name, amount: 1 }, { apart: [name] });
        }),
      );
      const shared = results.filter((_, i) => i % 2 === 1).sort((a, b) => a - b);
      expect(shared).toEqual(Array.from({ length: 60 }, (_, i) => i + 1));
      for (let i = 0; i < 120; i += 2) expect(await amountOf(`apart ${i}`)).toBe(1);
      expect(await amountOf("apart, shared")).toBe(60);
    });

    for (const [word, transaction] of failing) {
      test(`one that ${word} hurts none of those that are apart from it`, async () => {
        const nameOf = (i: number) => `apart from one that ${word} ${i}`;
        const all = await Promise.allSettled(
          Array.from({ length: 30 }, (_, i) =>
            db.write(i % 10 === 5 ? transaction : addAmount, { name: nameOf(i), amount: i }, { apart: [nameOf(i)] }),
          ),
        );
        for (const [i, { status }] of all.entries()) {
          expect(status).toBe(i % 10 === 5 ? "rejected" : "fulfilled");
          expect(await amountOf(nameOf(i))).toBe(i % 10 === 5 ? undefined : i);
        }
      });
    }

    test("a write that holds a key waits for who holds it", async () => {
      for (const options of [{ holding: "held" }, { holding: "held", apart: ["held"] }]) {
        const order: string[] = [];
        const held = Promise.withResolvers<void>();
        const first = db.exclusive("held", async () => {
          await held.promise;
          order.push("it ends");
        });
        const second = db
          .write(addAmount, { name: "held", amount: 1 }, options)
          .then(() => order.push("it is written"));
        await db.write(addAmount, { name: "not held", amount: 1 });
        expect(order).toEqual([]);
        held.resolve();
        await Promise.all([first, second]);
        expect(order).toEqual(["it ends", "it is written"]);
      }
    });

    test("what is exclusive runs one at a time, in order of asking", async () => {
      const order: string[] = [];
      const turn = (name: string) =>
        db.exclusive("turn", async () => {
          order.push(`${name} begins`);
          await Bun.sleep(2);
          order.push(`${name} ends`);
          return name;
        });
      const names = ["a", "b", "c", "d", "e", "f"];
      expect(await Promise.all(names.map(turn))).toEqual(names);
      expect(order).toEqual(names.flatMap((name) => [`${name} begins`, `${name} ends`]));
    });

    test("what fails alone gives its turn to the next", async () => {
      const failed = db.exclusive("failing", () => Promise.reject(new RangeError("alone")));
      const next = db.exclusive("failing", async () => "next");
      await expect(failed).rejects.toThrow(new RangeError("alone"));
      expect(await next).toBe("next");
    });

    test("other keys do not wait", async () => {
      const inner = await db.exclusive("outer", () =>
        db.exclusive("inner", () => db.write(addAmount, { name: "inner", amount: 1 })),
      );
      expect(inner).toBe(1);
    });

    test("close finishes the writes under way, and what was acknowledged is there when it is opened again", async () => {
      const writes = Array.from({ length: 40 }, (_, i) => db.write(addAmount, { name: `closing ${i}`, amount: i }));
      await Promise.all([...writes, db.close()]);
      db = await place.open();
      for (let i = 0; i < 40; i++) expect(await amountOf(`closing ${i}`)).toBe(i);
      expect(await amountOf("shared")).toBe(60);
    });
  });
}
