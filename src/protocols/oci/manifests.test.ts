// Manifests of /v2/, a row for each sentence of the spec.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { digestOf } from "#lib/digest";
import { dockerList, dockerManifest, ociIndex, ociManifest } from "#lib/media-type";
import { incomingOf } from "#lib/stream";
import { openTestRegistry, type TestRegistry } from "#registry/testing";
import {
  type Ask,
  bytesFrom,
  check,
  descriptor,
  type Expected,
  imageText,
  openAsk,
  pushBlob,
  pushImage,
} from "./testing.ts";

const name = "team/manifests";
const config = bytesFrom('{"architecture":"amd64"}');
const layer = bytesFrom("a layer");
const lost = [bytesFrom("lost one"), bytesFrom("lost two")] as const;
const image = imageText(config, [layer]);
const digest = digestOf(bytesFrom(image));
const absent = digestOf(bytesFrom("absent"));
const unknown: Expected = { status: 404, codes: ["MANIFEST_UNKNOWN"] };
const unknownName: Expected = { status: 404, codes: ["NAME_UNKNOWN"] };
const invalid: Expected = { status: 400, codes: ["MANIFEST_INVALID"] };
const invalidDigest: Expected = { status: 400, codes: ["DIGEST_INVALID"] };

let house: TestRegistry;
let ask: Ask;

beforeAll(async () => {
  house = await openTestRegistry();
  ask = openAsk(house.registry);
  for (const bytes of [config, layer]) await pushBlob(ask, name, bytes);
  await put("latest", image);
});
afterAll(() => house.remove());

function put(reference: string, body: string | Uint8Array, contentType?: string) {
  const headers: Record<string, string> = contentType === undefined ? {} : { "content-type": contentType };
  return ask("PUT", `/v2/${name}/manifests/${reference}`, { body, headers });
}

const get = (reference: string, headers = {}) => ask("GET", `/v2/${name}/manifests/${reference}`, { headers });

function created(body: string | Uint8Array, more: Readonly<Record<string, string>> = {}): Expected {
  const of = digestOf(typeof body === "string" ? bytesFrom(body) : body);
  return {
    status: 201,
    headers: { location: `/v2/${name}/manifests/${of}`, "docker-content-digest": of, ...more },
    text: "",
  };
}

function served(body: string, contentType: string): Expected {
  const of = digestOf(bytesFrom(body));
  return {
    status: 200,
    headers: { "content-type": contentType, "docker-content-digest": of, etag: `"${of}"` },
    text: body,
  };
}

const custom = "application/vnd.example.thing.v3+json";
const childOf = (bytes: string, mediaType = ociManifest) => descriptor(mediaType, bytesFrom(bytes));
const json = (value: object) => JSON.stringify(value);
const foreign = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
const nondistributable = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip";

/** What may be pushed: with which Content-Type, and the one with which it is served. */
const accepted: readonly (readonly [sentence: string, body: string, sent: string | undefined, served: string])[] = [
  ["an OCI image", image, ociManifest, ociManifest],
  ["an OCI image without a Content-Type", image, undefined, ociManifest],
  ["an OCI image as plain JSON", image, "application/json", ociManifest],
  ["an OCI image whose Content-Type has parameters", image, `${ociManifest}; charset=utf-8`, ociManifest],
  ["an image without mediaType", imageText(config, [layer], { mediaType: undefined }), undefined, ociManifest],
  ["bytes that no encoder would write", ` \n${image.replaceAll(`":`, `" : `)}\t`, ociManifest, ociManifest],
  ["fields that nobody knows", imageText(config, [layer], { future: [1, { x: null }] }), ociManifest, ociManifest],
  ["a Docker image", imageText(config, [layer], { mediaType: dockerManifest }), dockerManifest, dockerManifest],
  ["an OCI index", json({ schemaVersion: 2, mediaType: ociIndex, manifests: [childOf(image)] }), ociIndex, ociIndex],
  ["an empty OCI index", json({ schemaVersion: 2, manifests: [] }), undefined, ociIndex],
  [
    "a Docker list",
    json({ schemaVersion: 2, mediaType: dockerList, manifests: [childOf(image)] }),
    dockerList,
    dockerList,
  ],
  ["an artifact", imageText(config, [], { artifactType: "application/vnd.example.sbom" }), ociManifest, ociManifest],
  ["any JSON with descriptors", json({ mediaType: custom, blobs: [descriptor("text/plain", layer)] }), custom, custom],
  ["any JSON without descriptors", json({ anything: true }), custom, custom],
  ...[foreign, nondistributable].map(
    (type) =>
      [
        `a layer of ${type} that nobody pushed`,
        imageText(config, [], { layers: [{ ...descriptor(type, lost[0]), urls: ["https://example.com/layer"] }] }),
        ociManifest,
        ociManifest,
      ] as const,
  ),
];

