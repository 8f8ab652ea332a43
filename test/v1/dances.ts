// The dances of the engines: finding the registry, login, push, pull, search, and the deletion that the documents describe.
// Each returns what the engine would have; each throws where the engine would have failed.
import { payloadChecksum, tarsum } from "./checksums.ts";
import type { Engine } from "./engines.ts";
import { basicOf, type Login, openSession, type Session } from "./session.ts";
import type { Header, Reply } from "./wire.ts";

export interface V1Image {
  readonly id: string;
  readonly json: Buffer;
  readonly layer: Buffer;
}

/** Images of one tag, base first. */
export type Chain = readonly V1Image[];

export interface Where {
  readonly url: string;
  readonly engine: Engine;
  readonly login?: Login;
  /** A push breaks off after so many images, in the middle of the next layer. */
  readonly breaksAfter?: number;
}

const json: Header = ["Content-Type", "application/json"];
/** The requests to the index set their headers behind the back of the library, which then leaves the name alone. */
const indexJson: Header = ["Content-type", "application/json"];

function open({ url, engine, login }: Where): Session {
  return openSession(url, engine, login);
}

/** Finds out what the server speaks. Throws when the engine would not speak v1 to it. */
export async function discover(where: Where): Promise<void> {
  const session = open(where);
  const { engine } = session;
  const plain = engine.plainUserAgent === undefined ? {} : { userAgent: engine.plainUserAgent };
  if (engine.asksVersion2) {
    const reply = await session.ask("GET", "/v2/", plain);
    const versions = reply.all("docker-distribution-api-version").flatMap((value) => value.split(/\s+/));
    if (versions.includes("registry/2.0")) throw new Error(`/v2/ shows itself to Docker ${engine.version}`);
  }
  const ping = await session.need([200], "GET", "/v1/_ping", plain);
  if (engine.isStrict) require(ping, "x-docker-registry-version");
  const standalone = ping.get("x-docker-registry-standalone")?.toLowerCase();
  if (standalone !== "true") throw new Error(`a ping says that standalone is ${standalone}`);
}

/** What the command line would say. */
export async function login(where: Where, { user, password }: Login): Promise<string> {
  const session = open(where);
  const { engine } = session;
  const body = JSON.stringify({ username: user, password, auth: "", email: `${user}@example.com` });
  const registered = await session.ask("POST", "/v1/users/", {
    headers: [["Content-Type", "application/json; charset=utf-8"]],
    body: Buffer.from(body),
    ...(engine.plainUserAgent === undefined ? {} : { userAgent: engine.plainUserAgent }),
  });
  if (registered.status === 201) return "Account created";
  const isTaken = registered.status === 400 && registered.text === '"Username or email already exists"';
  if (!isTaken && registered.status !== 401) return `Registration: ${registered.text}`;
  const checked = await session.ask("GET", "/v1/users/", { headers: [basicOf({ user, password })] });
  if (checked.status === 200) return "Login Succeeded";
  return checked.status === 401 ? "Wrong login/password" : `Login: ${checked.text}`;
}

