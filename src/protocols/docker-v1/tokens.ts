// What says which repository a request is about: tokens, and the cookie sessions of the clients of 2013. In the open mode
// neither proves anything; where there are accounts a token is checked by them, and a session still proves nothing.
import { timingSafeEqual } from "node:crypto";
import type { Call } from "#http/call";
import { fingerprint } from "#lib/id";
import { isObject } from "#lib/json";
import { parseV1RepositoryName, type RepositoryName } from "#lib/reference";
import { parseJson } from "./json.ts";

export type TokenAccess = "read" | "write" | "delete";

/** A token as a client brought it. */
export interface Token {
  readonly signature: string;
  readonly repository: RepositoryName | undefined;
  readonly access: string | undefined;
}

const maxHeaderLength = 4096;
const pair = /(\w+)[:=][ "]?([^",]*)/g;

/**
 * The token of an Authorization header; undefined when it holds none. Clients put `Token ` before what they were given, which
 * in the open mode began with it already.
 */
export function parseToken(header: string | undefined): Token | undefined {
  if (header === undefined || header.length > maxHeaderLength) return undefined;
  const [, rest] = /^token +(?:token +)?(.*)$/i.exec(header) ?? [];
  if (rest === undefined) return undefined;
  const pairs = new Map<string, string>();
  for (const [, name = "", value = ""] of rest.matchAll(pair)) if (!pairs.has(name)) pairs.set(name, value.trim());
  if (pairs.size === 0) return undefined;
  const repository = pairs.get("repository");
  return {
    signature: pairs.get("signature") ?? "",
    repository: repository === undefined ? undefined : nameOrNothing(repository),
    access: pairs.get("access"),
  };
}

/** A token as it is issued, without the word before it. */
export function formatToken(signature: string, { namespace, name }: RepositoryName, access: TokenAccess): string {
  return `signature=${signature},repository="${namespace}/${name}",access=${access}`;
}

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

/** A signature of the open mode: it looks like one, and nobody checks it. */
export function openSignature(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => alphabet[byte % alphabet.length]).join("");
}

/** The name in a text, when it holds one: what a token or a session says badly it does not say. */
function nameOrNothing(text: string): RepositoryName | undefined {
  try {
    return parseV1RepositoryName(text);
  } catch {
    return undefined;
  }
}

/** Which repository a client of 2013 is at work on. */
export interface Sessions {
  /** The value of Set-Cookie for a session that says `name`. */
  issue(call: Call, name: RepositoryName): string;
  /** What the session of a call says; undefined without one, and for one that was tampered with or came from elsewhere. */
  read(call: Call): RepositoryName | undefined;
}

/** Sessions that only the holder of `key` can make. Without TLS they are good for one address, as they can be overheard. */
export function openSessions(key: string, isSecure: (call: Call) => boolean): Sessions {
  const sign = (content: string) => fingerprint(key, `docker-v1 session ${content}`, 64);
  const placeOf = (call: Call) => (isSecure(call) ? "" : call.address);
  return {
    issue(call, name) {
      const text = JSON.stringify({ repository: name.path, address: placeOf(call) });
      const content = Buffer.from(text).toString("base64url");
      return `session=${content}.${sign(content)}; Path=/; HttpOnly`;
    },
    read(call) {
      const header = call.header("cookie") ?? "";
      if (header.length > maxHeaderLength) return undefined;
      const [, content = "", mac = ""] = /(?:^|[;,] ?)session="?([\w-]+)\.([\da-f]{64})"?(?:[;,]|$)/.exec(header) ?? [];
      if (content === "" || !timingSafeEqual(Buffer.from(mac), Buffer.from(sign(content)))) return undefined;
      const session = parseJson(Buffer.from(content, "base64url"))?.value;
      if (!isObject(session) || session["address"] !== placeOf(call)) return undefined;
      return typeof session["repository"] === "string" ? nameOrNothing(session["repository"]) : undefined;
    },
  };
}
