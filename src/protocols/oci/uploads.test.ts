// Uploads of /v2/, a row for each sentence of the spec.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { digestOf } from "#lib/digest";
import { Fault } from "#lib/fault";
import { openTestRegistry, type TestRegistry } from "#registry/testing";
import {
  type Ask,
  bytesFrom,
  bytesLike,
  check,
  type Expected,
  locationOf,
  openAsk,
  pushBlob,
  type Row,
  type Seen,
} from "./testing.ts";

const name = "team/uploads";
const idle = 24 * 3_600_000;
const absent = digestOf(bytesFrom("absent"));
const invalidDigest: Expected = { status: 400, codes: ["DIGEST_INVALID"] };
const invalidName: Expected = { status: 400, codes: ["NAME_INVALID"] };
const invalidUpload: Expected = { status: 400, codes: ["BLOB_UPLOAD_INVALID"] };
const unknownUpload: Expected = { status: 404, codes: ["BLOB_UPLOAD_UNKNOWN"] };

let house: TestRegistry;
let ask: Ask;

beforeAll(async () => {
  house = await openTestRegistry({ store: "fs" });
  ask = openAsk(house.registry);
});
afterAll(() => house.remove());

/** Begins an upload; returns its path. */
async function begin(query = ""): Promise<string> {
  return locationOf(await ask("POST", `/v2/${name}/blobs/uploads/${query}`));
}

const patch = (path: string, body: Uint8Array, range?: string): Promise<Seen> =>
  ask("PATCH", path, { body, headers: range === undefined ? {} : { "content-range": range } });

const put = (path: string, digest: string, body?: Uint8Array, range?: string): Promise<Seen> =>
  ask("PUT", `${path}?digest=${digest}`, {
    ...(body === undefined ? {} : { body }),
    headers: range === undefined ? {} : { "content-range": range },
  });

const created = (digest: string): Expected => ({
  status: 201,
  headers: { location: `/v2/${name}/blobs/${digest}`, "docker-content-digest": digest },
  text: "",
});

function at(path: string, size: number, status: number): Expected {
  const id = path.slice(path.lastIndexOf("/") + 1);
  const range = `0-${Math.max(0, size - 1)}`;
  return { status, headers: { location: path, range, "docker-upload-uuid": id }, text: "" };
}

const wrongOffset = (path: string, size: number): Expected => ({
  status: 416,
  headers: { location: path, range: `0-${Math.max(0, size - 1)}` },
  codes: ["BLOB_UPLOAD_INVALID"],
});

async function pulled(digest: string): Promise<Uint8Array> {
  return (await ask("GET", `/v2/${name}/blobs/${digest}`)).bytes;
}

const posts: readonly Row[] = [
  ["POST with a digest that is none", "POST", `/v2/${name}/blobs/uploads/?digest=sha256:1`, {}, invalidDigest],
  [
    "POST with the digest of other bytes",
    "POST",
    `/v2/${name}/blobs/uploads/?digest=${absent}`,
    { body: "x" },
    invalidDigest,
  ],
  [
    "POST with an algorithm that is not stored",
    "POST",
    `/v2/${name}/blobs/uploads/?digest-algorithm=md5`,
    {},
    invalidDigest,
  ],
  ["POST with a name that is none", "POST", "/v2/Team/blobs/uploads/", {}, invalidName],
  ["mount of what is no digest", "POST", `/v2/${name}/blobs/uploads/?mount=x&from=team/a`, {}, invalidDigest],
  ["mount from what is no name", "POST", `/v2/${name}/blobs/uploads/?mount=${absent}&from=A`, {}, invalidName],
  ["GET of an upload that is none", "GET", `/v2/${name}/blobs/uploads/1234`, {}, unknownUpload],
  ["PATCH of an upload that is none", "PATCH", `/v2/${name}/blobs/uploads/1234`, { body: "x" }, unknownUpload],
  ["PUT of an upload that is none", "PUT", `/v2/${name}/blobs/uploads/1234?digest=${absent}`, {}, unknownUpload],
  ["DELETE of an upload that is none", "DELETE", `/v2/${name}/blobs/uploads/1234`, {}, unknownUpload],
];

