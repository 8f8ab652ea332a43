// Which image of an index an old client gets: its own machine's, the variant that most machines run first.
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { digestOf } from "#lib/digest";
import { platformOf, rankPlatforms } from "./platforms.ts";

const oci = "application/vnd.oci.image.manifest.v1+json";
const digest = (name: string) => digestOf(new TextEncoder().encode(name));

function entry(platform: string, more: Record<string, unknown> = {}) {
  const [os, architecture, variant] = platform.split("/");
  return {
    mediaType: oci,
    digest: digest(platform),
    size: 1,
    platform: { os, architecture, ...(variant === undefined ? {} : { variant }) },
    ...more,
  };
}

/** The entries that are ranked for a platform, best first, by what they were made of. */
function ranked(platform: string, entries: readonly unknown[], names: readonly string[]): string[] {
  const found = rankPlatforms({ manifests: entries }).filter(({ os, arch }) => `${os}/${arch}` === platform);
  expect(found.map(({ rank }) => rank)).toEqual(found.map((_, i) => i));
  return found.map((each) => names.find((name) => digest(name) === each.digest) ?? "?");
}

describe("The images of an index", () => {
  const rows: readonly [platform: string, given: readonly string[], order: readonly string[]][] = [
    ["linux/amd64", ["linux/amd64", "linux/arm64", "windows/amd64"], ["linux/amd64"]],
    [
      "linux/amd64",
      ["linux/amd64/v3", "linux/amd64/v2", "linux/amd64"],
      ["linux/amd64", "linux/amd64/v2", "linux/amd64/v3"],
    ],
    ["linux/amd64", ["linux/amd64/v10", "linux/amd64/v2"], ["linux/amd64/v2", "linux/amd64/v10"]],
    ["linux/amd64", ["linux/amd64/v2", "linux/amd64/v1"], ["linux/amd64/v1", "linux/amd64/v2"]],
    ["linux/amd64", ["linux/amd64/odd", "linux/amd64/v4"], ["linux/amd64/v4", "linux/amd64/odd"]],
    [
      "linux/arm",
      ["linux/arm/v7", "linux/arm", "linux/arm/v5", "linux/arm/v6"],
      ["linux/arm/v6", "linux/arm/v5", "linux/arm", "linux/arm/v7"],
    ],
    ["linux/arm", ["linux/arm/v8", "linux/arm/v7"], ["linux/arm/v7"]],
    ["linux/arm64", ["linux/arm64/v9", "linux/arm64/v8"], ["linux/arm64/v8"]],
    ["linux/arm64", ["linux/arm64", "linux/arm64/v8"], ["linux/arm64", "linux/arm64/v8"]],
    ["linux/386", ["linux/amd64", "linux/386"], ["linux/386"]],
    ["linux/s390x", ["linux/s390x"], ["linux/s390x"]],
    ["linux/ppc64le", ["linux/ppc64le/power9", "linux/ppc64le"], ["linux/ppc64le", "linux/ppc64le/power9"]],
    ["linux/386", ["linux/amd64", "linux/arm"], []],
  ];
  for (const [platform, given, order] of rows) {
    test(`are ${order.join(", ") || "none"} for ${platform} of ${given.join(", ")}`, () => {
      const entries = given.map((each) => entry(each));
      expect(ranked(platform, entries, given)).toEqual([...order]);
    });
  }

  test("are there for every platform at once", () => {
    const all = rankPlatforms({
      manifests: ["linux/arm/v7", "windows/amd64", "linux/arm/v6"].map((each) => entry(each)),
    });
    expect(all).toEqual([
      { os: "linux", arch: "arm", rank: 0, digest: digest("linux/arm/v6") },
      { os: "linux", arch: "arm", rank: 1, digest: digest("linux/arm/v7") },
      { os: "windows", arch: "amd64", rank: 0, digest: digest("windows/amd64") },
    ]);
  });

  const good = entry("linux/amd64");
  for (const [what, given] of [
    ["of an unknown platform", entry("unknown/unknown")],
    ["of an unknown system", entry("unknown/amd64")],
    ["of an unknown architecture", entry("linux/unknown")],
    ["without a platform", { ...good, platform: undefined }],
    ["with half a platform", { ...good, platform: { os: "linux" } }],
    ["with a platform that is none", { ...good, platform: { os: 1, architecture: ["amd64"] } }],
    ["with a platform that no client can name", { ...good, platform: { os: "li/nux", architecture: "amd64" } }],
    ["that is an index", { ...good, mediaType: "application/vnd.oci.image.index.v1+json" }],
    ["with a media type that is none", { ...good, mediaType: 5 }],
    ["that says it is an artifact", { ...good, artifactType: "application/vnd.example+json" }],
    ["without a digest", { ...good, digest: undefined }],
    ["with a digest that is none", { ...good, digest: "sha256:abc" }],
    ["that is null", null],
    ["that is a text", "linux/amd64"],
    ["that is a list", [good]],
  ] as const) {
    test(`leave out an entry ${what}`, () => {
      expect(rankPlatforms({ manifests: [given] })).toEqual([]);
      expect(rankPlatforms({ manifests: [given, good] })).toHaveLength(1);
    });
  }

  test("need no media type, and may name that of their config", () => {
    const config = "application/vnd.oci.image.config.v1+json";
    expect(rankPlatforms({ manifests: [{ ...good, mediaType: undefined }] })).toHaveLength(1);
    expect(rankPlatforms({ manifests: [{ ...good, artifactType: config }] })).toHaveLength(1);
    expect(rankPlatforms({ manifests: [{ ...good, artifactType: "" }] })).toHaveLength(1);
  });

  test("come once for a platform, with their best rank", () => {
    const twice = [entry("linux/arm/v7", { digest: digest("a") }), entry("linux/arm/v6", { digest: digest("a") })];
    expect(rankPlatforms({ manifests: [...twice, good, good] })).toEqual([
      { os: "linux", arch: "arm", rank: 0, digest: digest("a") },
      { os: "linux", arch: "amd64", rank: 0, digest: digest("linux/amd64") },
    ]);
  });

  test("are none where there is no list", () => {
    for (const index of [{}, { manifests: null }, { manifests: {} }, { manifests: "x" }])
      expect(rankPlatforms(index)).toEqual([]);
  });

  test("are never an error, whatever an index says", () => {
    const value = fc.jsonValue();
    const odd = fc.record({ platform: fc.oneof(value, fc.record({ os: value, architecture: value, variant: value })) });
    fc.assert(
      fc.property(fc.array(fc.oneof(value, odd)), (manifests) => {
        expect(rankPlatforms({ manifests })).toEqual(rankPlatforms({ manifests }));
      }),
    );
  });
});

