// Clients that do the same thing at the same time: one outcome each, and always consistent, down to the files on disk.
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { Glob } from "bun";
import { digestOf } from "#lib/digest";
import type { Incoming } from "#lib/stream";
import { openTestRegistry, type TestRegistry } from "#registry/testing";
import { type Ask, bytesFrom, bytesLike, imageText, locationOf, openAsk, pushBlob, pushImage } from "./testing.ts";

setDefaultTimeout(60_000);
const rounds = 50;
/** What lives in a row of the database, and what lives in a file. */
const sizes = [500, 120_000] as const;

let house: TestRegistry;
let ask: Ask;

beforeAll(async () => {
  house = await openTestRegistry({ store: "fs" });
  ask = openAsk(house.registry);
});
afterAll(() => house.remove());

/** A body that comes in small parts, with pauses, until it is stopped. */
function arriving(bytes: Uint8Array, partBytes = Math.max(1, bytes.byteLength >> 3)): Incoming {
  let stopped: Error | undefined;
  return {
    async *[Symbol.asyncIterator]() {
      for (let at = 0; at < bytes.byteLength; at += partBytes) {
        await Bun.sleep(0);
        if (stopped !== undefined) throw stopped;
        yield bytes.subarray(at, at + partBytes);
      }
    },
    stop: (reason) => {
      stopped = reason;
    },
  };
}

/** Lets others run for a while that differs from round to round. */
async function wait(round: number): Promise<void> {
  for (let i = 0; i < round % 7; i++) await Bun.sleep(0);
}

/** A body that begins with `bytes`, and then waits until it is stopped. */
function stalling(bytes: Uint8Array): Incoming {
  const stopped = Promise.withResolvers<never>();
  stopped.promise.catch(() => undefined);
  return {
    async *[Symbol.asyncIterator]() {
      yield bytes;
      await stopped.promise;
    },
    stop: stopped.reject,
  };
}

const statuses = (all: readonly { readonly status: number }[]) => all.map(({ status }) => status).sort();

async function begin(name: string): Promise<string> {
  return locationOf(await ask("POST", `/v2/${name}/blobs/uploads/`));
}

/** Every blob has its bytes, every file its blob, and nothing is arriving but `open`. */
async function requireConsistent(open: readonly string[] = []): Promise<void> {
  const rows = await house.db.read<{ digest: string; size: number; storage_key: string | null }>(
    "select digest, size, storage_key from blobs",
  );
  const keys = rows.flatMap(({ storage_key }) => (storage_key === null ? [] : [storage_key]));
  const files = await Array.fromAsync(new Glob("sha256/*/*").scan(house.blobsFolder));
  expect(files.sort()).toEqual(keys.sort());
  for (const { digest, size, storage_key } of rows) {
    if (storage_key === null) continue;
    const bytes = await Bun.file(`${house.blobsFolder}/${storage_key}`).bytes();
    expect(`${digestOf(bytes)} ${bytes.byteLength}`).toBe(`${digest} ${size}`);
  }
  expect((await house.store.uploads.list()).sort()).toEqual([...open].sort());
}

async function pulled(name: string, digest: string): Promise<Uint8Array | undefined> {
  const { status, bytes } = await ask("GET", `/v2/${name}/blobs/${digest}`);
  return status === 200 ? bytes : undefined;
}

