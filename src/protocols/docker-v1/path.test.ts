// The router of docker-registry 0.7.3: which path takes which method, what wants a slash, and what is not there.
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { findRoute } from "./path.ts";

const methods = ["GET", "PUT", "DELETE", "POST"] as const;

/** What a path is for a method: a kind of route, `301`, `404` or `405`. */
function outcomeOf(method: string, path: string): string {
  const found = findRoute(method, path);
  if (found === undefined) return "404";
  if (found === "slash") return "301";
  return found.methods.includes(method) ? found.route.kind : "405";
}

const id = "e54ca5efa2e962582a223ca9810f7f1b62ea9b5c3975d14a5da79d3bf6020f37";
const repo = "/v1/repositories/alice/app";

/** For GET, PUT, DELETE and POST, and for all four with a slash more; a word alone stands for all. */
const table: readonly (readonly [path: string, bare: string, withSlash: string])[] = [
  ["/v1/_ping", "ping 405 405 405", "404"],
  ["/v1/_status", "status 405 405 405", "404"],
  ["/v1/search", "search 405 405 405", "404"],
  ["/_ping", "ping 405 405 405", "404"],
  ["/_status", "status 405 405 405", "404"],
  [`/v1/images/${id}/json`, "json json 405 405", "404"],
  [`/v1/images/${id}/layer`, "layer layer 405 405", "404"],
  [`/v1/images/${id}/ancestry`, "ancestry 405 405 405", "404"],
  [`/v1/images/${id}/files`, "files 405 405 405", "404"],
  [`/v1/images/${id}/diff`, "diff 405 405 405", "404"],
  [`/v1/images/${id}/checksum`, "405 checksum 405 405", "404"],
  [`/v1/images/${id}`, "404", "404"],
  [`/v1/images/${id}/other`, "404", "404"],
  [`/v1/images/a/${id}/json`, "404", "404"],
  [`/v1/private_images/${id}/json`, "404", "404"],
  [repo, "301", "405 repository repository 405"],
  ["/v1/repositories/ubuntu", "301", "405 repository repository 405"],
  ["/v1/repositories/a/b/c", "301", "405 repository repository 405"],
  ["/v1/repositories/ubuntu/latest", "301", "405 repository repository 405"],
  [`${repo}/tags`, "tags 301 tags 301", "404"],
  [`${repo}/tags/latest`, "tag tag tag 301", "404"],
  [`${repo}/tags/latest/json`, "tag-metadata 301 301 301", "404"],
  [`${repo}/json`, "metadata 301 301 301", "404"],
  [`${repo}/properties`, "properties properties 301 301", "404"],
  [`${repo}/images`, "images images images 301", "404"],
  [`${repo}/auth`, "301 auth 301 301", "404"],
  [`${repo}/layer/${id}/access`, "layer-access 301 301 301", "404"],
  ["/v1/users", "301", "users 405 405 users"],
  ["/v1/users/alice", "301", "405 user 405 405"],
  ["/v1/users/alice/more", "404", "404"],
  ["/v1/repositories", "404", "404"],
  ["/v1", "404", "404"],
  ["/v1/", "404", "404"],
  ["/v1/nothing", "404", "404"],
  ["/v2", "404", "404"],
  ["/other", "404", "404"],
];

describe("a path", () => {
  for (const [path, bare, withSlash] of table) {
    for (const [target, words] of [
      [path, bare],
      [`${path}/`, withSlash],
    ] as const) {
      const expected = words.includes(" ") ? words.split(" ") : methods.map(() => words);
      test(`${target} is ${words} for ${methods.join(", ")}`, () => {
        expect(methods.map((method) => outcomeOf(method, target))).toEqual(expected);
      });
    }
  }

  test("/ says which server this is", () => expect(outcomeOf("GET", "/")).toBe("root"));

  test("takes HEAD where it takes GET", () => {
    for (const [path] of table) {
      for (const target of [path, `${path}/`])
        expect(`${target} ${outcomeOf("HEAD", target)}`).toBe(`${target} ${outcomeOf("GET", target)}`);
    }
  });

  test("takes OPTIONS where it is a route", () => {
    expect(findRoute("OPTIONS", `${repo}/auth`)).toMatchObject({ route: { kind: "auth" } });
    expect(findRoute("OPTIONS", `${repo}/`)).toMatchObject({ route: { kind: "repository" } });
    expect(findRoute("OPTIONS", repo)).toBe("slash");
  });

  const names: readonly (readonly [method: string, path: string, route: object])[] = [
    ["GET", "/v1/repositories/ubuntu/tags", { kind: "tags", name: "ubuntu" }],
    ["GET", "/v1/repositories/a/b/c/tags", { kind: "tags", name: "a/b/c" }],
    ["GET", "/v1/repositories/a/tags/tags/tags", { kind: "tag", name: "a/tags", tag: "tags" }],
    ["GET", "/v1/repositories/tags/tags", { kind: "tags", name: "tags" }],
    ["GET", "/v1/repositories/a/tags/json", { kind: "tag", name: "a", tag: "json" }],
    ["PUT", "/v1/repositories/a/tags/images", { kind: "tag", name: "a", tag: "images" }],
    ["GET", "/v1/repositories/a/tags/json/json", { kind: "tag-metadata", name: "a", tag: "json" }],
    ["GET", "/v1/repositories/json/json", { kind: "metadata", name: "json" }],
    ["PUT", "/v1/repositories/images/", { kind: "repository", name: "images" }],
    ["PUT", "/v1/repositories/alice/app//", { kind: "repository", name: "alice/app" }],
    ["PUT", "/v1/repositories/alice%2fapp/", { kind: "repository", name: "alice/app" }],
    ["GET", `/v1/repositories/layer/${id}/access/images`, { kind: "images", name: `layer/${id}/access` }],
    ["GET", `/v1/repositories/a/layer/${id}/access`, { kind: "layer-access", name: "a", id }],
  ];
  for (const [method, path, route] of names) {
    test(`${path} is read from its end`, () => expect<unknown>(findRoute(method, path)).toMatchObject({ route }));
  }

  test("of any text is a route, nothing, or an invalid name, and is decided quickly", () => {
    const piece = fc.constantFrom(
      "/",
      "v1",
      "repositories",
      "tags",
      "images",
      "json",
      "a",
      "layer",
      "access",
      "users",
      "%2f",
    );
    const paths = fc.array(piece, { maxLength: 30 }).map((each) => `/${each.join("/")}`);
    fc.assert(
      fc.property(
        fc.constantFrom(...methods, "HEAD", "OPTIONS", "BREW"),
        fc.oneof(paths, fc.string()),
        (method, path) => {
          try {
            findRoute(method, path);
          } catch (error) {
            expect(error).toMatchObject({ kind: "invalid", subject: "name" });
          }
        },
      ),
    );
    expect(findRoute("GET", `/v1/repositories/${"/".repeat(30_000)}a`)).toBe("slash");
  });
});
