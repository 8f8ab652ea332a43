// From v1 to today: every vector byte for byte, the protocol's words for bad JSON, and what cannot be built says why.
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type Digest, digestOf, isDigest, parseDigest } from "#lib/digest";
import { isCompression } from "#lib/layer";
import { type BuiltImage, buildImage, type ChainLink, readImageJson } from "./build.ts";
import { encodeString } from "./raw-json.ts";
import vectors from "./testing/translate-vectors.json";

const encode = (text: string) => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const read = (text: string) => readImageJson(encode(text));
const bad = (message: string) => expect.objectContaining({ kind: "invalid", subject: "image", message });

const named = new Map(Object.entries(vectors.layers));

function layerNamed(name: string) {
  const layer = named.get(name);
  if (layer === undefined || !isCompression(layer.compression)) throw new Error(`no layer ${name}`);
  const { size, empty, compression } = layer;
  return {
    isEmpty: empty,
    digest: parseDigest(layer.digest),
    size,
    diffId: parseDigest(layer.diffID),
    compression,
    reason: null,
  };
}

function linkOf(json: string, layer: string, changes: Partial<ChainLink> = {}): ChainLink {
  return { history: read(json).history, ...layerNamed(layer), ...changes };
}

function built(chain: readonly ChainLink[], topJson: string): BuiltImage {
  const result = buildImage(chain, encode(topJson));
  if ("reason" in result) throw new Error(result.reason);
  return result;
}

function configOf(topJson: string, chain = [linkOf(topJson, "L1")]): string {
  return decode(built(chain, topJson).config.bytes);
}

describe("A v1 chain of the vectors", () => {
  for (const { name, v1_chain: chain, berth } of vectors.samples) {
    test(`${name} becomes the same image as elsewhere`, () => {
      const { config, manifest } = built(
        chain.map(({ json, layer }) => linkOf(json, layer)),
        chain.at(-1)?.json ?? "",
      );
      expect(decode(config.bytes)).toBe(berth.config);
      expect(config).toMatchObject({ digest: berth.config_digest, size: berth.config_size });
      expect(decode(manifest.bytes)).toBe(berth.manifest);
      expect(manifest.digest).toBe(parseDigest(berth.manifest_digest));
      expect(manifest.bytes).toHaveLength(berth.manifest_size);
      expect(manifest.mediaType).toBe("application/vnd.docker.distribution.manifest.v2+json");
    });
  }

  for (const { name, v1_chain: chain, engine } of vectors.samples) {
    test(`${name} has the history that an engine writes`, () => {
      const history = chain.map(({ json }) => read(json).history);
      const expected = engine?.HistoryFromConfig.map((entry) => entry.replace(',"empty_layer":true', ""));
      expect(history).toEqual(expected ?? history);
    });
  }

  for (const { name, engine, berth } of vectors.samples.slice(1, 3)) {
    test(`${name} is what an engine makes that drops empty layers`, () => {
      expect(berth.config).toBe(engine?.empties_dropped.config ?? "");
    });
  }
});

describe("The JSON of an image", () => {
  test("has an id and maybe a parent", () => {
    const created = '{"created":"0001-01-01T00:00:00Z"}';
    expect(read('{"id":"a"}')).toEqual({ id: "a", parent: null, history: created });
    expect(read(' {"parent":"b","id":"a"}\n')).toEqual({ id: "a", parent: "b", history: created });
    expect(read('{"\\u0069d":"\\u0061","parent":null}')).toEqual({ id: "a", parent: null, history: created });
    expect(read('{"id":"a","parent":""}').parent).toBeNull();
  });

  for (const [text, words] of [
    ["", "Invalid JSON"],
    ["{", "Invalid JSON"],
    ["[]", "Invalid JSON"],
    ["null", "Invalid JSON"],
    ['"id"', "Invalid JSON"],
    ["{}", "Invalid JSON"],
    ['{"id":"a","id":"a"}', "Invalid JSON"],
    ['{"id":"a","i\\u0064":"b"}', "Invalid JSON"],
    ['{"id":"a"}{}', "Invalid JSON"],
    ['{"a":1}', "Missing key `id' in JSON"],
    ['{"ID":"a"}', "Missing key `id' in JSON"],
    ['{"parent":1}', "Missing key `id' in JSON"],
    ['{"id":1}', "JSON data contains invalid id"],
    ['{"id":null,"parent":1}', "JSON data contains invalid id"],
    ['{"id":"a","parent":1}', "Image depends on a non existing parent"],
    ['{"id":"a","parent":["b"]}', "Image depends on a non existing parent"],
    ['{"id":"a","parent":false}', "Image depends on a non existing parent"],
  ] as const) {
    test(`${JSON.stringify(text)} is refused: ${words}`, () => {
      expect(() => read(text)).toThrow(bad(words));
    });
  }

  test("that is not UTF-8 is refused", () => {
    expect(() => readImageJson(Uint8Array.of(...encode('{"id":"'), 0xff, ...encode('"}')))).toThrow(
      bad("Invalid JSON"),
    );
  });

  test("of more than a mebibyte is too large, before it is looked at", () => {
    const padded = (size: number) => read(`{"id":"a"${" ".repeat(size - 10)}}`);
    expect(padded(1024 * 1024).id).toBe("a");
    expect(() => padded(1024 * 1024 + 1)).toThrow(expect.objectContaining({ kind: "too-large", subject: "image" }));
    expect(() => read("[".repeat(1024 * 1024 + 1))).toThrow(expect.objectContaining({ kind: "too-large" }));
  });

  test("that is hostile is refused, and nothing worse", () => {
    for (const part of ["[", '{"id":', '"', "\\"]) {
      expect(() => read(part.repeat(1024 * 1024).slice(0, 1024 * 1024))).toThrow(bad("Invalid JSON"));
    }
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array(), fc.json().map(encode)), (bytes) => {
        try {
          expect(readImageJson(bytes).id).toBeString();
        } catch (error) {
          expect(error).toMatchObject({ name: "Fault", kind: "invalid", subject: "image" });
        }
      }),
    );
  });
});