const bodies: readonly (readonly [sentence: string, body: string | Uint8Array])[] = [
  ["nothing", ""],
  ["no JSON", "{"],
  ["JSON that is no object", "[]"],
  ["a number", "2"],
  ["no UTF-8", new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])],
  ["a hundred thousand brackets", "[".repeat(100_000)],
  ["65 levels", `{"a":${"[".repeat(64)}${"]".repeat(64)}}`],
  ["nothing that says what it is", "{}"],
  ["an image of schemaVersion 3", imageText(config, [layer], { schemaVersion: 3 })],
  ["an image without a config", imageText(config, [layer], { config: undefined })],
  ["an image with manifests", imageText(config, [layer], { manifests: [] })],
  ["an index with layers", json({ schemaVersion: 2, mediaType: ociIndex, manifests: [], layers: [] })],
  ["an index without manifests", json({ schemaVersion: 2, mediaType: ociIndex })],
  ["layers that are no list", imageText(config, [], { layers: {} })],
  ["a layer that is no descriptor", imageText(config, [], { layers: ["x"] })],
  ["a layer without a digest", imageText(config, [], { layers: [{ size: 1 }] })],
  ["a layer whose digest is none", imageText(config, [], { layers: [{ digest: "sha256:1", size: 1 }] })],
  ["a layer whose size is negative", imageText(config, [], { layers: [{ digest: absent, size: -1 }] })],
  ["a subject that is no descriptor", imageText(config, [layer], { subject: absent })],
  ["a mediaType that is no text", imageText(config, [layer], { mediaType: 1 })],
  ["an artifact type that is no text of any database", imageText(config, [layer], { artifactType: "a\0b" })],
  ["one name twice", `{"schemaVersion":2,"manifests":[],"manifests":[]}`],
  [
    "more digests than 10,000",
    json({
      schemaVersion: 2,
      manifests: Array.from({ length: 10_001 }, (_, i) => descriptor(ociManifest, bytesFrom(`${i}`))),
    }),
  ],
  ["annotations that are no texts", imageText(config, [layer], { annotations: { a: 1 } })],
];

