// What an engine keeps while it pushes or pulls: its cookies, and the token that its first request was given. Every answer
// is held against what the engine needs; what it does not find is an error that shows request and answer.
import type { Engine } from "./engines.ts";
import { type Header, type Reply, send } from "./wire.ts";

export interface Login {
  readonly user: string;
  readonly password: string;
}

export interface Asking {
  readonly headers?: readonly Header[];
  readonly body?: Uint8Array;
  readonly isChunked?: boolean;
  readonly isCut?: boolean;
  readonly userAgent?: string;
}

export interface Session {
  readonly engine: Engine;
  /** What was asked and answered, in order: `PUT /v1/… 200`. */
  readonly log: string[];
  ask(method: string, target: string, asking?: Asking): Promise<Reply>;
  /** Like ask; throws unless the answer has one of `statuses`. */
  need(statuses: readonly number[], method: string, target: string, asking?: Asking): Promise<Reply>;
  /** The header for a request at the registry. */
  token(): Header[];
  /** The headers for a request at the index. */
  credentials(isPush: boolean): Header[];
  /** Takes the token out of an answer of the index. */
  takeToken(reply: Reply): void;
}

export function openSession(url: string, engine: Engine, login?: Login): Session {
  const cookies = new Map<string, string>();
  const log: string[] = [];
  let token: string | undefined;

  const ask = async (method: string, target: string, asking: Asking = {}): Promise<Reply> => {
    const { headers = [], body, isChunked = false, isCut = false, userAgent = engine.userAgent } = asking;
    const jar = [...cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    const own: Header[] = jar === "" ? [...headers] : [...headers, ["Cookie", jar]];
    const reply = await send(url, {
      method,
      target,
      body,
      isChunked,
      isCut,
      // Go writes what it adds itself around the others, and the others in the order of their names.
      headers: [
        ["User-Agent", userAgent],
        ...lengthOf(method, body, isChunked),
        ...own.sort(([one], [other]) => (one < other ? -1 : 1)),
        ...(method === "HEAD" ? [] : [["Accept-Encoding", "gzip"] satisfies Header]),
      ],
    });
    for (const cookie of reply.all("set-cookie")) {
      const [, name, value] = /^([^=;]+)=([^;]*)/.exec(cookie) ?? [];
      if (name !== undefined && value !== undefined) cookies.set(name, value);
    }
    log.push(`${method} ${target} ${reply.status}`);
    return reply;
  };

  return {
    engine,
    log,
    ask,
    async need(statuses, method, target, asking) {
      const reply = await ask(method, target, asking);
      if (statuses.includes(reply.status)) return reply;
      throw new Error(
        `Docker ${engine.version}: ${method} ${target}: expected ${statuses.join(" or ")}, got ${reply.status}: ${reply.text.slice(0, 300)}`,
      );
    },
    token() {
      if (token !== undefined) return [["Authorization", `Token ${token}`]];
      return engine.sendsEmptyCredentials ? [["Authorization", "Token "]] : [];
    },
    credentials(isPush) {
      const marker: Header = ["X-Docker-Token", "true"];
      if (login !== undefined) return [basicOf(login), marker];
      if (isPush && engine.sendsEmptyCredentials) return [basicOf({ user: "", password: "" }), marker];
      // Engines since 1.7 add the token that they hold to whatever has no other credentials.
      return isPush && token !== undefined ? [["Authorization", `Token ${token}`], marker] : [marker];
    },
    takeToken(reply) {
      const tokens = reply.all("x-docker-token");
      if (tokens.length > 0) token = tokens.join(engine.tokenSeparator);
    },
  };
}

export function basicOf({ user, password }: Login): Header {
  return ["Authorization", `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`];
}

function lengthOf(method: string, body: Uint8Array | undefined, isChunked: boolean): Header[] {
  if (isChunked) return [["Transfer-Encoding", "chunked"]];
  if (body !== undefined) return [["Content-Length", String(body.byteLength)]];
  return method === "PUT" || method === "POST" ? [["Content-Length", "0"]] : [];
}
