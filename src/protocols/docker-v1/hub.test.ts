// With accounts: the Hub's transcripts and words, tokens that are checked, and who may do what.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { openTestRegistry, type TestRegistry } from "#registry/testing";
import { type Ask, basic, idOf, imageJson, openAsk, openTestAccounts, pushImage, type Seen } from "./testing.ts";

const hidden = new Set(["sampritavh/secret"]);
const password = "toto42";
const path = "/v1/repositories/sampritavh/dockerplayground";
const mine = { authorization: basic("sampritavh", password) };
const wanted = { ...mine, "x-docker-token": "true" };
const ids = Array.from({ length: 16 }, (_, i) => idOf(i.toString(16)));
let house: TestRegistry;
let ask: Ask;

const registration = (username: string, email = `${username}@flux7.com`) =>
  JSON.stringify({ email, password, username });

beforeAll(async () => {
  house = await openTestRegistry();
  ask = openAsk(house, { mode: { kind: "hub", accounts: openTestAccounts(hidden) } });
  for (const username of ["sampritavh", "other", "newcomer"])
    await ask("POST", "/v1/users/", { body: registration(username) });
  const body = JSON.stringify(ids.toReversed().flatMap((id) => [{ id }, { id, Tag: "latest" }]));
  await ask("PUT", `${path}/`, { body, headers: mine });
});
afterAll(() => house.remove());

function expectHubError({ status, text, get }: Seen, code: number, words: string): void {
  expect({ status, text }).toEqual({ status: code, text: JSON.stringify(words) });
  expect(get("www-authenticate")).toBe(code === 401 ? 'Basic realm="auth required",Token' : undefined);
}

function expectUnauthorized({ status, text, get }: Seen): void {
  expect({ status, text }).toEqual({ status: 401, text: '{"error": "Requires authorization"}' });
  expect(get("www-authenticate")).toBe("Token");
}

/** A token as the Hub hands it out; a client puts the word before it. */
async function tokenFor(
  method: string,
  target: string,
  headers: Readonly<Record<string, string>> = wanted,
): Promise<string> {
  const seen = await ask(method, target, { headers, ...(method === "PUT" ? { body: "[]" } : {}) });
  const token = seen.get("x-docker-token");
  if (token === undefined) throw new Error(`no token came: ${seen.status} ${seen.text}`);
  return `Token ${token}`;
}

describe("the transcripts", () => {
  test("T7, T8: a checksum that is put changes one image of sixteen", async () => {
    const before = await ask("GET", `${path}/images`);
    expect(before.text).toBe(`[${ids.map((id) => `{"checksum": "", "id": "${id}"}`).join(", ")}]`);
    expect(before.text).toHaveLength(0x5c0);
    const checksum = "b486531f9a779a0c".repeat(4);
    const put = await ask("PUT", `${path}/images`, { body: JSON.stringify([{ id: ids[7], checksum }]), headers: mine });
    expect(`${put.status} ${put.text}`).toBe("204 ");
    const after = await ask("GET", `${path}/images`);
    expect(after.text).toHaveLength(0x600);
    expect(after.text).toContain(`{"checksum": "${checksum}", "id": "${ids[7]}"}`);
  });

  test("T6: a repository is deleted, and then there is nothing to delete", async () => {
    const target = "/v1/repositories/sampritavh/dockerplayground3";
    await ask("PUT", `${target}/`, { body: "[]", headers: mine });
    expect((await ask("DELETE", target, { headers: mine })).get("location")).toBe(`http://localhost:5000${target}/`);
    const first = await ask("DELETE", `${target}/`, { headers: mine });
    expect(`${first.status} ${first.reason} ${first.text}`).toBe('202 ACCEPTED ""');
    const second = await ask("DELETE", `${target}/`, { headers: mine });
    expect(`${second.status} ${second.text}`).toBe('200 ""');
  });

  test("T9: a log-in", async () => {
    expect((await ask("GET", "/v1/users", { headers: mine })).get("location")).toBe("http://localhost:5000/v1/users/");
    const seen = await ask("GET", "/v1/users/", { headers: mine });
    expect(`${seen.status} ${seen.text}`).toBe('200 "OK"');
  });

  test("T10: a registration, and then the words by which clients know to log in", async () => {
    const body = registration("testhubapi", "test@flux7.com");
    const seen = await ask("POST", "/v1/users/", { body });
    expect(`${seen.status} ${seen.text}`).toBe('201 "User created"');
    expect(seen.text).toHaveLength(0xe);
    const again = await ask("POST", "/v1/users/", { body });
    expectHubError(again, 400, "Username or email already exists");
    expect(again.text).toHaveLength(34);
    const sameAddress = await ask("POST", "/v1/users/", { body: registration("another", "test@flux7.com") });
    expectHubError(sameAddress, 400, "Username or email already exists");
  });
});

