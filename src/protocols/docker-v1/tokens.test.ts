// Tokens as clients wrote them, and sessions that nobody else can make.
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { call } from "#http/call";
import { parseV1RepositoryName } from "#lib/reference";
import { formatToken, openSessions, openSignature, parseToken } from "./tokens.ts";

const name = parseV1RepositoryName("alice/app");
const write = { signature: "ABC123", repository: name, access: "write" };

describe("a token", () => {
  const written: readonly string[] = [
    'Token signature=ABC123,repository="alice/app",access=write',
    'Token Token signature=ABC123,repository="alice/app",access=write',
    'token signature=ABC123, repository="alice/app", access=write',
    "TOKEN signature=ABC123,repository=alice/app,access=write",
    'Token signature:ABC123,repository:"alice/app",access:write',
    'Token Token signature=ABC123,repository="alice/app",access=write, Token signature=X,repository="b/c",access=read',
  ];
  for (const header of written) test(`is read from ${header}`, () => expect(parseToken(header)).toEqual(write));

  const none: readonly (string | undefined)[] = [
    undefined,
    "",
    "Token",
    "Token ",
    "Token x",
    "Basic Og==",
    "Bearer a=b",
    "Tokens a=b",
    "Token Token Token",
    `Token a=${"b".repeat(5000)}`,
  ];
  for (const header of none) {
    test(`is not read from ${header?.slice(0, 40)}`, () => expect(parseToken(header)).toBeUndefined());
  }

  test("that names no repository rightly names none", () => {
    for (const text of ["", "-", "a//b", "../x", "a b"])
      expect(parseToken(`Token signature=A,repository="${text}"`)?.repository).toBeUndefined();
  });

  test("of the library names it", () => {
    const ubuntu = parseV1RepositoryName("ubuntu");
    const text = formatToken("A", ubuntu, "read");
    expect(text).toBe('signature=A,repository="library/ubuntu",access=read');
    expect(parseToken(`Token ${text}`)?.repository?.path).toBe("ubuntu");
  });

  test("of the open mode has 16 letters and digits, others each time", () => {
    expect(openSignature()).toMatch(/^[A-Z0-9]{16}$/);
    expect(openSignature()).not.toBe(openSignature());
  });

  test("is looked for in any text without an error", () => {
    fc.assert(fc.property(fc.string(), (text) => void parseToken(`Token ${text}`)));
  });
});

describe("a session", () => {
  const plain = openSessions("a key", () => false);
  const from = (address: string, cookie: string) => call("GET", "/", { address, headers: { cookie } });
  const cookieOf = (cookie: string) => cookie.slice(0, cookie.indexOf(";"));
  const issued = plain.issue(from("10.0.0.1", ""), name);

  test("is a cookie for the whole server that pages cannot read", () => {
    expect(issued).toMatch(/^session=[\w-]+\.[\da-f]{64}; Path=\/; HttpOnly$/);
  });

  test("says its repository to who brings it back, among other cookies too", () => {
    const cookie = cookieOf(issued);
    for (const header of [cookie, `a=b; ${cookie}; c=d`, cookie.replace(/=(.*)/, '="$1"')])
      expect(plain.read(from("10.0.0.1", header))?.path).toBe("alice/app");
  });

  test("says nothing from another address, under another key, or changed", () => {
    const cookie = cookieOf(issued);
    const isRead = (sessions: typeof plain, address: string, header: string) =>
      sessions.read(from(address, header)) !== undefined;
    expect(isRead(plain, "10.0.0.2", cookie)).toBe(false);
    expect(
      isRead(
        openSessions("another key", () => false),
        "10.0.0.1",
        cookie,
      ),
    ).toBe(false);
    for (const header of [
      "",
      "session=",
      "session=x",
      `x${cookie}`,
      `${cookie}0`,
      cookie.replace("session=", "session=a"),
    ])
      expect(isRead(plain, "10.0.0.1", header)).toBe(false);
    const last = cookie.at(-1) === "0" ? "1" : "0";
    expect(isRead(plain, "10.0.0.1", cookie.slice(0, -1) + last)).toBe(false);
  });

  test("through TLS is good from any address, and not without TLS", () => {
    const secure = openSessions("a key", () => true);
    const cookie = cookieOf(secure.issue(from("10.0.0.1", ""), name));
    expect(secure.read(from("10.0.0.2", cookie))?.path).toBe("alice/app");
    expect(plain.read(from("10.0.0.1", cookie))).toBeUndefined();
    expect(secure.read(from("10.0.0.1", cookieOf(issued)))).toBeUndefined();
  });
});
