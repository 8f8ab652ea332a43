// Images in the open mode: pushed in any order, read whole and in part, and kept by caches.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { openTestRegistry, type TestRegistry } from "#registry/testing";
import {
  type Ask,
  cached,
  expectError,
  idOf,
  imageJson,
  inAYear,
  octets,
  openAsk,
  payloadOf,
  pushImage,
} from "./testing.ts";

const base = idOf("a");
const child = idOf("b");
const arriving = idOf("c");
const absent = idOf("d");
const layer = Uint8Array.from({ length: 1000 }, (_, i) => i * 7);
let house: TestRegistry;
let ask: Ask;

beforeAll(async () => {
  house = await openTestRegistry();
  ask = openAsk(house);
  await pushImage(ask, base);
  await pushImage(ask, child, { parent: base, layer });
  await ask("PUT", `/v1/images/${arriving}/json`, { body: imageJson(arriving) });
});
afterAll(() => house.remove());

describe("an image", () => {
  test("has JSON, byte for byte, with what is known of its layer", async () => {
    const json = imageJson(child, base);
    const { status, headers, text } = await ask("GET", `/v1/images/${child}/json`);
    expect({ status, text }).toEqual({ status: 200, text: json });
    const checksum = `X-Docker-Payload-Checksum: ${payloadOf(json, layer)}`;
    const rest = ["X-Docker-Size: 1000", "Content-Type: application/json", `Content-Length: ${json.length}`];
    expect([...headers]).toEqual([checksum, ...cached, ...rest]);
  });

  test("has its ancestry, newest first", async () => {
    const { headers, text } = await ask("GET", `/v1/images/${child}/ancestry`);
    expect(text).toBe(`["${child}", "${base}"]`);
    expect([...headers]).toEqual([...cached, "Content-Type: application/json", `Content-Length: ${text.length}`]);
    expect((await ask("GET", `/v1/images/${base}/ancestry`)).text).toHaveLength(68);
  });

  test("lists the members of its layer, or says that it cannot", async () => {
    expect((await ask("GET", `/v1/images/${base}/files`)).text).toBe("[]");
    expectError(await ask("GET", `/v1/images/${child}/files`), 400, "Layer format not supported");
    expectError(await ask("GET", `/v1/images/${base}/diff`), 400, "Diff queue is disabled");
  });

  test("answers HEAD as GET, without the body", async () => {
    for (const path of [
      `${child}/json`,
      `${child}/layer`,
      `${child}/ancestry`,
      `${absent}/json`,
      `${arriving}/layer`,
    ]) {
      const seen = await ask("GET", `/v1/images/${path}`);
      const head = await ask("HEAD", `/v1/images/${path}`);
      expect([head.status, ...head.headers]).toEqual([seen.status, ...seen.headers]);
      expect(head.bytes).toHaveLength(0);
    }
  });

  test("that somebody has already is not sent again, whenever it came", async () => {
    for (const since of ["Thu, 01 Jan 1970 00:00:00 GMT", "nonsense"]) {
      const headers = { "if-modified-since": since };
      for (const part of ["json", "layer", "ancestry", "files", "diff"]) {
        const { status, headers: got, bytes } = await ask("GET", `/v1/images/${child}/${part}`, { headers });
        expect({ status, got: [...got] }).toEqual({
          status: 304,
          got: [inAYear, "Cache-Control: public, max-age=31536000"],
        });
        expect(bytes).toHaveLength(0);
        expectError(await ask("GET", `/v1/images/${absent}/${part}`, { headers }), 404, "Image not found");
        const words = "Image is being uploaded, retry later";
        expectError(await ask("GET", `/v1/images/${arriving}/${part}`, { headers }), 400, words);
      }
    }
    const headers = { "if-none-match": "*" };
    expect((await ask("GET", `/v1/images/${child}/json`, { headers })).status).toBe(200);
  });

  test("whose id is none is not there, whatever is asked", async () => {
    for (const id of ["x", "A".repeat(64), "a".repeat(63), "a".repeat(15), "g".repeat(16), "%61".repeat(3)]) {
      for (const [method, part] of [
        ["GET", "json"],
        ["GET", "layer"],
        ["GET", "ancestry"],
        ["GET", "files"],
        ["GET", "diff"],
        ["PUT", "json"],
        ["PUT", "layer"],
        ["PUT", "checksum"],
      ] as const)
        expectError(await ask(method, `/v1/images/${id}/${part}`), 404, "Invalid image ID");
    }
  });

  const mistakes: readonly (readonly [body: string, words: string])[] = [
    ["", "Invalid JSON"],
    ["{", "Invalid JSON"],
    ["[]", "Invalid JSON"],
    ["{}", "Invalid JSON"],
    ['"x"', "Invalid JSON"],
    ['{"a": 1}', "Missing key `id' in JSON"],
    [`{"id": "${base}"}`, "JSON data contains invalid id"],
    [`{"id": "${absent}", "parent": "${idOf("e")}"}`, "Image depends on a non existing parent"],
  ];
  for (const [body, words] of mistakes) {
    test(`cannot be begun with ${body.slice(0, 20)}: ${words}`, async () => {
      for (const type of ["application/json", "application/x-www-form-urlencoded", "multipart/form-data"]) {
        const headers = { "content-type": type };
        expectError(await ask("PUT", `/v1/images/${absent}/json`, { body, headers }), 400, words);
      }
    });
  }

  test("with JSON of more than a mebibyte is too large", async () => {
    const body = `{"id": "${absent}", "x": "${"x".repeat(1024 * 1024)}"}`;
    expect((await ask("PUT", `/v1/images/${absent}/json`, { body })).status).toBe(413);
  });

  test("that is complete stays as it is", async () => {
    const body = imageJson(child, base);
    expectError(await ask("PUT", `/v1/images/${child}/json`, { body }), 409, "Image already exists");
    const headers = { "x-docker-checksum": "sha256:a" };
    expectError(await ask("PUT", `/v1/images/${child}/checksum`, { headers }), 409, "Cannot set this image checksum");
  });

  test("that is still arriving can be begun again, and is not read before its checksum fits", async () => {
    const id = idOf("f");
    const json = imageJson(id);
    const put = (part: string, body?: string | Uint8Array, headers = {}) =>
      ask("PUT", `/v1/images/${id}/${part}`, { ...(body === undefined ? {} : { body }), headers });
    expectError(await put("layer", layer), 404, "Image not found");
    expectError(await put("checksum", undefined, { "x-docker-checksum": "sha256:a" }), 404, "Image not found");
    for (let i = 0; i < 2; i++) expect((await put("json", json)).text).toBe("true");
    const checksum = { "x-docker-checksum-payload": payloadOf(json, layer) };
    expectError(await put("checksum", undefined, checksum), 400, "Checksum mismatch");
    for (let i = 0; i < 2; i++) expect((await put("layer", layer)).text).toBe("true");
    expectError(await put("checksum"), 400, "Missing Image's checksum");
    expectError(await put("checksum", undefined, { "x-docker-checksum": "" }), 400, "Missing Image's checksum");
    expectError(await put("checksum", undefined, { "x-docker-checksum": "sha256:a" }), 400, "Checksum mismatch");
    expectError(await ask("GET", `/v1/images/${id}/json`), 400, "Image is being uploaded, retry later");
    const both = { ...checksum, "x-docker-checksum": "tarsum+sha256:wrong" };
    expect((await put("checksum", undefined, both)).text).toBe("true");
    expect((await ask("GET", `/v1/images/${id}/json`)).text).toBe(json);
  });

  test("of Docker 0.5 is complete with its layer, whose checksum came ahead", async () => {
    const id = "0123456789abcdef";
    const json = imageJson(id);
    const begin = (checksum: string) =>
      ask("PUT", `/v1/images/${id}/json`, { body: json, headers: { "x-docker-checksum": checksum } });
    expectError(await begin("nonsense"), 400, "Invalid checksum format");
    expect((await begin("sha256:wrong")).text).toBe("true");
    const mismatch = await ask("PUT", `/v1/images/${id}/layer`, { body: layer });
    expectError(mismatch, 400, "Checksum mismatch, ignoring the layer");
    expect((await begin(payloadOf(json, layer))).text).toBe("true");
    expect((await ask("PUT", `/v1/images/${id}/layer`, { body: layer })).text).toBe("true");
    expect((await ask("GET", `/v1/images/${id}/json`)).text).toBe(json);
  });
});