describe("an account", () => {
  test("is asked for its password", async () => {
    for (const headers of [{}, { authorization: basic("sampritavh", "wrong") }, { authorization: basic("", "") }])
      expectHubError(await ask("GET", "/v1/users/", { headers }), 401, "Requires authorization");
    const headers = { authorization: basic("newcomer", password) };
    expectHubError(await ask("GET", "/v1/users/", { headers }), 403, "Account is not Active");
    expectHubError(await ask("GET", `${path}/images`, { headers }), 403, "Account is not Active");
    const token = { authorization: await tokenFor("GET", `${path}/images`) };
    expectHubError(await ask("GET", "/v1/users/", { headers: token }), 401, "Requires authorization");
  });

  const mistakes: readonly (readonly [body: string, words: string])[] = [
    ["", "Error Decoding JSON"],
    ["[]", "Error Decoding JSON"],
    ["{}", 'Wrong username format (it has to match "^[a-z0-9_]{4,30}$")'],
    [registration("abc"), 'Wrong username format (it has to match "^[a-z0-9_]{4,30}$")'],
    [registration("Alice"), 'Wrong username format (it has to match "^[a-z0-9_]{4,30}$")'],
    ['{"username": "alice", "email": "a@b", "password": "1234"}', "Password must have at least 5 characters"],
    ['{"username": "alice", "email": "a@b"}', "Password must have at least 5 characters"],
    ['{"username": "alice", "email": "ab", "password": "12345"}', "Enter a valid email address"],
    ['{"username": "alice", "password": "12345"}', "Enter a valid email address"],
  ];
  for (const [body, words] of mistakes) {
    test(`is not made of ${body}`, async () => expectHubError(await ask("POST", "/v1/users/", { body }), 400, words));
  }

  test("is not made where nobody may register: clients log in then", async () => {
    const closed = openAsk(house, { mode: { kind: "hub", accounts: openTestAccounts(hidden, false) } });
    const seen = await closed("POST", "/v1/users/", { body: registration("alice") });
    expectHubError(seen, 401, "Requires authorization");
  });

  test("is changed by its owner", async () => {
    await ask("POST", "/v1/users/", { body: registration("changer") });
    const headers = { authorization: basic("changer", password) };
    const put = (user: string, body: string, by = headers) => ask("PUT", `/v1/users/${user}/`, { body, headers: by });
    expectHubError(await ask("PUT", "/v1/users/changer/", { body: "{}" }), 401, "Requires authorization");
    expectHubError(await put("changer", "x"), 400, "Error Decoding JSON");
    expectHubError(await put("changer", '{"password": "1"}'), 400, "Password must have at least 5 characters");
    expectHubError(await put("changer", '{"email": 1}'), 400, "Enter a valid email address");
    expectHubError(await put("other", '{"password": "stolen"}'), 403, "Not allowed");
    expectHubError(await put("nobody", "{}"), 404, "User not found");
    const { status, text } = await put("changer", '{"password": "another", "email": "new@flux7.com"}');
    expect({ status, text }).toEqual({ status: 204, text: "" });
    expect((await ask("GET", "/v1/users/", { headers })).status).toBe(401);
    const renewed = { authorization: basic("changer", "another") };
    expect((await ask("GET", "/v1/users/", { headers: renewed })).status).toBe(200);
  });
});