describe("beginning an upload", () => {
  for (const [sentence, method, target, parts, expected] of posts)
    test(`refused: ${sentence}`, async () => check(await ask(method, target, parts), expected));

  test("POST gives a place, and says that any length of a part will do", async () => {
    const seen = await ask("POST", `/v2/${name}/blobs/uploads/`);
    const path = locationOf(seen);
    expect(path).toMatch(/^\/v2\/team\/uploads\/blobs\/uploads\/[0-9a-f]{48}$/);
    const { headers, ...others } = at(path, 0, 202);
    check(seen, { ...others, headers: { ...headers, "oci-chunk-min-length": "1" } });
    check(await ask("GET", path), at(path, 0, 204));
    check(await ask("HEAD", path), at(path, 0, 204));
  });

  test("POST without the last slash is the same", async () => {
    expect((await ask("POST", `/v2/${name}/blobs/uploads`)).status).toBe(202);
  });

  for (const algorithm of ["sha256", "sha512"] as const) {
    test(`POST with a ${algorithm} digest and the bytes is a push`, async () => {
      for (const bytes of [bytesFrom(algorithm), bytesLike(3, 70_000), new Uint8Array()]) {
        const digest = digestOf(bytes, algorithm);
        check(await ask("POST", `/v2/${name}/blobs/uploads/?digest=${digest}`, { body: bytes }), created(digest));
        expect(await pulled(digest)).toEqual(bytes);
      }
    });
  }

  test("a POST whose bytes were wrong leaves nothing", async () => {
    const before = await house.store.uploads.list();
    const body = bytesLike(4, 70_000);
    check(await ask("POST", `/v2/${name}/blobs/uploads/?digest=${absent}`, { body }), invalidDigest);
    check(await ask("POST", `/v2/team/nothing/blobs/uploads/?digest=${absent}`, { body }), invalidDigest);
    expect(await house.store.uploads.list()).toEqual(before);
  });

  test("the name is repeated as it was asked", async () => {
    const path = locationOf(await ask("POST", "/v2/library/alpine/blobs/uploads/"));
    expect(path).toStartWith("/v2/library/alpine/blobs/uploads/");
    const bytes = bytesFrom("alpine");
    const seen = await ask("PUT", `${path}?digest=${digestOf(bytes)}`, { body: bytes });
    expect(locationOf(seen)).toBe(`/v2/library/alpine/blobs/${digestOf(bytes)}`);
  });
});

const sizes: readonly (readonly [word: string, length: number])[] = [
  ["small", 100],
  ["large", 300_000],
];

