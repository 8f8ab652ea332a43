// Blobs of /v2/, a row for each sentence of the spec.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readdir, rm, truncate } from "node:fs/promises";
import { join } from "node:path";
import { digestOf } from "#lib/digest";
import { openTestRegistry, type TestRegistry } from "#registry/testing";
import {
  type Ask,
  bytesFrom,
  bytesLike,
  check,
  type Expected,
  imageText,
  locationOf,
  openAsk,
  pushBlob,
  type Row,
} from "./testing.ts";

const small = bytesFrom("0123456789");
const large = bytesLike(1, 600_000);
const none = new Uint8Array();
const digest = digestOf(small);
const largeDigest = digestOf(large);
const emptyDigest = digestOf(none);
const longDigest = digestOf(small, "sha512");
const absent = digestOf(bytesFrom("absent"));
const at = `/v2/team/blobs/blobs/${digest}`;
const grace = 24 * 3_600_000;

let house: TestRegistry;
let ask: Ask;

beforeAll(async () => {
  house = await openTestRegistry({ store: "fs" });
  ask = openAsk(house.registry);
  for (const bytes of [small, large, none]) await pushBlob(ask, "team/blobs", bytes);
  await pushBlob(ask, "ubuntu", small);
  await pushBlob(ask, "team/other", bytesFrom("elsewhere"));
  await ask("POST", `/v2/team/blobs/blobs/uploads/?digest=${longDigest}`, { body: small });
});
afterAll(() => house.remove());

function kept(of: string): Record<string, string> {
  return {
    "docker-content-digest": of,
    etag: `"${of}"`,
    "accept-ranges": "bytes",
    "cache-control": "public, max-age=31536000, immutable",
  };
}

const whole: Expected = {
  status: 200,
  headers: { ...kept(digest), "content-type": "application/octet-stream" },
  text: "0123456789",
};
const unchanged: Expected = { status: 304, headers: kept(digest), text: "" };
const head: Expected = { ...whole, headers: { ...whole.headers, "content-length": "10" }, text: "" };
const outside: Expected = {
  status: 416,
  headers: { "content-range": "bytes */10" },
  codes: ["SIZE_INVALID"],
};
const part = (range: string, text: string): Expected => ({
  status: 206,
  headers: { ...whole.headers, "content-range": `bytes ${range}/10` },
  text,
});
const withRange = (range: string, more = {}) => ({ headers: { range, ...more } });