describe("a token", () => {
  test("is handed out to who asks, without its word, and has the shape of the Hub's", async () => {
    const plain = await ask("GET", `${path}/images`);
    const names = plain.headers.map((each) => each.split(":", 1)[0]);
    const none = ["Pragma", "Cache-Control", "Expires", "Content-Type", "Content-Length"];
    const cors = ["Access-Control-Allow-Origin", "Access-Control-Allow-Methods"];
    expect<unknown>(names).toEqual([...none, ...cors]);
    const seen = await ask("GET", `${path}/images`, { headers: { "x-docker-token": "true" } });
    const token = seen.get("x-docker-token");
    expect(token).toMatch(/^signature=[\da-f]{40},repository="sampritavh\/dockerplayground",access=read$/);
    expect(seen.get("www-authenticate")).toBe(`Token ${token}`);
    expect(seen.get("x-docker-endpoints")).toBe("localhost:5000");
    expect(seen.headers.map((each) => each.split(":", 1)[0])).toEqual([
      ...["X-Docker-Token", "X-Docker-Endpoints", "Pragma", "Cache-Control", "Expires", "Content-Type"],
      ...["WWW-Authenticate", "Content-Length", ...cors],
    ]);
  });

  test("lets a push through from end to end, again and again", async () => {
    const authorization = await tokenFor("PUT", `${path}/`);
    const headers = { authorization };
    const id = idOf("e");
    expect((await ask("GET", `/v1/images/${id}/json`, { headers })).status).toBe(404);
    await pushImage(ask, id, { headers });
    expect((await ask("PUT", `${path}/tags/latest`, { body: `"${id}"`, headers })).text).toBe("true");
    expect((await ask("PUT", `${path}/images`, { body: "[]", headers })).status).toBe(204);
    const read = { authorization: await tokenFor("GET", `${path}/images`, { "x-docker-token": "true" }) };
    for (const each of [headers, read, mine]) {
      expect((await ask("GET", `${path}/tags`, { headers: each })).text).toBe(`{"latest": "${id}"}`);
      expect((await ask("GET", `/v1/images/${id}/json`, { headers: each })).text).toBe(imageJson(id));
      expect((await ask("HEAD", `/v1/images/${id}/layer`, { headers: each })).status).toBe(200);
    }
  });

  test("is needed at the registry's half, but for what says who it is", async () => {
    const unsaid: readonly (Readonly<Record<string, string>> | undefined)[] = [
      undefined,
      { authorization: "Token " },
      { authorization: basic("", "") },
      { authorization: basic("sampritavh", "wrong") },
      { authorization: `Token signature=${"a".repeat(40)},repository="sampritavh/dockerplayground",access=read` },
    ];
    const routes = [
      ["GET", `/v1/images/${idOf("e")}/json`],
      ["PUT", "/v1/images/none/layer"],
      ["GET", `${path}/tags`],
      ["PUT", `${path}/tags/x`],
      ["GET", `${path}/properties`],
      ["GET", `${path}/json`],
    ] as const;
    for (const headers of unsaid) {
      for (const [method, target] of routes)
        expectUnauthorized(await ask(method, target, headers === undefined ? {} : { headers }));
    }
    const wrong = { authorization: basic("sampritavh", "wrong") };
    for (const target of ["/", "/_ping", "/v1/_ping", "/v1/_status"])
      expect((await ask("GET", target, { headers: wrong })).status).toBe(200);
    expect((await ask("GET", "/v1/_ping")).get("x-docker-registry-standalone")).toBe("False");
  });

  test("is for one repository and for its purpose", async () => {
    await ask("PUT", "/v1/repositories/sampritavh/two/", { body: "[]", headers: mine });
    const [read, write, erase] = [
      { authorization: await tokenFor("GET", `${path}/images`) },
      { authorization: await tokenFor("PUT", `${path}/`) },
      { authorization: await tokenFor("DELETE", `${path}/images`) },
    ];
    for (const headers of [read, write, erase]) {
      expectUnauthorized(await ask("GET", "/v1/repositories/sampritavh/two/tags", { headers }));
      expectUnauthorized(await ask("DELETE", "/v1/repositories/sampritavh/two/", { headers }));
    }
    const tag = { body: `"${idOf("e")}"` };
    expectUnauthorized(await ask("PUT", `${path}/tags/x`, { ...tag, headers: read }));
    expectUnauthorized(await ask("PUT", `${path}/tags/x`, { ...tag, headers: erase }));
    expectUnauthorized(await ask("GET", `${path}/tags`, { headers: erase }));
    expectUnauthorized(await ask("DELETE", `${path}/tags/x`, { headers: write }));
    expect((await ask("GET", `${path}/tags`, { headers: write })).status).toBe(200);
    const changed = { authorization: read.authorization.replace("access=read", "access=write") };
    expectUnauthorized(await ask("PUT", `${path}/tags/x`, { ...tag, headers: changed }));
    const moved = { authorization: read.authorization.replace("dockerplayground", "two") };
    expectUnauthorized(await ask("GET", "/v1/repositories/sampritavh/two/tags", { headers: moved }));
  });

  test("to delete deletes at the registry, also what the Hub deleted before", async () => {
    const target = "/v1/repositories/sampritavh/doomed";
    await ask("PUT", `${target}/`, { body: "[]", headers: mine });
    const headers = { authorization: await tokenFor("DELETE", `${target}/`) };
    const gone = await ask("DELETE", `${target}/`, { headers });
    expect(`${gone.status} ${gone.text}`).toBe("200 true");
    expect((await ask("DELETE", `${target}/`, { headers: mine })).status).toBe(200);
  });

  test("is vouched for", async () => {
    const write = { authorization: await tokenFor("PUT", `${path}/`) };
    for (const authorization of [write.authorization, await tokenFor("DELETE", `${path}/images`)])
      expect((await ask("PUT", `${path}/auth`, { headers: { authorization } })).text).toBe('"OK"');
    expectHubError(await ask("PUT", `${path}/auth`), 401, "Requires authorization");
    const foreign = "/v1/repositories/sampritavh/two/auth";
    expectHubError(await ask("PUT", foreign, { headers: write }), 401, "Requires authorization");
    const accessTo = async (id: string, headers = {}) =>
      (await ask("GET", `${path}/layer/${id}/access`, { headers })).text;
    expect(await accessTo(idOf("e"), write)).toBe('{"access": true}');
    expect(await accessTo(idOf("9"), write)).toBe('{"access": false}');
    expect(await accessTo("none")).toBe('{"access": false}');
    await ask("PUT", `/v1/images/${idOf("8")}/json`, { body: imageJson(idOf("8")), headers: write });
    expect(await accessTo(idOf("8"), write)).toBe('{"access": true}');
  });
});

