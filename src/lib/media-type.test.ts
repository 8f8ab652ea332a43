// Media types: what is one, what is JSON, and which layers are elsewhere.
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  dockerList,
  dockerManifest,
  isForeignLayer,
  isJsonType,
  isSchema1,
  ociEmpty,
  ociIndex,
  ociManifest,
  parseMediaType,
} from "./media-type.ts";

describe("a media type", () => {
  test("is read without its parameters", () => {
    expect(parseMediaType(`${ociManifest}; charset=utf-8`)).toBe(ociManifest);
    expect(parseMediaType(` ${ociManifest} `)).toBe(ociManifest);
    expect(parseMediaType("text/plain;a=b;c=d")).toBe("text/plain");
  });

  const bad = ["", "/", "a", "a/", "/a", "a/b/c", "a b/c", "a/b c", "a/b,c/d", `a/${"b".repeat(128)}`, "ä/b"];
  for (const text of bad) {
    test(`${JSON.stringify(text.slice(0, 20))} is none`, () => {
      expect(parseMediaType(text)).toBeUndefined();
    });
  }

  test("is found in any text without an error", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const type = parseMediaType(text);
        if (type !== undefined) expect(text.trimStart()).toStartWith(type);
      }),
    );
  });

  test("is JSON when it says so", () => {
    const types = [
      ociManifest,
      ociIndex,
      ociEmpty,
      dockerManifest,
      dockerList,
      "application/json",
      "application/x+JSON",
    ];
    for (const type of types) expect(isJsonType(type)).toBe(true);
    for (const type of ["text/json", "application/jsonl", "application/octet-stream", "application/x-json+gzip"])
      expect(isJsonType(type)).toBe(false);
  });

  test("of schema 1 is known", () => {
    const type = "application/vnd.docker.distribution.manifest.v1+";
    expect(["json", "prettyjws"].map((each) => isSchema1(type + each))).toEqual([true, true]);
    expect([dockerManifest, `${type}jsonx`].map(isSchema1)).toEqual([false, false]);
  });

  test("of a layer that registries do not hold is known", () => {
    const foreign = [
      "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
      "application/vnd.oci.image.layer.nondistributable.v1.tar",
      "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
      "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd",
    ];
    for (const type of foreign) expect(isForeignLayer(type)).toBe(true);
    for (const type of [
      "application/vnd.oci.image.layer.v1.tar",
      "application/vnd.docker.image.rootfs.diff.tar.gzip",
      "",
    ])
      expect(isForeignLayer(type)).toBe(false);
  });
});
