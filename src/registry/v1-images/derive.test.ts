// From today to v1: every vector byte for byte, what has no chain says why, and old clients can read each JSON.
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { digestOf } from "#lib/digest";
import { readImageJson } from "./build.ts";
import { type DerivedImage, deriveChain, emptyLayerBytes, emptyLayerDiffId, emptyLayerDigest } from "./derive.ts";
import vectors from "./testing/translate-vectors.json";

const docker = "application/vnd.docker.distribution.manifest.v2+json";
const oci = "application/vnd.oci.image.manifest.v1+json";
const ociConfig = "application/vnd.oci.image.config.v1+json";
const gzip = "application/vnd.oci.image.layer.v1.tar+gzip";

const encode = (text: string) => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const sum = (...parts: Uint8Array[]): string => digestOf(Buffer.concat(parts));
const aDigest = (name: string): string => sum(encode(name));

const layer = (name: string, mediaType = gzip) => ({ mediaType, digest: aDigest(name), size: name.length });

function manifestOf(layers: unknown, configType: unknown = ociConfig) {
  const config = { mediaType: configType, digest: aDigest("config"), size: 1 };
  return { mediaType: oci, bytes: encode(JSON.stringify({ schemaVersion: 2, config, layers })) };
}

function configOf(count: number, more: Record<string, unknown> = {}): Uint8Array {
  const diffIds = Array.from({ length: count }, (_, i) => aDigest(`diff ${i}`));
  return encode(JSON.stringify({ os: "linux", rootfs: { type: "layers", diff_ids: diffIds }, ...more }));
}

function imagesOf(...[manifest, config]: Parameters<typeof deriveChain>): readonly DerivedImage[] {
  const derived = deriveChain(manifest, config);
  if ("reason" in derived) throw new Error(derived.reason);
  return derived.images;
}

/** The JSON of the config image of an image without layers, as text. */
function topJsonOf(config: string): string {
  return decode(imagesOf(manifestOf([]), encode(config)).at(-1)?.json ?? new Uint8Array());
}

interface VectorImage {
  readonly id: string;
  readonly layer: string;
  readonly json: string;
  readonly hashed: string;
}

function expectSame(images: readonly DerivedImage[], expected: readonly VectorImage[]): void {
  expect(images.map(({ json }) => decode(json))).toEqual(expected.map(({ json }) => json));
  expect(images.map(({ id }) => id)).toEqual(expected.map(({ id }) => id));
  expect(images.map(({ history }) => history)).toEqual(images.map(({ json }) => readImageJson(json).history));
  expect(images.map(({ layerDigest }): string => layerDigest)).toEqual(expected.map((each) => each.layer));
  expect(images.map(({ parent }) => parent)).toEqual([null, ...expected.map(({ id }) => id)].slice(0, -1));
  expect(expected.map(({ hashed }) => aDigest(hashed))).toEqual(images.map(({ id }) => `sha256:${id}`));
}

describe("An image of the vectors", () => {
  const blobs = new Map([
    [emptyLayerDigest.toString(), Buffer.from(emptyLayerBytes)],
    ...Object.values(vectors.layers).map((each) => [each.digest, Buffer.from(each.base64, "base64")] as const),
  ]);

  for (const { name, berth } of vectors.samples) {
    test(`${name} has the same v1 images as elsewhere`, () => {
      const images = imagesOf({ mediaType: docker, bytes: encode(berth.manifest) }, encode(berth.config));
      expectSame(images, berth.derived_v1);
      const checksums = images.map(({ json, layerDigest }) =>
        sum(json, encode("\n"), blobs.get(layerDigest) ?? Buffer.from("?")),
      );
      expect(checksums).toEqual(berth.derived_v1.map((each) => each.payload_checksum));
      expect(images.map(({ size, layerDigest }) => size - (blobs.get(layerDigest)?.length ?? 0))).toEqual(
        images.map(() => 0),
      );
    });
  }

  for (const { name, config, config_digest: digest, layers, derived_v1: derived } of vectors.oci_to_v1) {
    test(`${name} has the same v1 images as elsewhere`, () => {
      expect(aDigest(config)).toBe(digest);
      const descriptors = layers.map((each) => ({ mediaType: gzip, digest: each, size: 5 }));
      expectSame(imagesOf(manifestOf(descriptors), encode(config)), derived);
    });
  }
});