describe("a repository", () => {
  const theirs = { authorization: basic("other", password) };
  const notYours = "Access denied, you don't have access to this repo";
  const notThere = "Access Denied: Not allowed to create Repo at given location";

  test("is pushed to and deleted by its owner", async () => {
    const list = { body: "[]" };
    for (const [method, target] of [
      ["PUT", `${path}/`],
      ["PUT", `${path}/images`],
      ["DELETE", `${path}/`],
    ] as const) {
      expectHubError(await ask(method, target, list), 401, "Requires authorization");
      expectHubError(await ask(method, target, { ...list, headers: theirs }), 403, notYours);
    }
    const library = await ask("PUT", "/v1/repositories/ubuntu/", { ...list, headers: mine });
    expect(library.status).toBe(403);
    const { status, text } = await ask("PUT", `${path}/tags/x`, { body: '""', headers: theirs });
    expect({ status, text }).toEqual({ status: 403, text: `{"error": "${notYours}"}` });
  });

  test("that one may not see is not there", async () => {
    const secret = "/v1/repositories/sampritavh/secret";
    expect((await ask("PUT", `${secret}/`, { body: "[]", headers: mine })).status).toBe(200);
    for (const parts of [{}, { headers: theirs }]) {
      expectHubError(await ask("GET", `${secret}/images`, parts), 404, "images not found");
      expect((await ask("GET", `${secret}/images`, parts)).get("access-control-allow-origin")).toBe("*");
    }
    expectHubError(await ask("PUT", `${secret}/`, { body: "[]", headers: theirs }), 403, notThere);
    const tags = await ask("GET", `${secret}/tags`, { headers: theirs });
    expect({ status: tags.status, text: tags.text }).toEqual({
      status: 404,
      text: '{"error": "Repository not found"}',
    });
    const tag = await ask("GET", `${secret}/tags/x`, { headers: theirs });
    expect({ status: tag.status, text: tag.text }).toEqual({ status: 404, text: '{"error": "Tag not found"}' });
    expect((await ask("GET", `${secret}/images`, { headers: mine })).status).toBe(200);
  });

  test("says in JSON strings what is wrong with a list", async () => {
    expectHubError(await ask("PUT", `${path}/`, { body: "x", headers: mine }), 400, "Error Decoding JSON");
    expectHubError(await ask("PUT", `${path}/images`, { body: "{}", headers: mine }), 400, "Invalid data");
    expectHubError(await ask("GET", "/v1/repositories/sampritavh/none/images"), 404, "images not found");
  });
});

test("a search comes in pages, those of the library by their bare names", async () => {
  const open = openAsk(house);
  for (const name of ["ubuntu", "team/ubuntu"])
    await open("PUT", `/v1/repositories/${name}/tags/latest`, { body: `"${idOf("e")}"` });
  const { text } = await ask("GET", "/v1/search?q=ubuntu", { headers: { authorization: "Token " } });
  expect(text).toStartWith(
    '{"num_pages": 1, "num_results": 2, "page": 1, "page_size": 25, "query": "ubuntu", "results": [',
  );
  expect(text).toContain('"is_official": true, "is_trusted": false, "name": "ubuntu"');
  expect(text).toContain('"is_official": false, "is_trusted": false, "name": "team/ubuntu"');
  expect((await ask("GET", "/v1/search?q=ubuntu", { headers: mine })).status).toBe(200);
  const wrong = { authorization: basic("sampritavh", "wrong") };
  expectUnauthorized(await ask("GET", "/v1/search?q=ubuntu", { headers: wrong }));
});

test("a session proves nothing", async () => {
  const agent = { "user-agent": "docker/0.6.7 go/go1.1.2 kernel/3.8 os/linux arch/amd64" };
  const authorization = await tokenFor("PUT", `${path}/`);
  const begun = await ask("GET", `${path}/tags`, { headers: { ...agent, authorization } });
  const cookie = begun.get("set-cookie")?.split(";", 1)[0] ?? "";
  expect(cookie).toStartWith("session=");
  expectUnauthorized(await ask("GET", `${path}/tags`, { headers: { ...agent, cookie } }));
});
