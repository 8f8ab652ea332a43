// The open mode, over a registry: each route, its headers in their order, and the transcripts that were printed in 2014.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { openTestRegistry, type TestRegistry } from "#registry/testing";
import {
  type Ask,
  cached,
  emptyLayer,
  expectError,
  idOf,
  imageJson,
  noCache,
  octets,
  openAsk,
  pushImage,
  type Seen,
} from "./testing.ts";

const c588 = "c5881f11ded97fd2252adf93268114329e985624c5d7bb86e439a36109d1124e";
const e54c = "e54ca5efa2e962582a223ca9810f7f1b62ea9b5c3975d14a5da79d3bf6020f37";
const ebe4 = "ebe4be4dd427fcc7e137b340f60e458baa5fb710a280332454d2c8a8209a14d7";
const base = idOf("a");
const arriving = idOf("c");
const absent = idOf("d");
let house: TestRegistry;
let ask: Ask;

beforeAll(async () => {
  house = await openTestRegistry();
  ask = openAsk(house);
  for (const id of [c588, e54c, ebe4, base]) await pushImage(ask, id);
  await ask("PUT", `/v1/images/${arriving}/json`, { body: imageJson(arriving) });
  await ask("PUT", "/v1/repositories/ubuntu/tags/latest", { body: `"${e54c}"` });
  await ask("PUT", "/v1/repositories/ubuntu/tags/precise", { body: `"${ebe4}"` });
});
afterAll(() => house.remove());

describe("the transcripts", () => {
  test("T1: a layer", async () => {
    const { status, reason, headers, bytes } = await ask("GET", `/v1/images/${c588}/layer`);
    expect(`${status} ${reason}`).toBe("200 OK");
    expect([...headers]).toEqual(["Content-Length: 1024", "Accept-Ranges: bytes", ...cached, octets]);
    expect(Buffer.compare(bytes, emptyLayer)).toBe(0);
  });

  test("T2: a layer that is there is not replaced", async () => {
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    const seen = await ask("PUT", `/v1/images/${c588}/layer`, { headers, body: "test-image-layer" });
    expectError(seen, 409, "Image already exists");
    expect(seen.reason).toBe("CONFLICT");
    expect(seen.get("content-length")).toBe("33");
    expect((await ask("GET", `/v1/images/${c588}/layer`)).bytes).toHaveLength(1024);
  });

  test("T3: tags", async () => {
    const seen = await ask("GET", "/v1/repositories/ubuntu/tags");
    expect(seen.text).toBe(`{"latest": "${e54c}", "precise": "${ebe4}"}`);
    expect([...seen.headers]).toEqual(noCache(157));
    expect((await ask("GET", "/v1/repositories/library/ubuntu/tags")).text).toBe(seen.text);
  });

  test("T4: what is no tag wants a slash, and nothing is deleted", async () => {
    const { status, reason, headers, text } = await ask("DELETE", "/v1/repositories/ubuntu/latest");
    expect(`${status} ${reason}`).toBe("301 MOVED PERMANENTLY");
    expect([...headers]).toEqual([
      ...["Content-Type: text/html; charset=utf-8", "Content-Length: 311"],
      "Location: http://localhost:5000/v1/repositories/ubuntu/latest/",
    ]);
    expect(text).toContain("<h1>Redirecting...</h1>\n");
    expectError(await ask("DELETE", "/v1/repositories/ubuntu/latest/"), 404, "Repository not found");
    expect((await ask("GET", "/v1/repositories/ubuntu/tags/latest")).text).toBe(`"${e54c}"`);
  });

  test("T5: the ping", async () => {
    for (const path of ["/v1/_ping", "/_ping"]) {
      const { status, headers, text } = await ask("GET", path);
      expect({ status, text }).toEqual({ status: 200, text: "true" });
      expect([...headers]).toEqual(["X-Docker-Registry-Standalone: True", ...noCache(4)]);
    }
  });
});

