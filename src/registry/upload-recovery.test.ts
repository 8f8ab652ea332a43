// What a lost database leaves of an upload, when nobody comes back for it and the server is not restarted.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { Glob } from "bun";
import { anonymous } from "#access";
import { type Digest, digestOf } from "#lib/digest";
import { parseRepositoryName } from "#lib/reference";
import { incomingOf } from "#lib/stream";
import { openTestRegistry, type TestRegistry } from "./testing.ts";
import { saveUpload } from "./uploads.sql.ts";

const actor = anonymous("oci", "127.0.0.1", "test");
const name = parseRepositoryName("team/idle");
const day = 24 * 3_600_000;
const bytes = new Uint8Array(50_000).fill(7);
const digest = digestOf(bytes);

let house: TestRegistry;

beforeAll(async () => {
  house = await openTestRegistry({ store: "fs" });
});
afterAll(() => house.remove());

const files = async () => (await Array.fromAsync(new Glob("**/*").scan(house.blobsFolder))).sort();

/** An upload as it is when its bytes were committed and its row was not. */
async function leaveFinishing(as: Digest): Promise<string> {
  const { registry, db, store } = house;
  const id = registry.uploads.start(actor, name);
  await registry.uploads.append(actor, name, id, { body: incomingOf(bytes) });
  const stamp = { at: house.now(), actor: null, protocol: "oci", address: "127.0.0.1", requestId: "test" };
  await db.write(saveUpload, { id, name, algorithm: "sha256", content: null, finishing: as, stamp });
  await store.uploads.commit(id, as);
  return id;
}

test("an upload whose commit was lost is at the offset that was acknowledged", async () => {
  const id = await leaveFinishing(digest);
  expect(await house.registry.uploads.status(actor, name, id)).toBe(bytes.byteLength);
  await house.registry.uploads.cancel(actor, name, id);
});

test("an idle upload whose commit was lost leaves no file", async () => {
  const before = await files();
  const id = await leaveFinishing(digest);
  expect(await files()).toContain(house.store.uploads.key(id, digest));
  house.pass(2 * day);
  await house.registry.expireUploads();
  expect(await files()).toEqual(before);
});