describe("The history of an image", () => {
  const rows: readonly [what: string, members: string, entry: string][] = [
    [
      "has its members in the engines' order",
      '"comment":"c","container_config":{"Cmd":["a","b"]},"author":"w","created":"2015-01-01T00:00:00.10Z"',
      '{"created":"2015-01-01T00:00:00.1Z","author":"w","created_by":"a b","comment":"c"}',
    ],
    ["leaves out what is empty", '"comment":"","container_config":{"Cmd":[]},"author":""', "{}"],
    ["leaves out what is of another type", '"comment":1,"container_config":[],"author":null,"created":5', "{}"],
    [
      "takes a step that is one string",
      '"container_config":{"Cmd":"make <all>"}',
      '{"created_by":"make \\u003call\\u003e"}',
    ],
    ["takes no step with a part that is no string", '"container_config":{"Cmd":["a",1]}', "{}"],
    ["takes the last of two steps", '"container_config":{"Cmd":["a"],"Cmd":["b"]}', '{"created_by":"b"}'],
    ["has no time that the calendar has not", '"created":"2015-02-30T00:00:00Z"', "{}"],
    ["writes strings anew", '"author":"\\u0041\\/\\ud800\\b"', '{"author":"A/\ufffd\\u0008"}'],
  ];
  for (const [what, members, entry] of rows) {
    test(what, () => {
      const { history } = read(`{"id":"a",${members}}`);
      const isDated = entry.includes('"created":');
      const rest = entry === "{}" ? "}" : `,${entry.slice(1)}`;
      expect(history).toBe(isDated ? entry : `{"created":"0001-01-01T00:00:00Z"${rest}`);
    });
  }
});

describe("The config of a built image", () => {
  test("has all members of the top JSON but those of v1 alone", () => {
    const top =
      '{"id":"a","parent":"b","Size":1,"parent_id":1,"layer_id":1,"throwaway":true,"size":2,"Id":3,"variant":"v8","architecture":"arm64","os":"linux"}';
    expect(configOf(top)).toStartWith('{"Id":3,"architecture":"arm64","history":');
    expect(configOf(top)).toEndWith(',"size":2,"variant":"v8"}');
  });

  test("has a platform, where the JSON has none that is a text", () => {
    for (const members of ["", '"os":"","architecture":"",', '"os":null,"architecture":["arm"],']) {
      expect(JSON.parse(configOf(`{${members}"id":"a"}`))).toMatchObject({ architecture: "amd64", os: "linux" });
    }
    const other = configOf('{"id":"a","os":"pl\\u0061n9","architecture":"arm"}');
    expect(other).toContain('"os":"pl\\u0061n9"');
    expect(other).toContain('"architecture":"arm"');
  });

  test("has its own history and root file system, whatever the JSON says", () => {
    const config: unknown = JSON.parse(configOf('{"id":"a","history":[1,2],"rootfs":{"diff_ids":["x"]}}'));
    expect(config).toMatchObject({ history: [{}], rootfs: { type: "layers", diff_ids: [layerNamed("L1").diffId] } });
  });
});