for (const [kind, size] of sizes.entries()) {
  test(`two clients that finish one upload of ${size} bytes are both told that it is there`, async () => {
    for (let round = 0; round < rounds; round++) {
      const name = `finish/both${size}`;
      const bytes = bytesLike(round + kind * 1000, size);
      const digest = digestOf(bytes);
      const path = await begin(name);
      await ask("PATCH", path, { body: bytes.subarray(0, 100) });
      const put = () => ask("PUT", `${path}?digest=${digest}`, { body: arriving(bytes.subarray(100)) });
      const second = async () => {
        await wait(round);
        return put();
      };
      expect(statuses(await Promise.all([put(), second()]))).toEqual([201, 201]);
      expect(await pulled(name, digest)).toEqual(bytes);
    }
    await requireConsistent();
  });

  test(`of two clients that finish one upload of ${size} bytes, the one with the wrong digest does not hurt the other`, async () => {
    for (let round = 0; round < rounds; round++) {
      const name = `finish/wrong${size}`;
      const bytes = bytesLike(round + 100 + kind * 1000, size);
      const digest = digestOf(bytes);
      const wrong = digestOf(bytesFrom(`wrong ${round}`));
      const path = await begin(name);
      await ask("PATCH", path, { body: bytes.subarray(0, 100) });
      const put = async (of: string, delay: number) => {
        await wait(delay);
        return ask("PUT", `${path}?digest=${of}`, { body: arriving(bytes.subarray(100)) });
      };
      const [right, other] = await Promise.all([put(digest, round), put(wrong, round >> 1)]);
      expect(right.status).toBe(201);
      expect([400, 404]).toContain(other.status);
      expect(await pulled(name, digest)).toEqual(bytes);
      expect(await pulled(name, wrong)).toBeUndefined();
    }
    await requireConsistent();
  });

  test(`of two PATCHes of ${size} bytes at one offset, one is taken and the other is told the offset`, async () => {
    for (let round = 0; round < rounds; round++) {
      const name = `patch/offset${size}`;
      const [first, second] = [bytesLike(2 * round + 200, size), bytesLike(2 * round + 201, size)];
      const path = await begin(name);
      const patch = async (body: Uint8Array, delay: number) => {
        await wait(delay);
        return ask("PATCH", path, { body: arriving(body), headers: { "content-range": `0-${size - 1}` } });
      };
      const answers = await Promise.all([patch(first, round), patch(second, round >> 1)]);
      expect(statuses(answers)).toEqual([202, 416]);
      for (const { headers } of answers) expect(headers["range"]).toBe(`0-${size - 1}`);
      const taken = answers[0].status === 202 ? first : second;
      const put = await ask("PUT", `${path}?digest=${digestOf(taken)}`);
      expect(put.status).toBe(201);
      expect(await pulled(name, digestOf(taken))).toEqual(taken);
    }
    await requireConsistent();
  });

  test(`of two PATCHes of ${size} bytes without an offset, one follows the other`, async () => {
    for (let round = 0; round < rounds; round++) {
      const name = `patch/follow${size}`;
      const [first, second] = [bytesLike(2 * round + 400, size), bytesLike(2 * round + 401, size)];
      const path = await begin(name);
      const answers = await Promise.all([first, second].map((bytes) => ask("PATCH", path, { body: arriving(bytes) })));
      const ranges = answers.map(({ headers }) => headers["range"]);
      expect(statuses(answers)).toEqual([202, 202]);
      expect([...ranges].sort()).toEqual([`0-${size - 1}`, `0-${2 * size - 1}`].sort());
      const whole = Buffer.concat(ranges[0] === `0-${size - 1}` ? [first, second] : [second, first]);
      expect((await ask("PUT", `${path}?digest=${digestOf(whole)}`)).status).toBe(201);
    }
    await requireConsistent();
  });

  test(`sixteen clients that push the same ${size} bytes all succeed, and the bytes are kept once`, async () => {
    for (let round = 0; round < rounds; round++) {
      const bytes = bytesLike(round + 600, size);
      const digest = digestOf(bytes);
      const push = async (client: number) => {
        const name = `same/client${client % 4}`;
        await wait(client + round);
        if (client % 2 === 0)
          return ask("POST", `/v2/${name}/blobs/uploads/?digest=${digest}`, { body: arriving(bytes) });
        const path = await begin(name);
        await ask("PATCH", path, { body: arriving(bytes.subarray(0, 200)) });
        return ask("PUT", `${path}?digest=${digest}`, { body: arriving(bytes.subarray(200)) });
      };
      const answers = await Promise.all(Array.from({ length: 16 }, (_, client) => push(client)));
      expect(new Set(statuses(answers))).toEqual(new Set([201]));
      for (let client = 0; client < 4; client++) expect(await pulled(`same/client${client}`, digest)).toEqual(bytes);
      expect(await house.db.read("select count(*) as count from blobs where digest = ?", digest)).toEqual([
        { count: 1 },
      ]);
    }
    await requireConsistent();
  });

  test(`a DELETE of an upload while ${size} bytes are being sent ends it`, async () => {
    for (let round = 0; round < rounds; round++) {
      const path = await begin(`delete/patch${size}`);
      const sending = ask("PATCH", path, { body: arriving(bytesLike(round + 800, size)) });
      await wait(round);
      const [sent, deleted] = await Promise.all([sending, ask("DELETE", path)]);
      expect(deleted.status).toBe(204);
      expect([202, 404, 409]).toContain(sent.status);
      expect((await ask("GET", path)).status).toBe(404);
    }
    await requireConsistent();
  });

  test(`a DELETE of an upload of ${size} bytes while it is being finished ends it, or comes too late`, async () => {
    for (let round = 0; round < rounds; round++) {
      const name = `delete/put${size}`;
      const bytes = bytesLike(round + 900 + kind * 1000, size);
      const digest = digestOf(bytes);
      const path = await begin(name);
      const sending = ask("PUT", `${path}?digest=${digest}`, { body: arriving(bytes) });
      for (let i = 0; i < 3; i++) await wait(round);
      const [sent, deleted] = await Promise.all([sending, ask("DELETE", path)]);
      const outcome = `${sent.status} ${deleted.status}`;
      expect(["201 404", "404 204", "409 204"]).toContain(outcome);
      expect(await pulled(name, digest)).toEqual(sent.status === 201 ? bytes : undefined);
      expect((await ask("GET", path)).status).toBe(404);
    }
    await requireConsistent();
  });
}

