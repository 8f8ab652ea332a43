// What is kept of reads, and when it is read again: by reads that are counted.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { anonymous } from "#access";
import { Fault } from "#lib/fault";
import { ociManifest } from "#lib/media-type";
import { parseRepositoryName, parseTag } from "#lib/reference";
import { type Kept, openKept } from "./kept.ts";
import { openTestRegistry, type TestRegistry } from "./testing.ts";

const kibi = 1024;
const actor = anonymous("test", "127.0.0.1", "kept");

let house: TestRegistry;
let writes = 0;
beforeAll(async () => {
  house = await openTestRegistry({ settings: { manifestsMissing: "any" } });
});
afterAll(() => house.remove());

/** Changes something, somewhere. */
async function write(): Promise<void> {
  const manifest = { schemaVersion: 2, mediaType: ociManifest, layers: [], annotations: { write: String(++writes) } };
  const config = { mediaType: "application/x", digest: `sha256:${"0".repeat(64)}`, size: 1 };
  await house.registry.manifests.put(actor, parseRepositoryName("kept/writes"), {
    bytes: new TextEncoder().encode(JSON.stringify({ ...manifest, config })),
    contentType: ociManifest,
    tags: [parseTag("latest")],
  });
}

/** Reads that find `value`, and how many there were. */
function openReads(value: string | undefined) {
  const reads = {
    count: 0,
    value,
    async read() {
      reads.count++;
      return reads.value;
    },
  };
  return reads;
}

const open = (maxBytes = 64 * kibi) => openKept<string>(house.db, maxBytes, (value) => value.length);

/** Asks until nothing is read for it: PostgreSQL may be tidying up beside us, which is a write as well. */
async function heat(kept: Kept<string>, key: string, reads: ReturnType<typeof openReads>): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    const before = reads.count;
    expect(await kept.find(key, reads.read)).toBe(reads.value);
    if (reads.count === before) return;
  }
  throw new Error("it was not kept");
}

test("what is asked for again is kept, and read anew after each write", async () => {
  const kept = open();
  const reads = openReads("value");
  expect(await kept.find("key", reads.read)).toBe("value");
  expect(await kept.find("key", reads.read)).toBe("value");
  expect(reads.count).toBe(2);
  for (let round = 0; round < 20; round++) {
    await heat(kept, "key", reads);
    await write();
    reads.value = `value ${round}`;
    expect(await kept.find("key", reads.read)).toBe(`value ${round}`);
  }
});

test("what is nothing now is not kept, and not given as it was", async () => {
  const kept = open();
  const reads = openReads("value");
  await heat(kept, "key", reads);
  await write();
  reads.value = undefined;
  for (const count of [1, 2, 3]) {
    const before = reads.count;
    expect({ count, found: await kept.find("key", reads.read) }).toEqual({ count, found: undefined });
    expect(reads.count).toBe(before + 1);
  }
  reads.value = "again";
  await heat(kept, "key", reads);
});

test("those who ask at the same time share one read, and what it fails with", async () => {
  const kept = open();
  const reads = openReads("value");
  await heat(kept, "key", reads);
  await write();
  const before = reads.count;
  const ask = (read = reads.read) => Promise.all(Array.from({ length: 20 }, async () => kept.find("key", read)));
  expect(new Set(await ask())).toEqual(new Set(["value"]));
  expect(reads.count).toBe(before + 1);

  await write();
  const busy = new Fault("busy", "store", "away");
  expect(await ask(() => Promise.reject(busy)).catch((error: unknown) => error)).toBe(busy);
  expect(await kept.find("key", reads.read)).toBe("value");
  expect(reads.count).toBe(before + 2);
});

test("a read that began before a write is not given to those who ask after it, nor kept for them", async () => {
  const kept = open();
  const reads = openReads("old");
  await heat(kept, "key", reads);
  await write();
  const { promise: mayEnd, resolve: end } = Promise.withResolvers<void>();
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
  const slow = async () => {
    begin();
    await mayEnd;
    return "old";
  };
  const early = kept.find("key", slow);
  await begun;
  await write();
  reads.value = "new";
  expect(await kept.find("key", reads.read)).toBe("new");
  end();
  expect(await early).toBe("old");
  expect(await kept.find("key", reads.read)).toBe("new");
});

test("what is more than may be kept is read again, the oldest first", async () => {
  const kept = open(64 * kibi);
  const all = Array.from({ length: 40 }, (_, i) => openReads(`${i} `.padEnd(4 * kibi)));
  const [oldest = openReads(undefined)] = all;
  for (const [i, reads] of all.entries()) await heat(kept, `key ${i}`, reads);
  const before = oldest.count;
  await kept.find("key 0", oldest.read);
  expect(oldest.count).toBe(before + 1);
});

test("what is large is never kept", async () => {
  const kept = open(64 * kibi);
  const reads = openReads("x".repeat(9 * kibi));
  for (let i = 1; i <= 5; i++) {
    await kept.find("key", reads.read);
    expect(reads.count).toBe(i);
  }
});
