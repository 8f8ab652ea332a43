// The one place that decides who asks, for which repository, and whether they may. In the open mode everybody may, and a token
// only says the repository; where there are accounts they are asked.
import { type Action, type Actor, anonymous } from "#access";
import type { Call } from "#http/call";
import type { Clock } from "#lib/clock";
import { Fault } from "#lib/fault";
import type { RepositoryName } from "#lib/reference";
import type { V1Images, V1Repositories, V1Tags } from "#registry";
import type { Accounts, Grant } from "./accounts.ts";
import { usesSessions } from "./client.ts";
import type { Route } from "./path.ts";
import { parseToken, type Sessions, type TokenAccess } from "./tokens.ts";

/** Standalone: no accounts, everybody is believed. Hub: the accounts of this server are asked. */
export type Mode = { readonly kind: "standalone" } | { readonly kind: "hub"; readonly accounts: Accounts };

/** What the handlers work with. */
export interface House {
  readonly images: V1Images;
  readonly tags: V1Tags;
  readonly repositories: V1Repositories;
  readonly mode: Mode;
  readonly sessions: Sessions;
  readonly clock: Clock;
  readonly hostname: string;
  /** Rejects when the database or the store does not answer. Faults: full, busy store. */
  readonly check: () => Promise<void>;
}

/** One request as a handler sees it. */
export interface Question {
  readonly house: House;
  readonly call: Call;
  readonly actor: Actor;
  /** By what they are known. */
  readonly proof: "nothing" | "password" | "token";
  /** What the path says, or the token, or the session. */
  readonly repository: RepositoryName | undefined;
}

const protocol = "docker-v1";
const open: ReadonlySet<Route["kind"]> = new Set<Route["kind"]>(["root", "ping", "status"]);
const wordsOfUnknown: Readonly<Partial<Record<Route["kind"], string>>> = {
  repository: "Repository not found",
  tags: "Repository not found",
  metadata: "Repository not found",
  properties: "Repository not found",
  tag: "Tag not found",
  "tag-metadata": "Tag not found",
  images: "images not found",
  "layer-access": "images not found",
};
const byHub: ReadonlySet<Route["kind"]> = new Set<Route["kind"]>([
  ...(["users", "user", "repository", "images", "auth", "layer-access"] as const),
]);

/** Whether a request is for the Hub's half, which speaks of accounts and hands out tokens. */
export function isForHub({ kind }: Route, call: Call): boolean {
  // With its token a client deletes at the registry.
  const isDelete = kind === "repository" && call.method === "DELETE";
  return byHub.has(kind) && !(isDelete && parseToken(call.header("authorization")) !== undefined);
}

/**
 * Who asks, for what; `name` is the repository of the path. Faults: unauthenticated request, denied request and repository,
 * unknown repository.
 */
export async function decide(
  house: House,
  call: Call,
  route: Route,
  name: RepositoryName | undefined,
): Promise<Question> {
  const actor = anonymous(protocol, call.address, call.requestId);
  const asGuest: Question = { house, call, actor, proof: "nothing", repository: name };
  if (open.has(route.kind)) return asGuest;
  if (house.mode.kind === "hub") {
    // Whoever registers has no account yet.
    const isRegistering = route.kind === "users" && call.method === "POST";
    return isRegistering ? asGuest : decideByAccounts(house.mode.accounts, asGuest, route);
  }
  const said = parseToken(call.header("authorization"))?.repository;
  const session = usesSessions(call) ? house.sessions.read(call) : undefined;
  return { ...asGuest, repository: name ?? said ?? session };
}

async function decideByAccounts(accounts: Accounts, asGuest: Question, route: Route): Promise<Question> {
  const { call, actor: guest, repository: name } = asGuest;
  const header = call.header("authorization");
  const action = actionOf(call);
  const credentials = parseBasic(header);
  if (credentials !== undefined) {
    const actor = await accounts.signIn(credentials, guest);
    return requireRight(accounts, { ...asGuest, actor, proof: "password" }, route, action);
  }
  if (route.kind === "search") return asGuest;
  const token = parseToken(header);
  if (token !== undefined) {
    const grant = await accounts.check(token, guest);
    if (grant === undefined || !covers(grant, call, route, name)) throw unauthenticated();
    const question: Question = { ...asGuest, actor: grant.actor, proof: "token", repository: grant.repository };
    // A registry that shows a client's token asks about what that token is for.
    return requireRight(accounts, question, route, route.kind === "auth" ? actions[grant.access] : action);
  }
  if (!isForHub(route, call)) throw unauthenticated();
  return requireRight(accounts, asGuest, route, action);
}

const actions = { read: "pull", write: "push", delete: "delete" } as const satisfies Record<TokenAccess, Action>;

/** Whether a token is for this repository and method: to write is also to read. */
function covers(
  { access, repository }: Grant,
  { method }: Call,
  { kind }: Route,
  name: RepositoryName | undefined,
): boolean {
  if (name !== undefined && name.path !== repository.path) return false;
  if (kind === "auth") return true;
  if (method === "DELETE") return access === "delete";
  const isReading = method === "GET" || method === "HEAD";
  return isReading ? access !== "delete" : access === "write";
}

function actionOf({ method }: Call): Action {
  if (method === "GET" || method === "HEAD") return "pull";
  return method === "DELETE" ? "delete" : "push";
}

/** A token is a ceiling: what its holder may do is asked each time. Faults: those of decide. */
async function requireRight(
  accounts: Accounts,
  question: Question,
  { kind }: Route,
  action: Action,
): Promise<Question> {
  const { actor, proof, repository } = question;
  if (repository === undefined || (await accounts.allows(actor, repository, action))) return question;
  // What one may not see does not exist.
  if (action === "pull") throw new Fault("unknown", "repository", wordsOfUnknown[kind] ?? "Image not found");
  if (proof === "nothing") throw unauthenticated();
  const isSeen = await accounts.allows(actor, repository, "pull");
  const sentence = isSeen
    ? "Access denied, you don't have access to this repo"
    : "Access Denied: Not allowed to create Repo at given location";
  throw new Fault("denied", "repository", sentence);
}

export function unauthenticated(): Fault {
  return new Fault("unauthenticated", "request", "Requires authorization");
}

/** The credentials of a Basic header. Old clients send one without any: `Basic Og==`. */
function parseBasic(header: string | undefined): { username: string; password: string } | undefined {
  const [, coded] = /^basic +([\w+/=-]+)$/i.exec(header ?? "") ?? [];
  if (coded === undefined) return undefined;
  const text = Buffer.from(coded, "base64").toString("utf8");
  const colon = text.indexOf(":");
  const [username, password] = colon < 0 ? [text, ""] : [text.slice(0, colon), text.slice(colon + 1)];
  return username === "" && password === "" ? undefined : { username, password };
}