test("a DELETE of an upload ends those whose bodies have stalled, also when others have come since", async () => {
  for (const stalledBytes of [100, 60_000]) {
    const path = await begin("delete/stalled");
    const stalled = [ask("PATCH", path, { body: stalling(bytesLike(1, stalledBytes)) })];
    await Bun.sleep(5);
    stalled.push(ask("PATCH", path, { body: stalling(bytesLike(2, 100)) }));
    await Bun.sleep(5);
    const later = ask("PATCH", path, { body: bytesLike(3, 100) });
    await Bun.sleep(5);
    expect((await ask("DELETE", path)).status).toBe(204);
    expect(statuses(await Promise.all(stalled))).toEqual([409, 409]);
    expect([202, 404]).toContain((await later).status);
    expect((await ask("GET", path)).status).toBe(404);
  }
  await requireConsistent();
});

test("a DELETE with the id of an upload of another repository ends nothing", async () => {
  const path = await begin("delete/mine");
  const sending = ask("PATCH", path, { body: arriving(bytesLike(4, 120_000)) });
  const id = path.slice(path.lastIndexOf("/") + 1);
  expect((await ask("DELETE", `/v2/delete/yours/blobs/uploads/${id}`)).status).toBe(404);
  expect((await sending).status).toBe(202);
  expect((await ask("DELETE", path)).status).toBe(204);
  await requireConsistent();
});

test("two clients that move one tag leave it where one of them put it, and a history without a gap", async () => {
  const name = "move/tag";
  const moved = await Promise.all(
    ["one", "two"].map(async (each) => {
      const digest = await pushImage(ask, name, each);
      return { digest, body: (await ask("GET", `/v2/${name}/manifests/${digest}`)).bytes };
    }),
  );
  for (let round = 0; round < rounds; round++) {
    const put = async (body: Uint8Array, delay: number) => {
      await wait(delay);
      return ask("PUT", `/v2/${name}/manifests/latest`, { body });
    };
    const answers = await Promise.all(moved.map(({ body }, i) => put(body, i === 0 ? round : round >> 1)));
    expect(statuses(answers)).toEqual([201, 201]);
    const { headers } = await ask("HEAD", `/v2/${name}/manifests/latest`);
    expect(moved.map(({ digest }): string | undefined => digest)).toContain(headers["docker-content-digest"]);
    const [last] = await house.db.read<{ new_digest: string }>(
      "select new_digest from tag_history where name = 'latest' order by id desc limit 1",
    );
    expect(last?.new_digest).toBe(headers["docker-content-digest"]);
  }
  const history = await house.db.read<{ old_digest: string | null; new_digest: string }>(
    "select old_digest, new_digest from tag_history where name = 'latest' order by id",
  );
  for (const [i, { old_digest, new_digest }] of history.entries()) {
    expect(old_digest).toBe(history[i - 1]?.new_digest ?? null);
    expect(old_digest).not.toBe(new_digest);
  }
  const live = "select count(*) as count from tags where name = 'latest' and deleted_at is null";
  expect(await house.db.read(live)).toEqual([{ count: 1 }]);
});

test("a blob is deleted, or a manifest that names it is taken, never both", async () => {
  for (let round = 0; round < rounds; round++) {
    const name = "delete/blob";
    const config = bytesFrom(`{"round":${round}}`);
    const digest = await pushBlob(ask, name, config);
    const remove = async () => {
      await wait(round);
      return ask("DELETE", `/v2/${name}/blobs/${digest}`);
    };
    const put = async () => {
      await wait(round >> 1);
      return ask("PUT", `/v2/${name}/manifests/round${round}`, { body: imageText(config, []) });
    };
    const [removed, taken] = await Promise.all([remove(), put()]);
    expect(["202 404", "405 201"]).toContain(`${removed.status} ${taken.status}`);
    expect((await ask("HEAD", `/v2/${name}/blobs/${digest}`)).status).toBe(taken.status === 201 ? 200 : 404);
  }
});

test("thirty-two clients push images and move tags in one repository, and none is turned away", async () => {
  const tag = (client: number, image: number) => `c${client}-${image}`;
  const client = async (number: number) => {
    for (let image = 0; image < 6; image++) {
      await pushImage(ask, "races/crowd", tag(number, image));
      await pushImage(ask, "races/crowd", tag(number, image), { annotations: { again: "yes" } });
    }
  };
  await Promise.all(Array.from({ length: 32 }, (_, number) => client(number)));
  const list = await ask("GET", "/v2/races/crowd/tags/list?n=1000");
  const all = Array.from({ length: 32 }, (_, number) => Array.from({ length: 6 }, (_, image) => tag(number, image)));
  expect(JSON.parse(list.text).tags).toEqual(all.flat().sort());
});
