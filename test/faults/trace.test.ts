// Every way to write, seen by strace: bytes, sync of the file, rename, sync of the folder, commit with a sync of the
// write-ahead log, and only then the answer. Needs strace and the right to trace.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { payloadChecksum } from "../v1/checksums.ts";
import { contentOf, digestOf } from "./random.ts";
import { type Client, openClient, type Reply } from "./registry-client.ts";
import { isAnswer, isSync, isWrite, type SystemCall, startTraced, type TracedServer } from "./trace.ts";

const imageType = "application/vnd.oci.image.manifest.v1+json";
const small = 1_000;
const large = 700_000;
const patience = 60_000;

let folder = "";
let traced: TracedServer;
let client: Client;
let seed = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "berth-trace-"));
  traced = await startTraced(folder);
  client = openClient(traced.url);
}, patience);

afterAll(async () => {
  await traced.server.kill();
  await rm(folder, { recursive: true });
});

/** The calls of one request, up to its answer. What comes before it with the same status must have gone through here too. */
async function callsOf(status: number, request: () => Promise<Reply>): Promise<SystemCall[]> {
  await traced.mark();
  const reply = await request();
  expect(reply.status).toBe(status);
  const calls = await traced.callsUntil((call) => isAnswer(call, status));
  const answer = calls.find((call) => isAnswer(call, status));
  return calls.filter(({ startedAt }) => startedAt <= (answer?.startedAt ?? 0));
}

/** The one call after `earlier` that is so; fails when there is none. */
function after(earlier: SystemCall | undefined, calls: readonly SystemCall[], isIt: (call: SystemCall) => boolean) {
  const found = calls.find((call) => isIt(call) && (earlier === undefined || call.startedAt > earlier.endedAt));
  expect(found).toBeDefined();
  return found;
}

const isTold = ({ name, text }: SystemCall) => /^(?:write|send)/.test(name) && text.includes("Berth serves on");
const isLog = ({ path }: SystemCall) => path.endsWith("/berth.db-wal");
const isUpload = ({ path }: SystemCall) => path.includes("/data/blobs/uploads/");

/** All that was committed before the answer is synced before the answer. */
function expectCommit(calls: readonly SystemCall[], status: number, earlier?: SystemCall): void {
  const commit = after(earlier, calls, (call) => isLog(call) && isWrite(call));
  const last = calls.findLast((call) => isLog(call) && isWrite(call));
  const sync = after(last, calls, (call) => isLog(call) && isSync(call));
  const answer = after(sync, calls, (call) => isAnswer(call, status));
  expect(commit).toBeDefined();
  expect(answer).toBeDefined();
}

/** The file is whole and synced, renamed, its folder synced: then the row, then the answer. `calls` also hold the bytes. */
function expectFile(calls: readonly SystemCall[], digest: string, size: number, status = 201): void {
  const [algorithm = "", hex = ""] = digest.split(":");
  const writes = calls.filter((call) => isUpload(call) && isWrite(call));
  expect(writes.reduce((sum, { result }) => sum + result, 0)).toBe(size);
  // A kill leaves a beginning, never a hole.
  for (const [i, { startedAt }] of writes.entries()) expect(startedAt).toBeGreaterThan(writes[i - 1]?.endedAt ?? -1);
  const lastWrite = writes.reduce((latest, call) => (call.endedAt > latest.endedAt ? call : latest));
  const sync = after(lastWrite, calls, (call) => isUpload(call) && isSync(call));
  const rename = after(sync, calls, (call) => call.name.startsWith("rename") && call.result === 0 && isUpload(call));
  const home = `/data/blobs/${algorithm}/${hex.slice(0, 2)}`;
  expect(rename?.text).toContain(`${home}/${hex}.`);
  const folderSync = after(rename, calls, (call) => isSync(call) && call.path.endsWith(home));
  expectCommit(calls, status, folderSync);
}