describe("pushing a manifest", () => {
  for (const [sentence, body, sent, mediaType] of accepted) {
    test(`${sentence} is kept byte for byte, by tag and by digest`, async () => {
      const of = digestOf(bytesFrom(body));
      check(await put("kept", body, sent), created(body));
      check(await get("kept"), served(body, mediaType));
      check(await put(of, body, sent), created(body));
      check(await get(of), served(body, mediaType));
    });
  }

  for (const [sentence, body] of bodies)
    test(`refused: ${sentence}`, async () => check(await put("refused", body), invalid));

  test("a Content-Type that is not the manifest's own is refused", async () => {
    check(await put("refused", image, ociIndex), invalid);
    check(await put("refused", image, "nonsense"), invalid);
  });

  for (const type of ["text/plain", "application/octet-stream", "application/vnd.oci.image.layer.v1.tar+gzip"]) {
    test(`${type} is no type of a manifest`, async () => {
      check(await put("refused", image, type), { status: 415, codes: ["MANIFEST_INVALID"] });
    });
  }

  for (const [mediaType, status] of [
    ["text/html", 415],
    ["application/vnd.oci.image.layer.v1.tar", 415],
    ["a/b+json\r\nX-Evil: yes", 400],
    ["\u4e2d/\u6587+json", 400],
  ] as const) {
    test(`plain JSON whose own mediaType is ${JSON.stringify(mediaType)} is refused: it would be served as that`, async () => {
      const body = json({ schemaVersion: 2, mediaType, anything: true });
      check(await put("refused", body, "application/json"), { status, codes: ["MANIFEST_INVALID"] });
      check(await get("refused"), unknown);
    });
  }

  for (const type of ["json", "prettyjws"]) {
    test(`schema 1 as ${type} is refused with a sentence that says what to do`, async () => {
      const body = json({ schemaVersion: 1, name, tag: "old", fsLayers: [], history: [] });
      const seen = await put("old", body, `application/vnd.docker.distribution.manifest.v1+${type}`);
      check(seen, invalid);
      expect(seen.text).toContain("push the image with Docker 1.10 or later");
    });
  }

  test("of another digest is refused", async () => check(await put(absent, image), invalidDigest));

  test("by sha512 is served by sha512", async () => {
    const of = digestOf(bytesFrom(image), "sha512");
    expect((await put(of, image)).headers["docker-content-digest"]).toBe(of);
    expect((await get(of)).headers["docker-content-digest"]).toBe(of);
  });

  test("by digest sets the tags that are asked for, and says so", async () => {
    check(await put(`${digest}?tag=one&tag=two`, image), created(image, { "oci-tag": "one, two" }));
    for (const tag of ["one", "two"]) check(await get(tag), served(image, ociManifest));
  });

  test("a tag that is none is refused, and so are too many", async () => {
    const tags = Array.from({ length: 65 }, (_, i) => `tag=t${i}`).join("&");
    for (const reference of [`${digest}?tag=-x`, `${digest}?${tags}`, ".hidden", "a".repeat(129)])
      check(await put(reference, image), invalid);
    check(await get("t0"), unknown);
    check(await put("a".repeat(128), image), created(image));
  });

  test("with a subject says that it is known as a referrer, also before its subject is there", async () => {
    const body = imageText(config, [layer], { subject: { mediaType: ociManifest, digest: absent, size: 6 } });
    check(await put(digestOf(bytesFrom(body)), body), created(body, { "oci-subject": absent }));
  });

  test("that names blobs that are not there is refused, each named", async () => {
    const seen = await put("lost", imageText(config, [lost[0], layer, lost[1], lost[0]]));
    check(seen, { status: 404, codes: ["MANIFEST_BLOB_UNKNOWN", "MANIFEST_BLOB_UNKNOWN"] });
    for (const bytes of lost) expect(seen.text).toContain(`{"digest":"${digestOf(bytes)}"}`);
    check(await get("lost"), unknown);
  });

  test("that names blobs of another repository is refused, and makes no repository", async () => {
    const seen = await ask("PUT", "/v2/team/other/manifests/latest", { body: image });
    check(seen, { status: 404, codes: ["MANIFEST_BLOB_UNKNOWN", "MANIFEST_BLOB_UNKNOWN"] });
    check(await ask("GET", "/v2/team/other/tags/list"), unknownName);
  });

  test("an index that names a manifest that is not there is refused", async () => {
    const body = json({ schemaVersion: 2, mediaType: ociIndex, manifests: [childOf("lost"), childOf(image)] });
    const seen = await put("lost", body);
    check(seen, { status: 404, codes: ["MANIFEST_BLOB_UNKNOWN"] });
    expect(seen.text).toContain(digestOf(bytesFrom("lost")));
  });

  test("of 4 MiB is taken, of a byte more is not", async () => {
    const wrap = (length: number) => imageText(config, [], { filler: "x".repeat(length) });
    const largest = wrap(4 * 1024 * 1024 - wrap(0).length);
    const tooLarge: Expected = { status: 413, codes: ["SIZE_INVALID"] };
    check(await put("large", largest), created(largest));
    check(await put("larger", `${largest} `), tooLarge);
    const body = incomingOf(bytesFrom(largest), bytesFrom(" "));
    check(await ask("PUT", `/v2/${name}/manifests/larger`, { body }), tooLarge);
  });
});

describe("manifests-missing", () => {
  const lostImage = imageText(lost[0], []);
  const lostIndex = json({ schemaVersion: 2, mediaType: ociIndex, manifests: [childOf("lost")] });
  const statuses = { refuse: [404, 404], indexes: [404, 201], any: [201, 201] } as const;

  for (const manifestsMissing of ["refuse", "indexes", "any"] as const) {
    test(`${manifestsMissing}: an image and an index that name what is not there`, async () => {
      const other = await openTestRegistry({ settings: { manifestsMissing } });
      const otherAsk = openAsk(other.registry);
      const found: number[] = [];
      for (const body of [lostImage, lostIndex])
        found.push((await otherAsk("PUT", `/v2/${name}/manifests/x`, { body })).status);
      expect(found).toEqual([...statuses[manifestsMissing]]);
      await other.remove();
    });
  }
});

