// The door of /v1/ as tests ask it: no port, over a registry of its own, with accounts in memory where the Hub is meant.

import { expect } from "bun:test";
import { connect } from "node:net";
import { type Actor, anonymous } from "#access";
import type { Answer } from "#http/answer";
import { type CallParts, call } from "#http/call";
import { guard } from "#http/guard";
import { digestOf } from "#lib/digest";
import { Fault } from "#lib/fault";
import { randomHex } from "#lib/id";
import { silentLog } from "#lib/log";
import { concat, readAll } from "#lib/stream";
import type { TestRegistry } from "#registry/testing";
import { type Accounts, type DockerV1Options, dockerV1Errors, type Grant, openDockerV1Door } from "./index.ts";

/** An answer, read to its end. */
export interface Seen {
  readonly status: number;
  readonly reason: string;
  /** `Name: value`, in order, without those that every answer ends with. */
  readonly headers: readonly string[];
  readonly bytes: Uint8Array;
  readonly text: string;
  /** The first header of a name. */
  get(name: string): string | undefined;
}

export type Ask = (method: string, target: string, parts?: CallParts) => Promise<Seen>;

const last = [
  "X-Docker-Registry-Version: 0.7.3",
  "X-Docker-Registry-Config: dev",
  "X-Content-Type-Options: nosniff",
] as const;

/** Asks a door over the registry of `house`, whose clock it has. */
export function openAsk(house: TestRegistry, options: Partial<DockerV1Options> = {}): Ask {
  const { v1Images: images, v1Tags: tags, v1Repositories: repositories, check } = house.registry;
  const clock = { now: house.now };
  const own = { sessionKey: "a key", isSecure: () => false, hostname: "box" };
  const door = guard(
    openDockerV1Door({ images, tags, repositories, check, clock, ...own, ...options }),
    dockerV1Errors,
    silentLog,
  );
  return async (method, target, { headers, ...parts } = {}) =>
    see(await door(call(method, target, { headers: { host: "localhost:5000", ...headers }, ...parts })));
}

async function see({ status, reason = "", headers: list, body }: Answer): Promise<Seen> {
  const all = list.flatMap((name, i) => (i % 2 === 0 ? [`${name}: ${list[i + 1]}`] : []));
  expect(all.slice(-last.length)).toEqual([...last]);
  const headers = all.slice(0, -last.length);
  const get = (name: string) => {
    const start = `${name.toLowerCase()}: `;
    return headers.find((each) => each.toLowerCase().startsWith(start))?.slice(start.length);
  };
  const bytes = await bytesOf(body);
  if (body !== undefined) expect(get("content-length")).toBe(String(bytes.byteLength));
  return { status, reason, headers, bytes, text: new TextDecoder().decode(bytes), get };
}

async function bytesOf(body: Answer["body"]): Promise<Uint8Array> {
  if (body === undefined || body instanceof Uint8Array) return body ?? new Uint8Array();
  try {
    return (await readAll(body.read(), body.length)) ?? new Uint8Array();
  } finally {
    await body.close();
  }
}

/** The headers of an answer that no cache keeps, whose body has `length` bytes. */
export const noCache = (length: number) => [
  ...["Expires: -1", "Content-Type: application/json", "Pragma: no-cache", "Cache-Control: no-cache"],
  `Content-Length: ${length}`,
];
/** A year after the moment at which the clock of a test registry stands. */
export const inAYear = "Expires: Fri, 01 Jan 2027 00:00:00 GMT";
/** Those of an image. */
export const cached = [
  inAYear,
  "Last-Modified: Thu, 01 Jan 1970 00:00:00 GMT",
  "Cache-Control: public, max-age=31536000",
];
export const octets = "Content-Type: application/octet-stream";

/** Fails unless an answer is this error, in the words of the registry. */
export function expectError({ status, headers, text }: Seen, code: number, words: string): void {
  const expected = JSON.stringify({ error: words }).replace('":', '": ');
  expect({ status, text }).toEqual({ status: code, text: expected });
  expect([...headers]).toEqual(noCache(expected.length));
}