describe("sending an upload", () => {
  for (const [word, length] of sizes) {
    const bytes = bytesLike(20, length);
    const half = length / 2;
    const [first, second] = [bytes.subarray(0, half), bytes.subarray(half)];
    const digest = digestOf(bytes);

    test(`a ${word} blob in one PUT`, async () => {
      check(await put(await begin(), digest, bytes), created(digest));
      expect(await pulled(digest)).toEqual(bytes);
    });

    test(`a ${word} blob in one PATCH without Content-Range, and a PUT without a body`, async () => {
      const path = await begin();
      check(await patch(path, bytes), at(path, length, 202));
      check(await ask("GET", path), at(path, length, 204));
      check(await put(path, digest), created(digest));
    });

    test(`a ${word} blob in two PATCHes with Content-Range`, async () => {
      const path = await begin();
      check(await patch(path, first, `0-${half - 1}`), at(path, half, 202));
      check(await patch(path, second, `${half}-${length - 1}`), at(path, length, 202));
      check(await put(path, digest), created(digest));
      expect(await pulled(digest)).toEqual(bytes);
    });

    test(`a ${word} blob in a PATCH and a PUT with the last part`, async () => {
      const path = await begin();
      check(await patch(path, first), at(path, half, 202));
      check(await put(path, digest, second, `${half}-${length - 1}`), created(digest));
      expect(await pulled(digest)).toEqual(bytes);
    });

    test(`a part of a ${word} blob at the wrong offset is told the right one`, async () => {
      const path = await begin();
      check(await patch(path, second, `${half}-${length - 1}`), wrongOffset(path, 0));
      await patch(path, first);
      check(await patch(path, first, `0-${half - 1}`), wrongOffset(path, half));
      check(await patch(path, second, `${half + 1}-${length}`), wrongOffset(path, half));
      check(await put(path, digest, second, `0-${half - 1}`), wrongOffset(path, half));
      check(await ask("GET", path), at(path, half, 204));
      check(await put(path, digest, second), created(digest));
    });

    test(`a ${word} blob of the wrong digest is refused, and can be tried again`, async () => {
      const path = await begin();
      check(await put(path, absent, bytes), invalidDigest);
      check(await ask("GET", path), at(path, 0, 204));
      await patch(path, first);
      check(await put(path, absent, second), invalidDigest);
      check(await ask("GET", path), at(path, half, 204));
      check(await put(path, digest, second), created(digest));
      expect(await pulled(digest)).toEqual(bytes);
    });

    test(`a PUT of a ${word} blob that is repeated is answered again, whatever comes with it`, async () => {
      const path = await begin();
      check(await put(path, digest, bytes), created(digest));
      check(await put(path, digest, bytes), created(digest));
      check(await put(path, digest), created(digest));
      check(await put(path, absent, bytes), unknownUpload);
    });

    test(`an upload of a ${word} blob that has ended is unknown`, async () => {
      const path = await begin();
      await put(path, digest, bytes);
      check(await ask("GET", path), unknownUpload);
      check(await patch(path, first), unknownUpload);
      check(await ask("DELETE", path), unknownUpload);
    });

    test(`DELETE ends an upload of a ${word} blob and frees its bytes`, async () => {
      const path = await begin();
      await patch(path, bytes);
      check(await ask("DELETE", path), { status: 204, text: "" });
      expect(await house.store.uploads.list()).not.toContain(path.slice(path.lastIndexOf("/") + 1));
      check(await ask("GET", path), unknownUpload);
      check(await patch(path, first), unknownUpload);
      check(await put(path, digest, bytes), unknownUpload);
      check(await ask("DELETE", path), unknownUpload);
    });

    test(`an upload of a ${word} blob is unknown in another repository`, async () => {
      const path = await begin();
      await patch(path, first);
      const elsewhere = path.replace(name, "team/elsewhere");
      check(await ask("GET", elsewhere), unknownUpload);
      check(await patch(elsewhere, second), unknownUpload);
      check(await put(elsewhere, digest, second), unknownUpload);
      check(await ask("DELETE", elsewhere), unknownUpload);
      check(await ask("GET", path), at(path, half, 204));
    });

    test(`an upload of a ${word} blob whose client went away goes on where it stopped`, async () => {
      const path = await begin();
      await patch(path, first);
      const seen = await ask("PATCH", path, { body: broken(second.subarray(0, half / 2)) });
      check(seen, { status: 400, codes: ["UNSUPPORTED"] });
      const { headers } = await ask("GET", path);
      const [, last = ""] = /^0-(\d+)$/.exec(headers["range"] ?? "") ?? [];
      const offset = Number(last) + 1;
      expect([half, half * 1.5]).toContain(offset);
      check(await put(path, digest, bytes.subarray(offset), `${offset}-${length - 1}`), created(digest));
      expect(await pulled(digest)).toEqual(bytes);
    });

    test(`a PUT of a ${word} blob whose client went away changes nothing`, async () => {
      const path = await begin();
      await patch(path, first);
      const seen = await ask("PUT", `${path}?digest=${digest}`, { body: broken(second) });
      check(seen, { status: 400, codes: ["UNSUPPORTED"] });
      check(await ask("GET", path), at(path, half, 204));
      check(await put(path, digest, second), created(digest));
    });

    test(`an upload of a ${word} blob that is idle too long ends, and one that goes on does not`, async () => {
      const [path, touched] = [await begin(), await begin()];
      await patch(path, first);
      await patch(touched, first);
      house.pass(idle - 1000);
      await patch(touched, new Uint8Array([1]));
      check(await ask("GET", path), at(path, half, 204));
      house.pass(1001);
      await house.registry.expireUploads();
      check(await ask("GET", path), unknownUpload);
      check(await put(path, digest, second), unknownUpload);
      check(await ask("GET", touched), at(touched, half + 1, 204));
      expect(await house.store.uploads.list()).not.toContain(path.slice(path.lastIndexOf("/") + 1));
    });
  }

  test("a small upload that grows large keeps what it had when its last part is wrong", async () => {
    const bytes = bytesLike(21, 100_000);
    const path = await begin();
    await patch(path, bytes.subarray(0, 10));
    check(await put(path, absent, bytes.subarray(10)), invalidDigest);
    check(await ask("GET", path), at(path, 10, 204));
    check(await put(path, digestOf(bytes), bytes.subarray(10)), created(digestOf(bytes)));
    expect(await pulled(digestOf(bytes))).toEqual(bytes);
  });

  test("an upload that has no bytes yet ends too", async () => {
    const path = await begin();
    check(await ask("DELETE", path), { status: 204, text: "" });
    check(await patch(path, bytesFrom("x")), unknownUpload);
    const late = await begin();
    house.pass(idle + 1);
    check(await ask("GET", late), unknownUpload);
    check(await patch(late, bytesFrom("x")), unknownUpload);
  });

  test("an empty part is a part", async () => {
    const path = await begin();
    check(await patch(path, new Uint8Array()), at(path, 0, 202));
    check(await put(path, digestOf(new Uint8Array())), created(digestOf(new Uint8Array())));
  });

  const ranges = ["0", "a-b", "4-0", "0-", "-4", "0-9, 10-19", "0-99999999999999999999", "bytes=0-8"];
  for (const range of ranges) {
    test(`a Content-Range of "${range}" over five bytes is refused`, async () => {
      const path = await begin();
      check(await patch(path, bytesFrom("12345"), range), invalidUpload);
      check(await put(path, absent, bytesFrom("12345"), range), invalidUpload);
      check(await ask("GET", path), at(path, 0, 204));
    });
  }

  for (const range of ["0-4", "bytes 0-4/5", "bytes 0-4/*", "bytes=0-4"]) {
    test(`a Content-Range of "${range}" over five bytes is taken`, async () => {
      const path = await begin();
      check(await patch(path, bytesFrom("12345"), range), at(path, 5, 202));
    });
  }

  for (const query of ["", "?digest=", "?digest=sha256:12", `?digest=md5:${"a".repeat(32)}`]) {
    test(`a PUT with "${query}" is refused, and the upload goes on`, async () => {
      const path = await begin();
      await patch(path, bytesFrom("12345"));
      check(await ask("PUT", `${path}${query}`), invalidDigest);
      check(await ask("GET", path), at(path, 5, 204));
    });
  }

  for (const [asked, used] of [
    ["sha512", "sha512"],
    ["sha512", "sha256"],
    ["sha256", "sha512"],
  ] as const) {
    test(`an upload begun for ${asked} can end with a ${used} digest`, async () => {
      const bytes = bytesLike(22, 80_000);
      const path = await begin(`?digest-algorithm=${asked}`);
      await patch(path, bytes.subarray(0, 50_000));
      await patch(path, bytes.subarray(50_000, 60_000));
      const digest = digestOf(bytes, used);
      check(await put(path, digest, bytes.subarray(60_000)), created(digest));
      expect(await pulled(digest)).toEqual(bytes);
    });
  }
});