describe("The machine of a client", () => {
  const fallback = { os: "linux", arch: "amd64" };
  const rows: readonly [userAgent: string | undefined, os: string, arch: string][] = [
    ["docker/1.9.1 go/go1.4.3 git-commit/a34a1d5 kernel/3.19 os/linux arch/amd64", "linux", "amd64"],
    ["docker/1.5.0 go/go1.4 git-commit/a8a31ef kernel/3.18.11-v7+ os/linux arch/arm", "linux", "arm"],
    [
      "docker/1.12.6 go/go1.6.4 os/linux arch/s390x UpstreamClient(Docker-Client/1.12.6 \\(darwin\\))",
      "linux",
      "s390x",
    ],
    ["docker/1.12.6 UpstreamClient(x os/windows arch/arm )", "linux", "amd64"],
    ["docker/1.9.1 arch/ppc64le", "linux", "ppc64le"],
    ["docker/1.9.1 os/windows", "windows", "amd64"],
    ["DOCKER/1.9.1 OS/Linux ARCH/ARM64", "linux", "arm64"],
    ["docker/1.9.1 os/linux arch/386 os/plan9 arch/arm", "linux", "386"],
    ["docker/1.9.1 macos/linux xarch/arm", "linux", "amd64"],
    ["docker/1.9.1 os/ arch/", "linux", "amd64"],
    ["docker/1.9.1 os/../etc arch/arm;x", "linux", "amd64"],
    [`docker/1.9.1 os/${"x".repeat(33)} arch/${"y".repeat(33)}`, "linux", "amd64"],
    [`${"x".repeat(2000)} os/linux arch/arm`, "linux", "amd64"],
    ["Go 1.1 package http", "linux", "amd64"],
    ["", "linux", "amd64"],
    [undefined, "linux", "amd64"],
  ];
  for (const [userAgent, os, arch] of rows) {
    test(`is ${os}/${arch} for ${JSON.stringify(userAgent?.slice(0, 100)) ?? "no User-Agent"}`, () => {
      expect(platformOf(userAgent)).toEqual({ os, arch });
    });
  }

  test("is a short word, whatever it says", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.string(), (a, b) => {
        for (const { os, arch } of [platformOf(a), platformOf(`os/${a} arch/${b}`), platformOf(`${a} arch/${b}`)]) {
          expect(os).toMatch(/^[a-z0-9]{1,32}$/);
          expect(arch).toMatch(/^[a-z0-9]{1,32}$/);
        }
        expect(platformOf("x".repeat(100_000))).toEqual(fallback);
      }),
    );
  });
});