describe("a tag", () => {
  const agent = "docker/1.5.0 go/go1.4.1 git-commit/a8a31ef kernel/3.16.0 os/linux arch/amd64";
  const path = "/v1/repositories/team/tagged/tags";

  test("is set, read, listed and deleted", async () => {
    const headers = { "user-agent": agent };
    expect((await ask("PUT", `${path}/one`, { body: `"${base}"`, headers })).text).toBe("true");
    const seen = await ask("GET", `${path}/one`);
    expect(seen.text).toBe(`"${base}"`);
    expect([...seen.headers]).toEqual(noCache(66));
    expect((await ask("GET", `${path}/one/json`)).text).toBe(
      '{"arch": "amd64", "docker_go_version": "go1.4.1", "docker_version": "1.5.0", "kernel": "3.16.0", ' +
        `"last_update": ${Math.floor(house.now() / 1000)}, "os": "linux"}`,
    );
    expect((await ask("DELETE", `${path}/one`)).text).toBe("true");
    expectError(await ask("GET", `${path}/one`), 404, "Tag not found");
    expectError(await ask("DELETE", `${path}/one`), 404, "Tag not found");
    expect((await ask("GET", path)).text).toBe("{}");
  });

  test("of who says nothing has the moment only, and that of latest is the repository's", async () => {
    const before = await ask("GET", "/v1/repositories/team/other/json");
    expect(before.text).toBe(
      '{"arch": "amd64", "docker_go_version": null, "docker_version": null, "kernel": null, "last_update": null, "os": "linux"}',
    );
    await ask("PUT", "/v1/repositories/team/other/tags/latest", { body: `"${base}"` });
    const now = `{"last_update": ${Math.floor(house.now() / 1000)}}`;
    expect((await ask("GET", "/v1/repositories/team/other/json")).text).toBe(now);
    expect((await ask("GET", "/v1/repositories/team/other/tags/latest/json")).text).toBe(now);
  });

  test("may point at an image that is still arriving, not at one that is not there", async () => {
    expect((await ask("PUT", `${path}/soon`, { body: `"${arriving}"` })).text).toBe("true");
    expectError(await ask("PUT", `${path}/never`, { body: `"${absent}"` }), 404, "Image not found");
    expectError(await ask("PUT", `${path}/never`, { body: '"none"' }), 404, "Image not found");
  });

  test("takes a JSON string, and no other body", async () => {
    for (const body of ["", base, "1", "null", '""', "[]", "{}"])
      expectError(await ask("PUT", `${path}/x`, { body }), 400, "Invalid data");
  });

  test("has a name of the pattern: this is looked at first", async () => {
    for (const tag of [".x", "-x", "a%20b", "a:b", "%C3%A4", "x".repeat(129)]) {
      const words = "Invalid tag name (must match ^[\\w][\\w.-]{0,127}$)";
      expectError(await ask("PUT", `${path}/${tag}`, { body: "" }), 400, words);
      expectError(await ask("GET", `${path}/${tag}`), 404, "Tag not found");
      expectError(await ask("DELETE", `${path}/${tag}`), 404, "Tag not found");
      expect((await ask("GET", `${path}/${tag}/json`)).status).toBe(200);
    }
  });

  test("of a repository that is not there is not there either", async () => {
    expectError(await ask("GET", "/v1/repositories/team/none/tags"), 404, "Repository not found");
    expectError(await ask("GET", "/v1/repositories/team/none/tags/x"), 404, "Tag not found");
    expectError(await ask("DELETE", "/v1/repositories/team/none/tags"), 404, "Repository not found");
    expectError(await ask("DELETE", "/v1/repositories/team/none/"), 404, "Repository not found");
  });
});