test("The empty layer is the one that the engines wrote", () => {
  expect(sum(emptyLayerBytes)).toBe(vectors.layers.E1.digest);
  expect(emptyLayerDigest.toString()).toBe(vectors.layers.E1.digest);
  expect(emptyLayerDiffId.toString()).toBe(vectors.layers.E1.diffID);
  expect(Bun.gunzipSync(Uint8Array.from(emptyLayerBytes))).toEqual(new Uint8Array(1024));
});

describe("A derived chain", () => {
  test("has the layers of the manifest and the diff_ids of the config", () => {
    const foreign = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
    const layers = [layer("a", "application/vnd.oci.image.layer.v1.tar"), layer("bb"), layer("ccc", foreign)];
    const images = imagesOf(manifestOf(layers), configOf(3));
    const facts = images.map((each): unknown[] => [each.layerDigest, each.size, each.compression, each.diffId]);
    expect(facts).toEqual([
      [aDigest("a"), 1, "none", aDigest("diff 0")],
      [aDigest("bb"), 2, "gzip", aDigest("diff 1")],
      [aDigest("ccc"), 3, "gzip", aDigest("diff 2")],
      [emptyLayerDigest, 32, "gzip", emptyLayerDiffId],
    ]);
  });

  for (const [type, compression] of [
    ["application/vnd.oci.image.layer.v1.tar", "none"],
    ["application/vnd.oci.image.layer.v1.tar+gzip", "gzip"],
    ["application/vnd.oci.image.layer.v1.tar+zstd", "zstd"],
    ["application/vnd.oci.image.layer.nondistributable.v1.tar+zstd", "zstd"],
    ["application/vnd.docker.image.rootfs.diff.tar", "none"],
    ["application/vnd.docker.image.rootfs.diff.tar.gzip", "gzip"],
    ["application/vnd.docker.image.rootfs.diff.tar.zstd", "zstd"],
    ["application/vnd.docker.image.rootfs.diff.tar.bzip2", "bzip2"],
    ["application/vnd.oci.image.layer.v1.tar+xz", "xz"],
    ["application/vnd.oci.image.layer.v1.tar+lz4", null],
  ] as const) {
    test(`knows ${type} as ${compression ?? "something unknown"}`, () => {
      expect(imagesOf(manifestOf([layer("a", type)]), configOf(1))[0]?.compression).toBe(compression);
    });
  }

  test("shares all but its end with what is built on it", () => {
    const history = [{ created_by: "one" }, { created_by: "two" }];
    const base = imagesOf(manifestOf([layer("a")]), configOf(1, { history: history.slice(0, 1), author: "x" }));
    const child = imagesOf(manifestOf([layer("a"), layer("b")]), configOf(2, { history, config: { Cmd: ["y"] } }));
    expect(child[0]).toEqual(base[0]);
    expect(child[1]?.id).not.toBe(base[1]?.id);
  });

  test("is told apart by the bytes of its layers", () => {
    const [one] = imagesOf(manifestOf([layer("a")]), configOf(1));
    const [other] = imagesOf(manifestOf([layer("b")]), configOf(1));
    expect(one?.id).not.toBe(other?.id);
  });
});