const isMade = ({ name, result }: SystemCall) => name.startsWith("mkdir") && result === 0;
const isShard = ({ path }: SystemCall) => /\/data\/blobs\/sha\d+\/..$/.test(path);

/** The folders that were `made` have their names synced before `then`. */
function expectNames(made: readonly SystemCall[], calls: readonly SystemCall[], then: SystemCall | undefined): void {
  for (const call of made) {
    const parent = dirname(call.path);
    const sync = calls.find((each) => isSync(each) && each.path === parent && each.startedAt > call.endedAt);
    expect({ path: call.path, isSynced: (sync?.endedAt ?? Infinity) < (then?.startedAt ?? 0) }).toEqual({
      path: call.path,
      isSynced: true,
    });
  }
}

describe("the trace of a push", () => {
  test(
    "shows what the first start made before the address is told",
    async () => {
      const calls = await traced.callsUntil(isTold);
      const made = calls.filter((call) => isMade(call) && !isShard(call));
      expect(made.length).toBeGreaterThan(3);
      expectNames(made, calls, calls.find(isTold));
    },
    patience,
  );

  test(
    "shows all folders of the store before the first file is placed in one of them",
    async () => {
      const bytes = contentOf(++seed, large);
      expect((await client.putWhole("trace", digestOf(bytes), bytes)).status).toBe(201);
      const calls = await traced.callsUntil((call) => isAnswer(call, 201));
      const made = calls.filter((call) => isMade(call) && isShard(call));
      expect(made.length).toBe(512);
      expectNames(
        made,
        calls,
        calls.find((call) => call.name.startsWith("rename") && isUpload(call)),
      );
    },
    patience,
  );

  test(
    "shows a small part that is kept without a sync, and a sync of all that was written with its last part",
    async () => {
      const bytes = contentOf(++seed, small);
      const { location } = await client.startUpload("trace");
      const part = await callsOf(202, () => client.patch(location, bytes, 0, small));
      expect(part.some((call) => isLog(call) && isWrite(call))).toBe(true);
      expect(part.filter((call) => isLog(call) && isSync(call))).toEqual([]);
      expectCommit(await callsOf(201, () => client.putUpload(location, digestOf(bytes), new Uint8Array())), 201);
    },
    patience,
  );

  test(
    "shows a small blob in the database",
    async () => {
      const bytes = contentOf(++seed, small);
      const { location } = await client.startUpload("trace");
      const calls = await callsOf(201, () => client.putUpload(location, digestOf(bytes), bytes));
      expect(calls.filter(isUpload)).toEqual([]);
      expectCommit(calls, 201);
    },
    patience,
  );

  test(
    "shows a small blob by POST ?digest=",
    async () => {
      const bytes = contentOf(++seed, small);
      expectCommit(await callsOf(201, () => client.putWhole("trace", digestOf(bytes), bytes)), 201);
    },
    patience,
  );

  test(
    "shows a large blob by POST ?digest=",
    async () => {
      const bytes = contentOf(++seed, large);
      const digest = digestOf(bytes);
      expectFile(await callsOf(201, () => client.putWhole("trace", digest, bytes)), digest, large);
    },
    patience,
  );

  for (const algorithm of ["sha256", "sha512"] as const) {
    test(
      `shows a large blob of ${algorithm} in one PUT`,
      async () => {
        const bytes = contentOf(++seed, large);
        const digest = digestOf(bytes, algorithm);
        const { location } = await client.startUpload("trace", algorithm);
        expectFile(await callsOf(201, () => client.putUpload(location, digest, bytes)), digest, large);
      },
      patience,
    );
  }

  for (const [first, name] of [
    [400_000, "a large blob in parts"],
    [5_000, "a blob whose first part was small"],
    [large, "a blob that was whole before its PUT"],
  ] as const) {
    test(
      `shows ${name}`,
      async () => {
        const bytes = contentOf(++seed, large);
        const digest = digestOf(bytes);
        const { location } = await client.startUpload("trace");
        await traced.mark();
        expect((await client.patch(location, bytes.slice(0, first), 0, first)).status).toBe(202);
        expect((await client.putUpload(location, digest, bytes.slice(first))).status).toBe(201);
        const calls = await traced.callsUntil((call) => isAnswer(call, 201));
        const answer = calls.findLast((call) => isAnswer(call, 201));
        expectFile(
          calls.filter(({ startedAt }) => startedAt <= (answer?.startedAt ?? 0)),
          digest,
          large,
        );
      },
      patience,
    );
  }

  test(
    "shows a manifest, a tag that moves, and their deletion",
    async () => {
      const config = contentOf(++seed, small);
      await callsOf(201, () => client.putWhole("trace", digestOf(config), config));
      const manifestOf = (note: string) =>
        new TextEncoder().encode(
          JSON.stringify({
            schemaVersion: 2,
            mediaType: imageType,
            config: { mediaType: "application/octet-stream", digest: digestOf(config), size: small },
            layers: [],
            annotations: { note },
          }),
        );
      const [first, second] = [manifestOf("first"), manifestOf("second")];
      expectCommit(await callsOf(201, () => client.putManifest("trace", "tag", imageType, first)), 201);
      expectCommit(await callsOf(201, () => client.putManifest("trace", "tag", imageType, second)), 201);
      expectCommit(await callsOf(202, () => client.deleteManifest("trace", "tag")), 202);
      expectCommit(await callsOf(202, () => client.deleteManifest("trace", digestOf(first))), 202);
    },
    patience,
  );

  test(
    "shows a mount and the deletion of a blob",
    async () => {
      const bytes = contentOf(++seed, small);
      const digest = digestOf(bytes);
      await callsOf(201, () => client.putWhole("trace", digest, bytes));
      expectCommit(await callsOf(201, () => client.mount("elsewhere", digest, "trace")), 201);
      expectCommit(await callsOf(202, () => client.deleteBlob("trace", digest)), 202);
    },
    patience,
  );

  for (const [size, what] of [
    [small, "small"],
    [large, "large"],
  ] as const) {
    test(
      `shows a v1 image with a ${what} layer: its JSON, layer, checksum and tag, also one that waits`,
      async () => {
        const id = Buffer.from(contentOf(++seed, 32)).toString("hex");
        const json = new TextEncoder().encode(JSON.stringify({ id, created: "2015-01-02T03:04:05Z" }));
        const layer = contentOf(seed, size);
        const put = (path: string, body?: Uint8Array<ArrayBuffer>, headers: Record<string, string> = {}) =>
          callsOf(200, () => client.ask("PUT", `/v1/${path}`, { headers, ...(body === undefined ? {} : { body }) }));
        const tag = new TextEncoder().encode(JSON.stringify(id));
        expectCommit(await put("repositories/trace/", new TextEncoder().encode(JSON.stringify([{ id }]))), 200);
        expectCommit(await put(`images/${id}/json`, json), 200);
        expectCommit(await put(`repositories/trace/tags/early-${what}`, tag), 200);
        const calls = await put(`images/${id}/layer`, layer);
        if (size === large) expectFile(calls, digestOf(layer), size, 200);
        else {
          expect(calls.filter(isUpload)).toEqual([]);
          expectCommit(calls, 200);
        }
        const headers = { "X-Docker-Checksum-Payload": payloadChecksum(json, layer) };
        expectCommit(await put(`images/${id}/checksum`, undefined, headers), 200);
        await callsOf(200, () => client.getManifest("trace", `early-${what}`));
        expectCommit(await put(`repositories/trace/tags/late-${what}`, tag), 200);
        const remove = () => client.ask("DELETE", `/v1/repositories/trace/tags/late-${what}`);
        expectCommit(await callsOf(200, remove), 200);
      },
      patience,
    );
  }
});