describe("the Hub's half", () => {
  const path = "/v1/repositories/team/pushed";
  const token = (access: string) =>
    new RegExp(`^Token signature=[A-Z0-9]{16},repository="team/pushed",access=${access}$`);

  function expectTokens(seen: Seen, access: string, length: number, after: readonly string[] = []): void {
    const issued = seen.get("x-docker-token") ?? "";
    expect(issued).toMatch(token(access));
    expect([...seen.headers]).toEqual([
      ...[`X-Docker-Token: ${issued}`, "X-Docker-Endpoints: localhost:5000"],
      ...["Pragma: no-cache", "Cache-Control: no-cache", "Expires: -1", "Content-Type: application/json"],
      ...[`WWW-Authenticate: ${issued}`, `Content-Length: ${length}`],
      ...after,
    ]);
  }
  const cors = ["Access-Control-Allow-Origin: *", "Access-Control-Allow-Methods: GET"];

  test("announces, lists, finishes and deletes, each with a token", async () => {
    const missing = await ask("GET", `${path}/images`);
    expect({ status: missing.status, text: missing.text }).toEqual({
      status: 404,
      text: '{"error": "images not found"}',
    });
    expect([...missing.headers]).toEqual([...noCache(29), ...cors]);
    const list = `[{"id": "${base}", "Tag": "x"}]`;
    const announced = await ask("PUT", `${path}/`, { body: list });
    expect(`${announced.status} ${announced.text}`).toBe('200 ""');
    expectTokens(announced, "write", 2);
    const images = await ask("GET", `${path}/images`);
    expect(images.text).toBe(list);
    expectTokens(images, "read", list.length, cors);
    expect((await ask("GET", `${path}/tags`)).text).toBe("{}");
    const finished = await ask("PUT", `${path}/images`, { body: "[]" });
    expect(`${finished.status} ${finished.reason}${finished.text}`).toBe("204 NO CONTENT");
    expectTokens(finished, "write", 0);
    const deleted = await ask("DELETE", `${path}/images`);
    expect(deleted.status).toBe(204);
    expectTokens(deleted, "delete", 0);
    expect((await ask("GET", `${path}/images`)).status).toBe(200);
    const gone = await ask("DELETE", `${path}/`);
    expect(`${gone.status} ${gone.text}`).toBe("200 true");
    expect([...gone.headers]).toEqual(noCache(4));
    expectError(await ask("DELETE", `${path}/tags`), 404, "Repository not found");
  });

  test("takes lists only", async () => {
    for (const target of [`${path}/`, `${path}/images`]) {
      for (const body of ["", "x", "[{"]) expectError(await ask("PUT", target, { body }), 400, "Error Decoding JSON");
      for (const body of ["{}", "1", '"x"']) expectError(await ask("PUT", target, { body }), 400, "Invalid data");
      const large = { ...{ body: "[]" }, headers: {} };
      expect((await ask("PUT", target, { ...large, body: `[${" ".repeat(8 * 1024 * 1024)}]` })).status).toBe(413);
    }
  });

  test("welcomes everybody", async () => {
    const seen = await ask("GET", "/v1/users/");
    expect(`${seen.status} ${seen.text}`).toBe('200 "OK"');
    const form = { "content-type": "application/x-www-form-urlencoded" };
    const made = await ask("POST", "/v1/users/", { body: '{"username": "x"}', headers: form });
    expect(`${made.status} ${made.reason} ${made.text}`).toBe('201 CREATED "User Created"');
    expect([...made.headers]).toEqual(noCache(14));
    expectError(await ask("POST", "/v1/users/", { body: "{" }), 400, "Error Decoding JSON");
    const changed = await ask("PUT", "/v1/users/alice/", { body: "nonsense" });
    expect(`${changed.status} ${changed.reason}${changed.text}`).toBe("204 NO CONTENT");
    expect([...changed.headers]).toEqual(noCache(0));
  });

  test("vouches for every token and layer", async () => {
    expect((await ask("PUT", `${path}/auth`)).text).toBe('"OK"');
    expect((await ask("GET", `${path}/layer/${absent}/access`)).text).toBe('{"access": true}');
  });

  test("keeps who may see a repository", async () => {
    expect((await ask("GET", `${path}/properties`)).text).toBe('{"access": "public"}');
    expect((await ask("PUT", `${path}/properties`, { body: '{"access": "private"}' })).text).toBe("true");
    expect((await ask("GET", `${path}/properties`)).text).toBe('{"access": "private"}');
    expect((await ask("PUT", `${path}/properties`, { body: '{"access": "other"}' })).text).toBe("true");
    expect((await ask("GET", `${path}/properties`)).text).toBe('{"access": "private"}');
    for (const body of ["", "[]", "{}", '{"a": 1}', '"public"'])
      expectError(await ask("PUT", `${path}/properties`, { body }), 400, "Invalid data");
  });
});