describe("The JSON of a config image", () => {
  const step = '"container_config":{"Cmd":["/bin/sh","-c","#(nop) image configuration"]}';
  const platform = '"architecture":"amd64"';

  const rows: readonly [what: string, config: string, expected: string][] = [
    [
      "takes the time of the last step",
      '{"history":[{"created":"2020-01-01T00:00:00Z","empty_layer":true}]}',
      '"created":"2020-01-01T00:00:00Z"',
    ],
    [
      "takes its own time first",
      '{"created":"2021-01-01T00:00:00.0Z","history":[{"created":"2020-01-01T00:00:00Z","empty_layer":true}]}',
      '"created":"2021-01-01T00:00:00Z"',
    ],
    ["has a time that is none", '{"created":"yesterday"}', '"created":"1970-01-01T00:00:00Z"'],
    [
      "takes the author of the last step",
      '{"author":"","history":[{"author":"<a>","empty_layer":true}]}',
      '"author":"\\u003ca\\u003e"',
    ],
    [
      "takes the last step",
      '{"history":[{"created_by":"CMD x","empty_layer":true}]}',
      '"container_config":{"Cmd":["CMD x"]}',
    ],
    [
      "takes its own step first",
      '{"container_config":{ "x": 1 },"history":[{"created_by":"CMD x","empty_layer":true}]}',
      '"container_config":{"x":1}',
    ],
    ["has a step where there is none", '{"container_config":[]}', step],
    ["has the platform of its config", '{"os":"plan9","architecture":"mips"}', '"architecture":"mips"'],
    ["has a platform where there is none", '{"os":1,"architecture":""}', platform],
    ["names its container and its engine", '{"container":"c","docker_version":"1"}', '"container":"c"'],
    [
      "keeps its config as it is written",
      '{"config":{ "b":1.50, "a":"<\\/" , "b":2}}',
      '"config":{"b":1.50,"a":"\\u003c\\/","b":2}',
    ],
  ];
  for (const [what, config, expected] of rows) {
    test(what, () => {
      expect(topJsonOf(config)).toContain(expected);
    });
  }

  test("has only the keys that it should", () => {
    const json: unknown = JSON.parse(
      topJsonOf('{"variant":"v8","ID":1,"Parent":2,"created":3,"CONFIG":4,"Size":5,"container":6,"docker_version":""}'),
    );
    expect(Object.keys(json ?? {})).toEqual(["architecture", "container_config", "created", "id", "os"]);
  });

  for (const [kept, dropped] of [
    ['"Cmd":["a"]', '"Cmd":"a"'],
    ['"Cmd":null', '"Cmd":["a",1]'],
    ['"Env":[]', '"Env":{"A":"b"}'],
    ['"OnBuild":["x"]', '"OnBuild":false'],
    ['"Entrypoint":["x"]', '"Entrypoint":"x"'],
    ['"ExposedPorts":{"80/tcp":{}}', '"ExposedPorts":["80"]'],
    ['"Volumes":{"/v":{}}', '"Volumes":{"/v":true}'],
    ['"User":""', '"User":0'],
    ['"Hostname":null', '"Hostname":[]'],
    ['"WorkingDir":"/"', '"WorkingDir":{}'],
    ['"Tty":true', '"Tty":"true"'],
    ['"Memory":-1', '"Memory":"1"'],
    ['"CpuShares":0', '"CpuShares":1.5'],
    ['"Labels":{"a":"b"}', '"Labels":{"a":1}'],
    ['"Healthcheck":{"Test":["NONE"]}', '"Healthcheck":"x"'],
    ['"cmd":["a"]', '"cMD":"a"'],
    ['"Unknown":1', '"u\u017fer":1'],
  ] as const) {
    test(`keeps ${kept}, and not ${dropped}`, () => {
      const config = (members: string) => topJsonOf(`{"config":{${members}}}`);
      expect(config(`"x":1,${kept} , "y":2`)).toContain(`"config":{"x":1,${kept},"y":2}`);
      expect(config(`"x" : 1, ${dropped}, "\\u0079":2.0`)).toContain('"config":{"x":1,"\\u0079":2.0}');
    });
  }

  test("guards the settings of its step in the same way", () => {
    expect(topJsonOf('{"container_config":{"Cmd":5,"Env":[]}}')).toContain('"container_config":{"Env":[]}');
  });
});

describe("The history of an image", () => {
  const created = '"created":"1970-01-01T00:00:00Z"';
  const stepsOf = (history: unknown) =>
    imagesOf(manifestOf([layer("a"), layer("b")]), configOf(2, { history })).map(({ json }) => decode(json));

  test("describes its layers when it fits them", () => {
    const history = [
      { created_by: "one", author: "w", comment: "c", created: "2020-01-01T00:00:00Z" },
      { created_by: "none", empty_layer: true },
      { empty_layer: false, created_by: "" },
    ];
    const [one, two, top] = stepsOf(history);
    expect(one).toStartWith(
      '{"architecture":"amd64","author":"w","comment":"c","container_config":{"Cmd":["one"]},"created":"2020',
    );
    expect(two).toStartWith(`{"architecture":"amd64",${created},"id":`);
    expect(top).toContain("#(nop) image configuration");
  });

  for (const history of [undefined, null, "x", {}, [], [{ created_by: "one" }], [{}, {}, { comment: "c" }], [1]]) {
    test(`is nothing when it is ${JSON.stringify(history)}`, () => {
      expect(stepsOf(history)).toEqual(stepsOf([]));
    });
  }

  test("has entries that say nothing", () => {
    expect(stepsOf([null, 5])).toEqual(stepsOf([]));
  });
});