describe("a range of a layer", () => {
  const parts: readonly (readonly [range: string, start: number, end: number])[] = [
    ["bytes=0-0", 0, 1],
    ["bytes=0-9", 0, 10],
    ["bytes=10-", 10, 1000],
    ["bytes=990-1000", 990, 1000],
    ["bytes=990-5000", 990, 1000],
    ["bytes=999-1000", 999, 1000],
  ];
  for (const [range, start, end] of parts) {
    test(`${range} is clamped to ${start}-${end - 1}`, async () => {
      const { status, reason, headers, bytes } = await ask("GET", `/v1/images/${child}/layer`, { headers: { range } });
      expect(`${status} ${reason}`).toBe("206 PARTIAL CONTENT");
      const placed = `Content-Range: bytes ${start}-${end - 1}/1000`;
      const expected = [`Content-Length: ${end - start}`, "Accept-Ranges: bytes", placed, ...cached, octets];
      expect([...headers]).toEqual(expected);
      expect(Buffer.compare(bytes, layer.subarray(start, end))).toBe(0);
    });
  }

  for (const range of [
    "bytes=-5",
    "bytes=0-1,5-6",
    "bytes=5-2",
    "lines=0-1",
    "bytes=a-b",
    "bytes=",
    "0-5",
    "bytes= 0-5",
  ]) {
    test(`${range} is not understood, and all is sent`, async () => {
      const { status, bytes } = await ask("GET", `/v1/images/${child}/layer`, { headers: { range } });
      expect({ status, length: bytes.byteLength }).toEqual({ status: 200, length: 1000 });
    });
  }

  for (const range of ["bytes=1000-1000", "bytes=1000-", "bytes=5000-6000", "bytes=9999999999999999-"]) {
    test(`${range} lies outside, and nothing is sent`, async () => {
      const { status, reason, headers, bytes } = await ask("GET", `/v1/images/${child}/layer`, { headers: { range } });
      expect(`${status} ${reason}`).toBe("416 REQUESTED RANGE NOT SATISFIABLE");
      expect([...headers]).toEqual(["Content-Length: 0", "Accept-Ranges: bytes", ...cached, octets]);
      expect(bytes).toHaveLength(0);
    });
  }

  test("is for GET, and for who names no version", async () => {
    const range = "bytes=0-9";
    expect((await ask("HEAD", `/v1/images/${child}/layer`, { headers: { range } })).status).toBe(200);
    const headers = { range, "if-range": '"x"' };
    expect((await ask("GET", `/v1/images/${child}/layer`, { headers })).status).toBe(200);
  });
});
