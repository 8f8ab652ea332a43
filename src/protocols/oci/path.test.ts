// Paths of /v2/: any name of the spec comes back from each kind of path, also a name that looks like a path.
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { parsePath } from "./path.ts";

const digest = `sha256:${"a".repeat(64)}`;
const id = "0123456789abcdef";

/** Names that hold the words of paths as their segments. */
const tricky = [
  ...["blobs", "uploads", "manifests", "tags", "list", "referrers", "_catalog", "v2", "blobs/uploads", "tags/list"],
  ...["a/blobs/uploads", "a/blobs/uploads/b", "a/manifests/latest", "a/tags/list", "blobs/uploads/blobs", "v2/v2"],
  ...["a/referrers/b", "uploads/blobs", "manifests/blobs", "a/blobs", "a/manifests", "a/tags", "a/b/c/d/e/f/g"],
];
const segment = fc.constantFrom("a", "b-c", "blobs", "uploads", "manifests", "tags", "list", "referrers", "v2");
const name = fc.oneof(
  fc.constantFrom(...tricky),
  fc.array(segment, { minLength: 1, maxLength: 6 }).map((each) => each.join("/")),
);
const reference = fc.constantFrom("latest", "v1.0", "uploads", "list", "manifests", "blobs", digest);

describe("the path of", () => {
  test("tags, manifests, blobs and referrers gives back any name", () => {
    fc.assert(
      fc.property(name, reference, (each, text) => {
        expect(parsePath(`/v2/${each}/tags/list`)).toEqual({ kind: "tags", name: each });
        expect(parsePath(`/v2/${each}/manifests/${text}`)).toEqual({ kind: "manifest", name: each, reference: text });
        expect(parsePath(`/v2/${each}/blobs/${digest}`)).toEqual({ kind: "blob", name: each, digest });
        expect(parsePath(`/v2/${each}/referrers/${digest}`)).toEqual({ kind: "referrers", name: each, digest });
      }),
      { numRuns: 500 },
    );
  });

  test("uploads gives back any name", () => {
    fc.assert(
      fc.property(name, (each) => {
        expect(parsePath(`/v2/${each}/blobs/uploads/`)).toEqual({ kind: "uploads", name: each });
        expect(parsePath(`/v2/${each}/blobs/uploads`)).toEqual({ kind: "uploads", name: each });
        expect(parsePath(`/v2/${each}/blobs/uploads/${id}`)).toEqual({ kind: "upload", name: each, id });
      }),
      { numRuns: 500 },
    );
  });

  test("the door and the catalog has no name", () => {
    expect(parsePath("/v2")).toEqual({ kind: "ping" });
    expect(parsePath("/v2/")).toEqual({ kind: "ping" });
    expect(parsePath("/v2/_catalog")).toEqual({ kind: "catalog" });
  });

  test("an escaped name is that of the name", () => {
    expect(parsePath(`/v2/team%2Fa/manifests/sha256%3A${"a".repeat(64)}`)).toEqual({
      kind: "manifest",
      name: "team/a",
      reference: digest,
    });
  });

  const nowhere = [
    ...[
      "/",
      "",
      "/v1/",
      "/v2x",
      "/v2/a",
      "/v2/a/",
      "/v2/a/b",
      "/v2/tags/list",
      "/v2/manifests/latest",
      "/v2//tags/list",
    ],
    ...["/v2/a/tags/", "/v2/a/tags/other", "/v2/a/manifests/", "/v2/a/blobs/", "/v2/a/referrers/", "/v2/_catalog/"],
    ...["/v2/blobs/uploads/", `/v2/blobs/${digest}`, `/v2/a/uploads/${id}`, "/v2/a/blobs/uploads//", "v2/a/tags/list"],
  ];
  for (const path of nowhere) {
    test(`nothing is "${path}"`, () => {
      expect(parsePath(path)).toBeUndefined();
    });
  }

  test("anything is a route, nothing, or refused as a name", () => {
    const piece = fc.constantFrom("/v2/", "/", "a", "blobs", "uploads", "tags", "list", "%2f", "..", "%", "manifests");
    fc.assert(
      fc.property(
        fc.array(piece).map((each) => each.join("")),
        (path) => {
          try {
            const route = parsePath(path);
            if (route !== undefined && "name" in route) expect(route.name).not.toBe("");
          } catch (error) {
            expect(error).toMatchObject({ kind: "invalid", subject: "name" });
          }
        },
      ),
      { numRuns: 1000 },
    );
  });
});