describe("a search", () => {
  test("finds by part of a name, sorted, with all that clients read", async () => {
    const seen = await ask("GET", "/v1/search?q=UBUN");
    expect(seen.text).toBe(
      '{"num_results": 1, "query": "UBUN", "results": [{"description": "", "is_automated": false, "is_official": false, ' +
        '"is_trusted": false, "name": "library/ubuntu", "star_count": 0}]}',
    );
    const cors = ["Access-Control-Allow-Origin: *", "Access-Control-Allow-Methods: GET"];
    expect([...seen.headers]).toEqual([...noCache(seen.text.length), ...cors]);
  });

  test("of an empty server finds nothing", async () => {
    const other = await openTestRegistry();
    expect((await openAsk(other)("GET", "/v1/search")).text).toBe('{"num_results": 0, "query": "", "results": []}');
    await other.remove();
  });

  test("comes in pages when it is asked to", async () => {
    for (const name of ["page/a", "page/b", "page/c"])
      await ask("PUT", `/v1/repositories/${name}/tags/latest`, { body: `"${base}"` });
    const pageOf = async (query: string) => {
      const { text } = await ask("GET", `/v1/search?q=page/${query}`);
      const { results, ...rest }: { results: { name: string }[] } = JSON.parse(text);
      return { ...rest, names: results.map(({ name }) => name) };
    };
    const rest = { num_pages: 2, num_results: 3, query: "page/" };
    expect<unknown>(await pageOf("&n=2")).toEqual({ ...rest, page: 1, page_size: 2, names: ["page/a", "page/b"] });
    expect<unknown>(await pageOf("&n=2&page=2")).toEqual({ ...rest, page: 2, page_size: 2, names: ["page/c"] });
    expect(await pageOf("&n=0")).toMatchObject({ page_size: 1 });
    expect(await pageOf("&n=1000")).toMatchObject({ page_size: 100 });
    expect(await pageOf("&n=x&page=y")).toMatchObject({ page_size: 25, page: 1 });
    expect(await pageOf("&page=99999999999")).toMatchObject({ page_size: 25, page: 1 });
  });
});