/** Pushes chains under their tags, with all that they have in common sent once. Returns what was asked and answered. */
export async function push(
  where: Where,
  repository: string,
  tags: Readonly<Record<string, Chain>>,
): Promise<readonly string[]> {
  const session = open(where);
  const images = new Map<string, V1Image>();
  const tagsOf = new Map<string, string[]>();
  for (const [tag, chain] of Object.entries(tags)) {
    const tagged = session.engine.tagsAncestors ? chain : chain.slice(-1);
    for (const { id } of tagged) tagsOf.set(id, [...(tagsOf.get(id) ?? []), tag]);
    for (const image of chain) images.set(image.id, image);
  }
  const entries = [...images.keys()].flatMap((id) => {
    const own = tagsOf.get(id);
    return own === undefined ? [{ id }] : own.map((Tag) => ({ id, Tag }));
  });
  const announced = await session.need([200, 201], "PUT", `/v1/repositories/${repository}/`, {
    headers: [indexJson, ...session.credentials(true)],
    body: Buffer.from(JSON.stringify(entries)),
  });
  require(announced, "x-docker-token");
  const endpoint = require(announced, "x-docker-endpoints");
  session.takeToken(announced);

  const isThere = new Map<string, boolean>();
  let sent = 0;
  const look = async (id: string) => {
    const { status } = await session.ask("GET", `/v1/images/${id}/json`, { headers: session.token() });
    isThere.set(id, status === 200);
  };
  // Engines since 1.5 ask for all of them before they send the first.
  if (session.engine.asksVersion2) await Promise.all([...images.keys()].map(look));
  for (const image of images.values()) {
    if (!isThere.has(image.id)) await look(image.id);
    if (isThere.get(image.id) !== true) await pushImage(session, image, sent++ === where.breaksAfter);
    for (const tag of tagsOf.get(image.id) ?? []) {
      await session.need([200, 201], "PUT", `/v1/repositories/${repository}/tags/${tag}`, {
        headers: [json, ...session.token()],
        body: Buffer.from(`"${image.id}"`),
      });
    }
  }
  await finish(session, repository, { images: [...images.values()], endpoint });
  return session.log;
}

async function finish(
  session: Session,
  repository: string,
  { images, endpoint }: { readonly images: readonly V1Image[]; readonly endpoint: string },
): Promise<void> {
  const sum = session.engine.checksums === "ahead" ? payloadChecksum : tarsum;
  const list = session.engine.announcesChecksums
    ? images.map(({ id, json, layer }) => ({ id, checksum: sum(json, layer) }))
    : [];
  await session.need([204], "PUT", `/v1/repositories/${repository}/images`, {
    headers: [indexJson, ["X-Docker-Endpoints", `http://${endpoint}/v1/`], ...session.credentials(true)],
    body: Buffer.from(JSON.stringify(list)),
  });
}

/** One image; nothing more is sent of it when the server says that it has it. */
async function pushImage(session: Session, { id, json: text, layer }: V1Image, isCut: boolean): Promise<void> {
  const { checksums, hasLayerType } = session.engine;
  const ahead: Header[] = checksums === "ahead" ? [["X-Docker-Checksum", payloadChecksum(text, layer)]] : [];
  const stored = await session.ask("PUT", `/v1/images/${id}/json`, {
    headers: [json, ...ahead, ...session.token()],
    body: text,
  });
  if (stored.text === '{"error": "Image already exists"}') return;
  if (stored.status !== 200) throw new Error(`PUT json of ${id}: ${stored.status} ${stored.text}`);
  await session.need([200], "PUT", `/v1/images/${id}/layer`, {
    headers: [
      ...(hasLayerType ? [["Content-Type", "application/octet-stream"] satisfies Header] : []),
      ...session.token(),
    ],
    body: layer,
    isChunked: true,
    isCut,
  });
  if (checksums === "ahead") return;
  const payload: Header[] = checksums === "both" ? [["X-Docker-Checksum-Payload", payloadChecksum(text, layer)]] : [];
  await session.need([200], "PUT", `/v1/images/${id}/checksum`, {
    headers: [["X-Docker-Checksum", tarsum(text, layer)], ...payload, ...session.token()],
  });
}

export interface Pulled {
  readonly chain: Chain;
  readonly log: readonly string[];
}

/** Pulls one tag. `has` names the images that the engine has already, and does not ask for. */
export async function pull(
  where: Where,
  repository: string,
  tag: string,
  has: ReadonlySet<string> = new Set(),
): Promise<Pulled> {
  const session = open(where);
  const { engine } = session;
  const listed = await session.need([200], "GET", `/v1/repositories/${repository}/images`, {
    headers: session.credentials(false),
  });
  if (!Array.isArray(JSON.parse(listed.text))) throw new Error(`no list of images: ${listed.text}`);
  if (engine.isStrict) require(listed, "x-docker-endpoints");
  session.takeToken(listed);
  const top = await findTag(session, repository, tag);
  const ancestry = await session.need([200], "GET", `/v1/images/${top}/ancestry`, { headers: session.token() });
  const ids = readIds(ancestry);
  if (ids[0] !== top) throw new Error(`the ancestry of ${top} begins with ${ids[0]}`);
  const wanted = ids.filter((id) => !has.has(id));
  const chain: V1Image[] = [];
  for (const id of engine.pullsNewestFirst ? wanted : wanted.toReversed()) chain.push(await pullImage(session, id));
  return { chain: engine.pullsNewestFirst ? chain.reverse() : chain, log: session.log };
}