/** An id of 64 digits. */
export function idOf(digit: string): string {
  return digit.repeat(64);
}

/** The JSON of an image. */
export function imageJson(id: string, parent?: string): string {
  const created = "2014-06-24T11:54:49Z";
  return JSON.stringify(parent === undefined ? { id, created } : { id, parent, created });
}

/** JSON, a newline, the layer. */
export function payloadOf(json: string, layer: Uint8Array): string {
  return digestOf(concat([new TextEncoder().encode(`${json}\n`), layer]));
}

/** A layer that is an empty archive: two blocks of zeros. */
export const emptyLayer = new Uint8Array(1024);

/** Pushes an image as Docker did from 0.10 on. */
export async function pushImage(
  ask: Ask,
  id: string,
  {
    parent,
    layer = emptyLayer,
    headers = {},
  }: { parent?: string; layer?: Uint8Array; headers?: CallParts["headers"] } = {},
): Promise<void> {
  const json = imageJson(id, parent);
  const sums = { "x-docker-checksum-payload": payloadOf(json, layer) };
  const put = async (part: string, parts: CallParts) => {
    const { status, text } = await ask("PUT", `/v1/images/${id}/${part}`, parts);
    expect({ part, status, text }).toEqual({ part, status: 200, text: "true" });
  };
  await put("json", { body: json, headers: { ...headers } });
  await put("layer", { body: layer, headers: { ...headers } });
  await put("checksum", { headers: { ...headers, ...sums } });
}

export function basic(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
}

interface Known {
  readonly password: string;
  readonly email: string;
  readonly isActive: boolean;
}

/**
 * Accounts in memory: everybody owns the namespace of their name, may pull what is not in `hidden`, and is active unless
 * their name begins with `new`. `isOpen`: whether one may register.
 */
export function openTestAccounts(hidden: ReadonlySet<string> = new Set(), isOpen = true): Accounts {
  const known = new Map<string, Known>();
  const grants = new Map<string, Grant>();
  const owns = ({ id }: Actor, namespace: string) => id !== null && id === namespace;
  return {
    async signIn({ username, password }, guest) {
      const account = known.get(username);
      if (account?.password !== password) throw new Fault("unauthenticated", "request", "wrong credentials");
      if (!account.isActive) throw new Fault("denied", "request", "Account is not Active");
      return { ...guest, id: username };
    },
    async register({ username, password, email }) {
      if (!isOpen) return "closed";
      const isTaken = known.has(username) || [...known.values()].some((each) => each.email === email);
      if (isTaken) return "taken";
      known.set(username, { password, email, isActive: !username.startsWith("new") });
      return "made";
    },
    async update({ id }, username, change) {
      const account = known.get(username);
      if (account === undefined) throw new Fault("unknown", "request", "User not found");
      if (id !== username) throw new Fault("denied", "request", "Not allowed");
      known.set(username, { ...account, ...change });
    },
    allows: async (actor, { namespace, path }, action) =>
      owns(actor, namespace) || (action === "pull" && !hidden.has(path)),
    async issue({ id }, repository, access) {
      const signature = randomHex(20);
      const actor = { ...anonymous("docker-v1", "", ""), id };
      grants.set(signature, { actor, repository, access });
      return signature;
    },
    async check({ signature, repository, access }, guest) {
      const grant = grants.get(signature);
      if (grant === undefined || grant.repository.path !== repository?.path || grant.access !== access)
        return undefined;
      return { ...grant, actor: { ...guest, id: grant.actor.id } };
    },
  };
}

/** Sends bytes to a port as they are; returns what comes back until the server closes, without Date and Connection. */
export function exchange(port: number, ...parts: readonly (string | Uint8Array)[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => {
      for (const part of parts) socket.write(part);
    });
    let text = "";
    socket.on("data", (bytes) => {
      text += bytes.toString("latin1");
    });
    socket.on("close", () => resolve(text.replace(/^(?:Date|Connection): .*\r\n/gm, "")));
    socket.on("error", reject);
  });
}