describe("the server", () => {
  test("says which it is, and how it is", async () => {
    expect((await ask("GET", "/")).text).toBe('"docker-registry server (dev) (v0.7.3)"');
    for (const path of ["/_status", "/v1/_status"]) {
      const { status, text } = await ask("GET", path);
      expect({ status, text }).toEqual({
        status: 200,
        text: '{"failures": {}, "host": "box", "services": ["storage"]}',
      });
    }
  });

  test("says what it does not know with pages", async () => {
    for (const path of ["/v1/", "/v2/", "/v1/_ping/", `/v1/images/${base}`, "/v1/repositories/team/tagged/tags/"]) {
      const { status, headers } = await ask("GET", path);
      expect({ status, headers: [...headers] }).toEqual({
        status: 404,
        headers: ["Content-Type: text/html", "Content-Length: 233"],
      });
    }
    const refused = await ask("GET", "/v1/repositories/team/tagged/");
    expect(`${refused.status} ${refused.reason}`).toBe("405 METHOD NOT ALLOWED");
    expect([...refused.headers]).toEqual([
      "Content-Type: text/html",
      "Allow: PUT, DELETE, OPTIONS",
      "Content-Length: 178",
    ]);
    const head = await ask("HEAD", "/v1/nothing");
    expect([head.status, head.get("content-length"), head.bytes.byteLength]).toEqual([404, "233", 0]);
  });

  test("says its methods to OPTIONS", async () => {
    const type = "Content-Type: text/html; charset=utf-8";
    const { status, headers, bytes } = await ask("OPTIONS", `/v1/images/${base}/layer`);
    expect([status, bytes.byteLength, ...headers]).toEqual([
      ...[200, 0, type, "Allow: GET, HEAD, PUT, OPTIONS", "Content-Length: 0"],
    ]);
    const cors = ["Access-Control-Allow-Origin: *", "Access-Control-Allow-Methods: GET"];
    expect([...(await ask("OPTIONS", "/v1/search")).headers].slice(3)).toEqual(cors);
  });

  test("sends on with the query, and to https where it was asked so", async () => {
    expect((await ask("GET", "/v1/users?x=1&y=a+b")).get("location")).toBe(
      "http://localhost:5000/v1/users/?x=1&y=a%2Bb",
    );
    const secure = openAsk(house, { isSecure: () => true });
    expect((await secure("POST", "/v1/users")).get("location")).toBe("https://localhost:5000/v1/users/");
    const old = await ask("GET", "/v1/users", { headers: { host: "" } });
    expect(old.get("location")).toBe("/v1/users/");
  });

  test("refuses names that are none", async () => {
    for (const name of ["-", "a/-", "a/._-", "%20", "a:b", "a//b", "x".repeat(256)]) {
      const { status, headers, text } = await ask("GET", `/v1/repositories/${name}/tags`);
      expect({ name, status }).toEqual({ name, status: 400 });
      expect(text).toStartWith('{"error": "');
      expect([...headers]).toEqual(noCache(text.length));
    }
    expect((await ask("GET", "/v1/repositories/a/../b/tags")).status).toBe(400);
  });

  test("takes names that only this protocol has", async () => {
    expect((await ask("PUT", "/v1/repositories/Team_/App./tags/V1", { body: `"${base}"` })).text).toBe("true");
    expect((await ask("GET", "/v1/repositories/Team_/App./tags")).text).toBe(`{"V1": "${base}"}`);
  });

  test("takes no orders from pages of other sites", async () => {
    const headers = { origin: "http://evil.example" };
    expect((await ask("DELETE", "/v1/repositories/ubuntu/", { headers })).status).toBe(403);
    expect((await ask("GET", "/v1/repositories/ubuntu/tags", { headers })).status).toBe(200);
  });
});

describe("a session of Docker 0.6", () => {
  const agent = { "user-agent": "docker/0.6.7 go/go1.1.2 kernel/3.8 os/linux arch/amd64" };
  const authorization = 'Token Token signature=ABCDEFGHIJKLMNOP,repository="team/old",access=write';

  test("begins with a token, at the registry's half, and not with what caches keep", async () => {
    const id = "fedcba9876543210";
    const begun = await ask("PUT", `/v1/images/${id}/json`, {
      body: imageJson(id),
      headers: { ...agent, authorization },
    });
    expect(begun.headers[0]).toMatch(/^Set-Cookie: session=[\w-]+\.[\da-f]{64}; Path=\/; HttpOnly$/);
    const tags = await ask("GET", "/v1/repositories/ubuntu/tags", { headers: { ...agent, authorization } });
    expect(tags.get("set-cookie")).toBeDefined();
    const none: readonly Promise<Seen>[] = [
      ask("GET", `/v1/images/${base}/json`, { headers: { ...agent, authorization } }),
      ask("GET", "/v1/repositories/ubuntu/tags", { headers: agent }),
      ask("GET", "/v1/repositories/ubuntu/tags", { headers: { authorization, "user-agent": "docker/0.7.6" } }),
      ask("PUT", "/v1/repositories/team/old/", { body: "[]", headers: { ...agent, authorization } }),
      ask("GET", "/v1/_ping", { headers: { ...agent, authorization } }),
      ask("GET", "/v1/repositories/none/tags", { headers: { ...agent, authorization } }),
    ];
    for (const seen of await Promise.all(none)) expect(seen.get("set-cookie")).toBeUndefined();
  });
});