async function findTag(session: Session, repository: string, tag: string): Promise<string> {
  const full = repository.includes("/") ? repository : `library/${repository}`;
  const all = `/v1/repositories/${full}/tags`;
  const target = session.engine.asksOneTag ? `${all}/${tag}` : all;
  const reply = await session.need([200], "GET", target, { headers: session.token() });
  const found: unknown = JSON.parse(reply.text);
  const id = typeof found === "object" && found !== null ? new Map(Object.entries(found)).get(tag) : found;
  if (typeof id !== "string" || !/^[0-9a-f]{64}$/.test(id)) throw new Error(`the tag ${tag} in ${reply.text}`);
  return id;
}

function readIds(reply: Reply): string[] {
  const list: unknown = JSON.parse(reply.text);
  if (!Array.isArray(list) || list.length === 0) throw new Error(`no ancestry: ${reply.text}`);
  return list.map(String);
}

async function pullImage(session: Session, id: string): Promise<V1Image> {
  const headers = session.token();
  let reply = await session.ask("GET", `/v1/images/${id}/json`, { headers });
  // What a layer waits for may take its time: five tries, as engines do.
  for (let attempt = 1; reply.status !== 200 && attempt < 5; attempt++) {
    await Bun.sleep(attempt * 500);
    reply = await session.ask("GET", `/v1/images/${id}/json`, { headers });
  }
  if (reply.status !== 200) throw new Error(`GET json of ${id}: ${reply.status} ${reply.text}`);
  const size = reply.get("x-docker-size");
  const fields: unknown = JSON.parse(reply.text);
  if (typeof fields !== "object" || fields === null || !("id" in fields) || fields.id !== id) {
    throw new Error(`the JSON of ${id} names another image: ${reply.text}`);
  }
  const layer = await session.need([200], "GET", `/v1/images/${id}/layer`, { headers });
  if (size !== String(layer.body.byteLength)) {
    throw new Error(`the layer of ${id} has ${layer.body.byteLength} bytes, X-Docker-Size says ${size}`);
  }
  return { id, json: reply.body, layer: layer.body };
}

/** The names that a search finds. */
export async function search(where: Where, term: string): Promise<string[]> {
  const session = open(where);
  const headers = session.engine.searchesWithToken ? session.credentials(false) : [];
  const reply = await session.need([200], "GET", `/v1/search?q=${encodeURIComponent(term)}`, { headers });
  const found: unknown = JSON.parse(reply.text);
  if (typeof found !== "object" || found === null || !("results" in found) || !Array.isArray(found.results)) {
    throw new Error(`no results of a search: ${reply.text}`);
  }
  return found.results.map((each: { readonly name: string }) => each.name);
}

/** The documented deletion of a repository: at the index, at the registry, and at the index again. Returns the statuses. */
export async function deleteRepository(where: Where, repository: string): Promise<readonly number[]> {
  const session = open(where);
  const target = `/v1/repositories/${repository}/`;
  const marked = await session.ask("DELETE", target, { headers: [...session.credentials(true)] });
  session.takeToken(marked);
  const removed = await session.ask("DELETE", target, { headers: session.token() });
  const endpoints: Header = ["X-Docker-Endpoints", marked.get("x-docker-endpoints") ?? ""];
  const ended = await session.ask("DELETE", target, { headers: [...session.credentials(true), endpoints] });
  return [marked.status, removed.status, ended.status];
}

function require(reply: Reply, header: string): string {
  const value = reply.get(header);
  if (value === undefined || value === "")
    throw new Error(`an answer without ${header}: ${reply.status} ${reply.text}`);
  return value;
}
