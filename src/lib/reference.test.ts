// Names of repositories and tags: what the spec allows, and that a name without a namespace is in library.
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { maxNameLength, parseReference, parseRepositoryName, parseTag, parseV1RepositoryName } from "./reference.ts";

const invalidName = expect.objectContaining({ kind: "invalid", subject: "name" });
const invalidTag = expect.objectContaining({ kind: "invalid", subject: "tag" });
const invalidDigest = expect.objectContaining({ kind: "invalid", subject: "digest" });

const word = fc.stringMatching(/^[a-z0-9]{1,8}$/);
const separator = fc.constantFrom(".", "_", "__", "-", "--", "-----");
const component = fc
  .tuple(word, fc.array(fc.tuple(separator, word), { maxLength: 3 }))
  .map(([first, more]) => first + more.flat().join(""));
const name = fc.array(component, { minLength: 1, maxLength: 6 }).map((each) => each.join("/"));

describe("a name of a repository", () => {
  test("of one segment is in library, by either name", () => {
    const short = parseRepositoryName("ubuntu");
    const long = parseRepositoryName("library/ubuntu");
    expect(short).toEqual({ namespace: "library", name: "ubuntu", path: "ubuntu", asked: "ubuntu" });
    expect(long).toEqual({ ...short, asked: "library/ubuntu" });
  });

  test("keeps its slashes, also in library", () => {
    const deep = parseRepositoryName("team/a/b/c");
    expect(deep).toEqual({ namespace: "team", name: "a/b/c", path: "team/a/b/c", asked: "team/a/b/c" });
    expect(parseRepositoryName("library/a/b").path).toBe("library/a/b");
    expect(parseRepositoryName("library").path).toBe("library");
  });

  test("made of the spec's components is one, and comes back by its path", () => {
    fc.assert(
      fc.property(name, (text) => {
        fc.pre(text.length <= maxNameLength);
        const parsed = parseRepositoryName(text);
        expect(parsed.asked).toBe(text);
        expect(parseRepositoryName(parsed.path)).toEqual({ ...parsed, asked: parsed.path });
        expect(parseRepositoryName(`${parsed.namespace}/${parsed.name}`).path).toBe(parsed.path);
      }),
    );
  });

  test("has at most 255 characters", () => {
    expect(parseRepositoryName("a".repeat(255)).name.length).toBe(255);
    expect(parseRepositoryName(`${"a/".repeat(127)}a`).asked.length).toBe(255);
    for (const length of [256, 100_000]) expect(() => parseRepositoryName("a".repeat(length))).toThrow(invalidName);
  });

  const bad = [
    ...["", "/", "a/", "/a", "a//b", "A", "a/B", ".a", "a.", "-a", "a-", "_a", "a_", "a..b", "a___b", "a._b"],
    ...[
      "a-/b",
      "a/-b",
      "a b",
      "a:b",
      "a@b",
      "a\\b",
      "a\n",
      "a\0",
      "ä",
      "日本",
      "a/./b",
      "a/../b",
      "..",
      "a%2fb",
      "a+b",
    ],
  ];
  for (const text of bad) {
    test(`${JSON.stringify(text)} is none`, () => {
      expect(() => parseRepositoryName(text)).toThrow(invalidName);
    });
  }

  test("any text is a name or an invalid name, and is decided quickly", () => {
    const nearly = fc.stringMatching(/^[a-z0-9._/-]{0,260}$/);
    fc.assert(
      fc.property(fc.oneof(fc.string(), nearly), (text) => {
        try {
          expect(parseRepositoryName(text).asked).toBe(text);
        } catch (error) {
          expect(error).toEqual(invalidName);
        }
      }),
    );
    for (const text of [
      `${"a-".repeat(127)}!`,
      `${"_".repeat(254)}a`,
      `a${"-".repeat(253)}!`,
      "a".repeat(254).concat("!"),
    ])
      expect(() => parseRepositoryName(text)).toThrow(invalidName);
  });
});

describe("a name of a repository in the v1 protocol", () => {
  test("is the same where it is a name today", () => {
    fc.assert(
      fc.property(name, (text) => {
        fc.pre(text.length <= maxNameLength);
        expect(parseV1RepositoryName(text)).toEqual(parseRepositoryName(text));
      }),
    );
  });

  test("may hold upper case, and marks in any place", () => {
    const odd = { namespace: "_Team-", name: "a..B_", path: "_Team-/a..B_", asked: "_Team-/a..B_" };
    expect(parseV1RepositoryName("_Team-/a..B_")).toEqual(odd);
    expect(parseV1RepositoryName("library/Ubuntu").path).toBe("Ubuntu");
  });

  for (const text of ["", "-", "a/-", "._-/a", "..", "a/.", "a//b", "/a", "a/", "a b", "a:b", "ä", "a".repeat(256)]) {
    test(`${JSON.stringify(text.slice(0, 20))} of ${text.length} characters is none`, () => {
      expect(() => parseV1RepositoryName(text)).toThrow(invalidName);
    });
  }
});

describe("a reference", () => {
  test("is a tag, or a digest when it holds a colon", () => {
    const digest = `sha256:${"a".repeat(64)}`;
    expect<unknown>(parseReference(digest)).toEqual({ digest });
    expect<unknown>(parseReference("latest")).toEqual({ tag: "latest" });
    expect(() => parseReference("sha256:12")).toThrow(invalidDigest);
    expect(() => parseReference("la:test")).toThrow(invalidDigest);
  });

  test("of the spec's characters is a tag", () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/), (text) => {
        expect(String(parseTag(text))).toBe(text);
      }),
    );
  });

  for (const text of ["", ".a", "-a", "a b", "a/b", "a\n", "ä", "a".repeat(129), "a\0", "a+b", "a%"]) {
    test(`${JSON.stringify(text.slice(0, 20))} of ${text.length} characters is none`, () => {
      expect(() => parseTag(text)).toThrow(invalidTag);
    });
  }
});