async function* pieces(part: Uint8Array): AsyncGenerator<Uint8Array> {
  yield part;
  throw new Fault("invalid", "request", "the client went away before the body was complete");
}

/** A body whose client goes away behind `part`. */
function broken(part: Uint8Array) {
  return { [Symbol.asyncIterator]: () => pieces(part), stop: () => undefined };
}

describe("a restart", () => {
  for (const [word, length] of sizes) {
    test(`leaves an upload of a ${word} blob at its offset`, async () => {
      const bytes = bytesLike(30, length);
      const path = await begin();
      await patch(path, bytes.subarray(0, length / 2));
      house = await house.restart();
      ask = openAsk(house.registry);
      check(await ask("GET", path), at(path, length / 2, 204));
      check(await put(path, digestOf(bytes), bytes.subarray(length / 2)), created(digestOf(bytes)));
      expect(await pulled(digestOf(bytes))).toEqual(bytes);
    });
  }

  test("removes bytes that no upload knows", async () => {
    await house.store.uploads.append("stray0001", "sha256", 0, pieces(bytesFrom("stray"))).catch(() => undefined);
    expect(await house.store.uploads.list()).toContain("stray0001");
    house = await house.restart();
    ask = openAsk(house.registry);
    expect(await house.store.uploads.list()).not.toContain("stray0001");
  });
});

describe("mounting a blob", () => {
  const bytes = bytesFrom("to be mounted");
  const digest = digestOf(bytes);
  const mount = (query: string) => ask("POST", `/v2/${name}/blobs/uploads/?${query}`);
  beforeAll(() => pushBlob(ask, "team/source", bytes));

  test("from a repository that does not hold it, or is not, begins an upload", async () => {
    for (const from of ["team/empty", name, "team/none"]) {
      const seen = await mount(`mount=${digest}&from=${from}`);
      const { headers, ...others } = at(locationOf(seen), 0, 202);
      check(seen, { ...others, headers: { ...headers, "oci-chunk-min-length": "1" } });
      check(await put(locationOf(seen), absent), invalidDigest);
    }
    check(await ask("GET", `/v2/${name}/blobs/${digest}`), { status: 404, codes: ["BLOB_UNKNOWN"] });
  });

  test("of bytes that nobody has begins an upload, also without from", async () => {
    expect((await mount(`mount=${absent}`)).status).toBe(202);
  });

  test("with from links it", async () => {
    check(await mount(`mount=${digest}&from=team/source`), created(digest));
    expect(await pulled(digest)).toEqual(bytes);
    await ask("DELETE", `/v2/${name}/blobs/${digest}`);
  });

  test("without from finds it", async () => {
    check(await mount(`mount=${digest}`), created(digest));
    expect(await pulled(digest)).toEqual(bytes);
  });
});