const pulls: readonly Row[] = [
  ["GET gives the bytes", "GET", at, {}, whole],
  ["HEAD answers as GET, with the length and no body", "HEAD", at, {}, head],
  [
    "a blob pushed by sha512 is served by sha512",
    "GET",
    `/v2/team/blobs/blobs/${longDigest}`,
    {},
    { ...whole, headers: { ...whole.headers, ...kept(longDigest) } },
  ],
  ["a name of one segment is in library", "GET", `/v2/library/ubuntu/blobs/${digest}`, {}, whole],
  ["library may be left out", "GET", `/v2/ubuntu/blobs/${digest}`, {}, whole],
  ["If-None-Match with the digest is 304", "GET", at, { headers: { "if-none-match": `"${digest}"` } }, unchanged],
  ["HEAD knows If-None-Match too", "HEAD", at, { headers: { "if-none-match": `"${digest}"` } }, unchanged],
  ["a weak tag matches", "GET", at, { headers: { "if-none-match": `W/"${digest}"` } }, unchanged],
  ["one of a list matches", "GET", at, { headers: { "if-none-match": `"x", "${digest}"` } }, unchanged],
  ["a star matches", "GET", at, { headers: { "if-none-match": "*" } }, unchanged],
  ["another tag does not match", "GET", at, { headers: { "if-none-match": `"${absent}"` } }, whole],
  ["a range", "GET", at, withRange("bytes=2-4"), part("2-4", "234")],
  ["the first byte", "GET", at, withRange("bytes=0-0"), part("0-0", "0")],
  ["an open range", "GET", at, withRange("bytes=7-"), part("7-9", "789")],
  ["a suffix", "GET", at, withRange("bytes=-3"), part("7-9", "789")],
  ["a suffix longer than the blob is the blob", "GET", at, withRange("bytes=-99"), part("0-9", "0123456789")],
  ["an end behind the blob is its end", "GET", at, withRange("bytes=8-99"), part("8-9", "89")],
  ["the unit is read in any case", "GET", at, withRange("Bytes=8-8"), part("8-8", "8")],
  ["a range behind the end is 416", "GET", at, withRange("bytes=10-"), outside],
  ["a suffix of nothing is 416", "GET", at, withRange("bytes=-0"), outside],
  ["a range that ends before it begins is 416", "GET", at, withRange("bytes=5-3"), outside],
  ["several ranges that are all outside are 416", "GET", at, withRange("bytes=10-,20-30"), outside],
  ["of several ranges those outside are left out", "GET", at, withRange("bytes=1-2,99-"), part("1-2", "12")],
  ["another unit is no range", "GET", at, withRange("lines=1-2"), whole],
  ["bad syntax is no range", "GET", at, withRange("bytes=1-x"), whole],
  ["ranges that together are more than the whole are no range", "GET", at, withRange("bytes=0-,0-"), whole],
  [
    "seventeen ranges are no range",
    "GET",
    at,
    withRange(`bytes=${Array.from({ length: 17 }, () => "0-0").join()}`),
    whole,
  ],
  ["HEAD knows no ranges", "HEAD", at, withRange("bytes=2-4"), head],
  ["If-Range with the digest", "GET", at, withRange("bytes=2-4", { "if-range": `"${digest}"` }), part("2-4", "234")],
  ["If-Range with another tag", "GET", at, withRange("bytes=2-4", { "if-range": `"${absent}"` }), whole],
  ["If-Range with a weak tag", "GET", at, withRange("bytes=2-4", { "if-range": `W/"${digest}"` }), whole],
  [
    "an empty blob is a blob",
    "GET",
    `/v2/team/blobs/blobs/${emptyDigest}`,
    {},
    { status: 200, headers: { ...whole.headers, ...kept(emptyDigest) }, text: "" },
  ],
  [
    "an empty blob has no range",
    "GET",
    `/v2/team/blobs/blobs/${emptyDigest}`,
    withRange("bytes=0-0"),
    { ...outside, headers: { "content-range": "bytes */0" } },
  ],
];

const refusals: readonly Row[] = [
  ["a blob that nobody pushed", "GET", `/v2/team/blobs/blobs/${absent}`, {}, { status: 404, codes: ["BLOB_UNKNOWN"] }],
  [
    "a blob of another repository",
    "GET",
    `/v2/team/other/blobs/${digest}`,
    {},
    { status: 404, codes: ["BLOB_UNKNOWN"] },
  ],
  ["a repository that is not", "GET", `/v2/team/none/blobs/${digest}`, {}, { status: 404, codes: ["NAME_UNKNOWN"] }],
  [
    "If-None-Match tells nothing about what is not there",
    "GET",
    `/v2/team/other/blobs/${digest}`,
    { headers: { "if-none-match": "*" } },
    { status: 404, codes: ["BLOB_UNKNOWN"] },
  ],
  ["a name in capitals", "GET", `/v2/Team/blobs/${digest}`, {}, { status: 400, codes: ["NAME_INVALID"] }],
  ["a digest that is too short", "GET", "/v2/team/x/blobs/sha256:12", {}, { status: 400, codes: ["DIGEST_INVALID"] }],
  ["no digest", "GET", "/v2/team/x/blobs/latest", {}, { status: 400, codes: ["DIGEST_INVALID"] }],
  [
    "an algorithm that is not stored",
    "GET",
    `/v2/team/x/blobs/blake3:${"a".repeat(64)}`,
    {},
    { status: 400, codes: ["DIGEST_INVALID"] },
  ],
  [
    "DELETE of what is not there",
    "DELETE",
    `/v2/team/blobs/blobs/${absent}`,
    {},
    { status: 404, codes: ["BLOB_UNKNOWN"] },
  ],
  [
    "DELETE in a repository that is not",
    "DELETE",
    `/v2/team/none/blobs/${digest}`,
    {},
    { status: 404, codes: ["NAME_UNKNOWN"] },
  ],
];