describe("pulling a manifest", () => {
  test("HEAD answers as GET, with the length and no body", async () => {
    const { status, headers } = served(image, ociManifest);
    for (const reference of ["latest", digest]) {
      const seen = await ask("HEAD", `/v2/${name}/manifests/${reference}`);
      check(seen, { status, headers: { ...headers, "content-length": String(image.length) }, text: "" });
    }
  });

  test("If-None-Match with the digest is 304, by tag too", async () => {
    const headers = { "if-none-match": `"${digest}"` };
    for (const method of ["GET", "HEAD"]) {
      const seen = await ask(method, `/v2/${name}/manifests/latest`, { headers });
      check(seen, { status: 304, headers: served(image, ociManifest).headers ?? {}, text: "" });
    }
    check(await get("latest", { "if-none-match": `"${absent}"` }), served(image, ociManifest));
  });

  test("what is stored is served whatever Accept says", async () => {
    for (const accept of [ociIndex, dockerManifest, "text/html", "*/*", "nonsense"])
      check(await get("latest", { accept }), served(image, ociManifest));
  });

  test("what is not there is unknown, and says what", async () => {
    check(await get("nothing"), unknown);
    check(await get(absent), unknown);
    check(await ask("GET", "/v2/team/none/manifests/latest"), unknownName);
    const seen = await ask("HEAD", `/v2/${name}/manifests/nothing`);
    expect({ status: seen.status, text: seen.text }).toEqual({ status: 404, text: "" });
  });

  test("what is no reference is refused", async () => {
    check(await get("sha256:12"), invalidDigest);
    check(await get("-x"), invalid);
    check(await ask("GET", "/v2/Team/manifests/latest"), { status: 400, codes: ["NAME_INVALID"] });
  });

  test("a name of one segment is in library, and is repeated as it was asked", async () => {
    const of = await pushImage(ask, "ubuntu", "22.04");
    for (const asked of ["ubuntu", "library/ubuntu"]) {
      expect((await ask("GET", `/v2/${asked}/manifests/22.04`)).headers["docker-content-digest"]).toBe(of);
      const seen = await ask("GET", `/v2/${asked}/tags/list`);
      expect(seen.text).toBe(json({ name: asked, tags: ["22.04"] }));
    }
  });
});

describe("moving a tag", () => {
  test("the tag points at what was pushed last, and its history is kept", async () => {
    const first = await pushImage(ask, "team/moving", "v1", { artifactType: "application/a" });
    const second = await pushImage(ask, "team/moving", "v1", { artifactType: "application/b" });
    await pushImage(ask, "team/moving", "v1", { artifactType: "application/b" });
    expect((await ask("HEAD", "/v2/team/moving/manifests/v1")).headers["docker-content-digest"]).toBe(second);
    expect((await ask("HEAD", `/v2/team/moving/manifests/${first}`)).status).toBe(200);
    const history = await house.db.read(
      "select h.old_digest, h.new_digest, h.protocol from tag_history h join repositories r on r.id = h.repository_id where r.path = ? order by h.id",
      "team/moving",
    );
    expect(history).toEqual([
      { old_digest: null, new_digest: first, protocol: "oci" },
      { old_digest: first, new_digest: second, protocol: "oci" },
    ]);
  });
});

describe("deleting a manifest", () => {
  const repository = "team/deleting";
  const at = (reference: string) => `/v2/${repository}/manifests/${reference}`;
  const tags = async () => (await ask("GET", `/v2/${repository}/tags/list`)).text;
  const marks = (table: string) =>
    house.db.read(
      `select case when t.deleted_at is null then 1 else 0 end as live from ${table} t join repositories r on r.id = t.repository_id where r.path = ?`,
      repository,
    );

  test("by tag removes the tag only, by digest its tags too, and both are marks", async () => {
    const of = await pushImage(ask, repository, "one");
    const body = (await ask("GET", at("one"))).bytes;
    for (const tag of ["two", "three"]) await ask("PUT", at(tag), { body });
    check(await ask("DELETE", at("one")), { status: 202, text: "" });
    check(await ask("GET", at("one")), unknown);
    check(await ask("DELETE", at("one")), unknown);
    expect((await ask("GET", at(of))).bytes).toEqual(body);
    expect(await tags()).toBe(json({ name: repository, tags: ["three", "two"] }));
    check(await ask("DELETE", at(of)), { status: 202, text: "" });
    for (const reference of ["two", "three", of]) check(await ask("GET", at(reference)), unknown);
    check(await ask("DELETE", at(of)), unknown);
    expect(await tags()).toBe(json({ name: repository, tags: [] }));
    expect(await marks("tags")).toEqual([{ live: 0 }, { live: 0 }, { live: 0 }]);
    expect(await marks("manifests")).toEqual([{ live: 0 }]);
  });

  test("it can be pushed again", async () => {
    const of = await pushImage(ask, repository, "one");
    expect((await ask("GET", at("one"))).headers["docker-content-digest"]).toBe(of);
    expect((await marks("manifests")).length).toBe(2);
  });

  test("what is not there is unknown", async () => {
    check(await ask("DELETE", at("nothing")), unknown);
    check(await ask("DELETE", at(absent)), unknown);
    check(await ask("DELETE", "/v2/team/none/manifests/latest"), unknownName);
    check(await ask("DELETE", at("sha256:1")), invalidDigest);
  });
});
