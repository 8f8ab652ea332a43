// Targets of requests: decoded once, without what no name may hold.
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { decodePath, splitTarget } from "./call.ts";

const invalid = expect.objectContaining({ kind: "invalid", subject: "name" });

describe("a path", () => {
  test("is decoded once", () => {
    expect(decodePath("/v2/a%2Fb/tags/list")).toBe("/v2/a/b/tags/list");
    expect(decodePath("/v2/%C3%A4")).toBe("/v2/ä");
    expect(decodePath("/v2/a%252fb")).toBe("/v2/a%2fb");
    expect(decodePath("/v2/...a/a..b/..c")).toBe("/v2/...a/a..b/..c");
  });

  const bad = [
    ...["/..", "/.", "/a/../b", "/a/./b", "/a/..", "/%2e%2e/a", "/a/%2E", "/a%2f..%2fb", "..", "."],
    ...["/%", "/%2", "/%zz", "/%ff", "/%c0%af", "/%ed%a0%80", "/a%00", "/a%0d%0a", "/a\u007f", "/a\u0085", "/a\tb"],
  ];
  for (const path of bad) {
    test(`${JSON.stringify(path)} is refused`, () => {
      expect(() => decodePath(path)).toThrow(invalid);
    });
  }

  test("of any text holds no control character and no dot segment, or is refused", () => {
    const piece = fc.constantFrom("/", "a", ".", "..", "%2e", "%2F", "%00", "%", "%c3%a4", "\n", "x");
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(piece).map((each) => each.join("")),
        ),
        (path) => {
          try {
            const decoded = decodePath(path);
            expect(decoded).not.toMatch(/\p{Cc}/u);
            expect(decoded.split("/").filter((each) => each === "." || each === "..")).toEqual([]);
          } catch (error) {
            expect(error).toEqual(invalid);
          }
        },
      ),
    );
  });
});

describe("a target", () => {
  test("is a path and a query, whose plus is a plus", () => {
    const { path, query } = splitTarget("/v2/?artifactType=application/x+json&tag=a&tag=b%20c&last=?");
    expect(path).toBe("/v2/");
    expect([...query]).toEqual([
      ["artifactType", "application/x+json"],
      ["tag", "a"],
      ["tag", "b c"],
      ["last", "?"],
    ]);
    expect([...splitTarget("/v2/").query]).toEqual([]);
  });
});