describe("No v1 image is derived", () => {
  const good = [layer("a")];
  const encrypted = "application/vnd.oci.image.layer.v1.tar+gzip+encrypted";
  const rows: readonly [
    what: string,
    manifest: Parameters<typeof deriveChain>[0],
    config: Uint8Array,
    reason: string,
  ][] = [
    [
      "from an index",
      { ...manifestOf(good), mediaType: "application/vnd.oci.image.index.v1+json" },
      configOf(1),
      "not the manifest of an image",
    ],
    ["from an artifact", manifestOf(good, "application/vnd.cncf.helm.config.v1+json"), configOf(1), "artifact"],
    [
      "from an artifact without a config",
      manifestOf(good, "application/vnd.oci.empty.v1+json"),
      encode("{}"),
      "artifact",
    ],
    ["from a config without a type", manifestOf(good, 5), configOf(1), "artifact"],
    ["from an attestation", manifestOf([layer("a", "application/vnd.in-toto+json")]), configOf(1), "not a layer"],
    [
      "from a signature",
      manifestOf([layer("a", "application/vnd.dev.cosign.simplesigning.v1+json")]),
      configOf(1),
      "not a layer",
    ],
    ["from an encrypted layer", manifestOf([layer("a"), layer("b", encrypted)]), configOf(2), "encrypted"],
    ["from too few diff_ids", manifestOf(good), configOf(0), "0 diff_ids for 1 layers"],
    ["from too many diff_ids", manifestOf(good), configOf(2), "2 diff_ids for 1 layers"],
    ["from a config without diff_ids", manifestOf(good), encode("{}"), "0 diff_ids for 1 layers"],
    [
      "from diff_ids that are no digests",
      manifestOf(good),
      configOf(1, { rootfs: { diff_ids: ["sha256:abc"] } }),
      "no list of digests",
    ],
    [
      "from diff_ids that are no texts",
      manifestOf(good),
      configOf(1, { rootfs: { diff_ids: [1] } }),
      "no list of digests",
    ],
    [
      "from diff_ids that are no list",
      manifestOf(good),
      configOf(1, { rootfs: { diff_ids: {} } }),
      "no list of digests",
    ],
    ["from a config that is a list", manifestOf(good), encode("[]"), "not a JSON object"],
    ["from a config that is no JSON", manifestOf(good), encode("{"), "not a JSON object"],
    ["from a config that is not UTF-8", manifestOf(good), Uint8Array.of(0x7b, 0xff, 0x7d), "not a JSON object"],
    ["from a manifest that is no JSON", { mediaType: oci, bytes: encode("{") }, configOf(0), "not a JSON object"],
    ["from layers that are no list", manifestOf({}), configOf(0), "not a descriptor"],
    ["from a layer that is none", manifestOf([null]), configOf(1), "not a descriptor"],
    ["from a layer without a digest", manifestOf([{ ...layer("a"), digest: 1 }]), configOf(1), "not a descriptor"],
    ["from a layer without a size", manifestOf([{ ...layer("a"), size: undefined }]), configOf(1), "not a descriptor"],
    ["from a layer of a size that is none", manifestOf([{ ...layer("a"), size: -1 }]), configOf(1), "not a descriptor"],
    [
      "from a layer without a media type",
      manifestOf([{ ...layer("a"), mediaType: undefined }]),
      configOf(1),
      "not a layer",
    ],
    [
      "from what could not be pushed back",
      manifestOf([]),
      configOf(0, { author: "x".repeat(1024 * 1024) }),
      "larger than",
    ],
    ["from a platform without end", manifestOf(good), configOf(1, { architecture: "x".repeat(1000) }), "platform"],
  ];
  for (const [what, manifest, config, reason] of rows) {
    test(what, () => {
      expect(deriveChain(manifest, config)).toEqual({ reason: expect.stringContaining(reason) });
    });
  }
});

test("Any image has a chain that old clients can follow, the same each time", () => {
  const text = fc.option(fc.oneof(fc.string({ unit: "binary" }), fc.integer()), { nil: undefined });
  const entry = fc.record({ created: text, created_by: text, author: text, comment: text, empty_layer: fc.boolean() });
  const image = fc.record({
    names: fc.array(fc.string(), { maxLength: 20 }),
    history: fc.array(entry, { maxLength: 20 }),
    more: fc.record({
      os: text,
      architecture: text,
      author: text,
      created: text,
      container: text,
      config: fc.jsonValue(),
    }),
  });
  fc.assert(
    fc.property(image, ({ names, history, more }) => {
      const manifest = manifestOf(names.map((name) => layer(name)));
      const config = configOf(names.length, { ...more, history });
      const images = imagesOf(manifest, config);
      expect(images).toHaveLength(names.length + 1);
      expect(imagesOf(manifest, config)).toEqual([...images]);
      for (const [i, { id, parent, json }] of images.entries()) {
        expect(readImageJson(json)).toMatchObject({ id, parent });
        expect(parent).toBe(images[i - 1]?.id ?? null);
        expect(id).toMatch(/^[0-9a-f]{64}$/);
      }
    }),
  );
});