describe("pulling a blob", () => {
  for (const [sentence, method, target, parts, expected] of pulls)
    test(sentence, async () => check(await ask(method, target, parts), expected));

  test("several ranges come as multipart/byteranges", async () => {
    const seen = await ask("GET", at, withRange("bytes=0-1,-2"));
    const [, boundary = "?"] = /^multipart\/byteranges; boundary=(\S+)$/.exec(seen.headers["content-type"] ?? "") ?? [];
    const { "content-type": _, ...others } = seen.headers;
    const piece = (range: string, text: string) =>
      `\r\n--${boundary}\r\nContent-Type: application/octet-stream\r\nContent-Range: bytes ${range}/10\r\n\r\n${text}`;
    expect({ status: seen.status, headers: others }).toEqual({ status: 206, headers: kept(digest) });
    expect(seen.text).toBe(`${piece("0-1", "01")}${piece("8-9", "89")}\r\n--${boundary}--\r\n`);
  });

  test("a large blob comes whole, and in ranges that cross the parts in which it is read", async () => {
    expect((await ask("GET", `/v2/team/blobs/blobs/${largeDigest}`)).bytes).toEqual(large);
    const seen = await ask("GET", `/v2/team/blobs/blobs/${largeDigest}`, withRange("bytes=262143-524289"));
    expect(seen.headers["content-range"]).toBe("bytes 262143-524289/600000");
    expect(seen.bytes).toEqual(large.subarray(262143, 524290));
  });

  for (const [sentence, method, target, parts, expected] of refusals) {
    test(`refused: ${sentence}`, async () => check(await ask(method, target, parts), expected));
    if (method !== "GET") continue;
    test(`refused to HEAD, without a body: ${sentence}`, async () => {
      const seen = await ask("HEAD", target, parts);
      expect({ status: seen.status, text: seen.text }).toEqual({ status: expected.status, text: "" });
      expect(Number(seen.headers["content-length"])).toBeGreaterThan(10);
    });
  }
});

describe("deleting a blob", () => {
  test("removes it from its repository and from no other", async () => {
    const bytes = bytesFrom("to be deleted");
    const target = `blobs/${await pushBlob(ask, "delete/one", bytes)}`;
    await pushBlob(ask, "delete/two", bytes);
    check(await ask("DELETE", `/v2/delete/one/${target}`), { status: 202, text: "" });
    check(await ask("GET", `/v2/delete/one/${target}`), { status: 404, codes: ["BLOB_UNKNOWN"] });
    check(await ask("DELETE", `/v2/delete/one/${target}`), { status: 404, codes: ["BLOB_UNKNOWN"] });
    expect((await ask("GET", `/v2/delete/two/${target}`)).bytes).toEqual(bytes);
  });

  test("is refused while a manifest of the repository names it", async () => {
    const config = bytesFrom("{}");
    const target = `/v2/delete/used/blobs/${await pushBlob(ask, "delete/used", config)}`;
    const body = imageText(config, []);
    expect((await ask("PUT", "/v2/delete/used/manifests/latest", { body })).status).toBe(201);
    check(await ask("DELETE", target), { status: 405, headers: { allow: "GET, HEAD" }, codes: ["UNSUPPORTED"] });
    expect((await ask("GET", target)).status).toBe(200);
    await ask("DELETE", `/v2/delete/used/manifests/${digestOf(bytesFrom(body))}`);
    check(await ask("DELETE", target), { status: 202 });
  });
});