describe("The layers of a built image", () => {
  const json = '{"id":"a"}';
  const layersOf = ({ manifest }: BuiltImage): { mediaType: string; digest: string }[] =>
    JSON.parse(decode(manifest.bytes)).layers;
  const digestsOf = (names: readonly string[]) => {
    const chain = names.map((name) => linkOf(json, name));
    return layersOf(built(chain, json)).map(({ digest }) => digest);
  };
  const digest = (name: string): string => layerNamed(name).digest;

  test("are those that are not empty", () => {
    expect(digestsOf(["E1", "L1", "E2", "E0", "N1"])).toEqual([digest("L1"), digest("N1")]);
  });

  test("are the base alone when all are empty", () => {
    expect(digestsOf(["E0", "E1", "E2"])).toEqual([digest("E0")]);
    const chain = ["E0", "E1"].map((name) => linkOf(json, name));
    const { history }: { history: unknown[] } = JSON.parse(configOf(json, chain));
    expect(history).toEqual([
      { created: "0001-01-01T00:00:00Z" },
      { created: "0001-01-01T00:00:00Z", empty_layer: true },
    ]);
  });

  test("keep their places when the same comes again", () => {
    expect(digestsOf(["L1", "L1", "L2", "L1"])).toEqual(["L1", "L1", "L2", "L1"].map(digest));
  });

  test("may be more than engines take, and are counted", () => {
    const chain = Array.from({ length: 130 }, () => linkOf(json, "L2"));
    expect(built(chain, json).layerCount).toBe(130);
    expect(built([linkOf(json, "E1"), ...chain], json).layerCount).toBe(130);
  });

  test("make an OCI image of it all when one is zstd", () => {
    const chain = [linkOf(json, "L1"), linkOf(json, "L2"), linkOf(json, "L3", { compression: "zstd" })];
    const { manifest, config } = built(chain, json);
    const text = decode(manifest.bytes);
    expect(manifest.mediaType).toBe("application/vnd.oci.image.manifest.v1+json");
    expect(text).toBe(JSON.stringify(JSON.parse(text)));
    expect(text).toStartWith(
      `{"schemaVersion":2,"mediaType":"${manifest.mediaType}","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"${config.digest}","size":${config.size}},"layers":[`,
    );
    expect(layersOf(built(chain, json)).map(({ mediaType }) => mediaType)).toEqual([
      "application/vnd.oci.image.layer.v1.tar+gzip",
      "application/vnd.oci.image.layer.v1.tar",
      "application/vnd.oci.image.layer.v1.tar+zstd",
    ]);
  });

  for (const [changes, reason] of [
    [{ compression: "bzip2" }, "it is compressed with bzip2, for which image manifests have no media type"],
    [{ compression: "xz" }, "it is compressed with xz, for which image manifests have no media type"],
    [{ compression: null }, "the digest of its unpacked bytes is not known"],
    [{ diffId: null }, "the digest of its unpacked bytes is not known"],
    [{ reason: "its gzip stream is cut off" }, "its gzip stream is cut off"],
  ] as const) {
    test(`are no image when one is ${JSON.stringify(changes)}`, () => {
      const chain = [linkOf(json, "E1"), linkOf(json, "L1", changes), linkOf(json, "L2")];
      expect(buildImage(chain, encode(json))).toEqual({ reason: `layer 2 of 3, counted from the base: ${reason}` });
    });
  }

  test("do not matter where they are empty", () => {
    const chain = [linkOf(json, "L1"), linkOf(json, "E2", { compression: "xz" })];
    expect(built(chain, json).layerCount).toBe(1);
  });

  test("are no image when there are none, or no JSON", () => {
    expect(buildImage([], encode(json))).toEqual({ reason: expect.any(String) });
    expect(buildImage([linkOf(json, "L1")], encode("[]"))).toEqual({ reason: expect.any(String) });
  });
});

test("Any chain becomes an image that fits together, the same each time", () => {
  const names = fc.array(fc.constantFrom("L1", "L2", "L3", "E0", "E1", "E2", "N1"), { minLength: 1, maxLength: 124 });
  const text = fc.string({ unit: "binary" });
  fc.assert(
    fc.property(names, text, fc.dictionary(text, fc.jsonValue()), (layers, author, others) => {
      const json = JSON.stringify({ ...others, id: "a", author });
      const chain = layers.map((name) => linkOf(json, name));
      const image = built(chain, json);
      expect(built(structuredClone(chain), json)).toEqual(image);
      const config = JSON.parse(decode(image.config.bytes));
      const manifest = JSON.parse(decode(image.manifest.bytes));
      const diffIds: Digest[] = config.rootfs.diff_ids.filter(isDigest);
      expect(diffIds).toHaveLength(image.layerCount);
      expect(manifest.layers).toHaveLength(image.layerCount);
      expect(config.history).toHaveLength(layers.length);
      const steps: { author?: string; empty_layer?: boolean }[] = config.history;
      expect(steps.filter(({ empty_layer: isEmpty }) => !isEmpty)).toHaveLength(image.layerCount);
      expect(steps.every((step) => (step.author ?? "") === author.toWellFormed())).toBeTrue();
      expect(manifest.config.digest).toBe(digestOf(image.config.bytes));
      expect(decode(image.config.bytes)).toContain(author === "" ? "" : `"author":${encodeString(author)}`);
    }),
    { numRuns: 50 },
  );
});