describe("the grace period of a blob that nothing names", () => {
  const linkOf = async (of: string) => {
    const [row] = await house.db.read<{ since: number | null }>(
      `select l.unreferenced_since as since from repository_blobs l join blobs b on b.id = l.blob_id where b.digest = ?`,
      of,
    );
    return row?.since;
  };

  for (const method of ["HEAD", "GET"]) {
    test(`begins anew with a ${method}, once a quarter of it has passed`, async () => {
      const pushed = await pushBlob(ask, "team/grace", bytesFrom(`grace of ${method}`));
      const target = `/v2/team/grace/blobs/${pushed}`;
      const before = house.now();
      house.pass(grace / 4);
      await ask(method, target);
      expect(await linkOf(pushed)).toBe(before);
      house.pass(1);
      await ask(method, target);
      expect(await linkOf(pushed)).toBe(house.now());
    });
  }

  test("begins anew with a push of the same bytes", async () => {
    const bytes = bytesFrom("pushed twice");
    const pushed = await pushBlob(ask, "team/grace", bytes);
    house.pass(1000);
    await pushBlob(ask, "team/grace", bytes);
    expect(await linkOf(pushed)).toBe(house.now());
  });

  test("is over when a manifest names it: a HEAD writes nothing then", async () => {
    const config = bytesFrom('{"grace":true}');
    const pushed = await pushBlob(ask, "team/grace", config);
    await ask("PUT", "/v2/team/grace/manifests/latest", { body: imageText(config, []) });
    house.pass(grace);
    await ask("HEAD", `/v2/team/grace/blobs/${pushed}`);
    expect(await linkOf(pushed)).toBeNull();
  });
});

describe("a blob whose file is not what it should be", () => {
  const fileOf = async (of: string) => {
    const [row] = await house.db.read<{ key: string }>("select storage_key as key from blobs where digest = ?", of);
    return join(house.blobsFolder, row?.key ?? "");
  };
  const damages = [
    ["cut short", (path: string) => truncate(path, 1000)],
    ["gone", (path: string) => rm(path)],
  ] as const;

  for (const [i, [word, damage]] of damages.entries()) {
    test(`is never served when it is ${word}, and heals when it is pushed again`, async () => {
      const bytes = bytesLike(10 + i, 50_000);
      const pushed = await pushBlob(ask, "team/damage", bytes);
      const target = `/v2/team/damage/blobs/${pushed}`;
      const path = await fileOf(pushed);
      await damage(path);
      check(await ask("GET", target), { status: 404, codes: ["BLOB_UNKNOWN"] });
      expect((await ask("HEAD", target)).status).toBe(404);
      const manifest = { body: imageText(bytes, []) };
      check(await ask("PUT", "/v2/team/damage/manifests/x", manifest), {
        status: 404,
        codes: ["MANIFEST_BLOB_UNKNOWN"],
      });
      await pushBlob(ask, "team/damage", bytes);
      expect((await ask("GET", target)).bytes).toEqual(bytes);
      expect((await readdir(join(path, ".."))).length).toBe(1);
      expect(await fileOf(pushed)).not.toBe(path);
    });
  }

  test("leaves no file behind when it heals as a row of the database", async () => {
    const bytes = bytesLike(12, 3000);
    const upload = locationOf(await ask("POST", "/v2/team/damage/blobs/uploads/"));
    await ask("PATCH", upload, { body: bytes });
    // Too much for a row, and wrong: what was right stays in a file.
    const wrong = await ask("PUT", `${upload}?digest=${digestOf(bytes)}`, { body: bytesLike(13, 20_000) });
    expect(wrong.status).toBe(400);
    expect((await ask("PUT", `${upload}?digest=${digestOf(bytes)}`)).status).toBe(201);
    const path = await fileOf(digestOf(bytes));
    await truncate(path, 10);
    const target = `/v2/team/damage/blobs/${digestOf(bytes)}`;
    check(await ask("GET", target), { status: 404, codes: ["BLOB_UNKNOWN"] });
    await pushBlob(ask, "team/damage", bytes);
    expect((await ask("GET", target)).bytes).toEqual(bytes);
    expect(await Bun.file(path).exists()).toBe(false);
  });
});
