// The door of /v1/: from a path to what answers it. It translates, and decides nothing but in deciding.ts.
// The protocol: README.md beside this file.
import { type Answer, headerOf } from "#http/answer";
import type { Call } from "#http/call";
import type { Door } from "#http/guard";
import type { Clock } from "#lib/clock";
import { Fault } from "#lib/fault";
import { maxNameLength, parseV1RepositoryName, type RepositoryName } from "#lib/reference";
import type { V1Images, V1Repositories, V1Tags } from "#registry";
import { corsHeaders, optionsAnswer, slashAnswer } from "./answers.ts";
import { usesSessions } from "./client.ts";
import { decide, type House, isForHub, type Mode, type Question } from "./deciding.ts";
import { inForm } from "./errors.ts";
import { answerImage } from "./images.ts";
import { findRoute, type Route } from "./path.ts";
import {
  answerAuth,
  answerImages,
  answerLayerAccess,
  answerProperties,
  answerRepository,
  deleteRepository,
} from "./repositories.ts";
import { answerPing, answerRoot, answerStatus, search } from "./service.ts";
import { answerTag, getTagMetadata, listTags } from "./tags.ts";
import { openSessions, parseToken } from "./tokens.ts";
import { answerUsers, updateUser } from "./users.ts";

export interface DockerV1Options {
  readonly images: V1Images;
  readonly tags: V1Tags;
  readonly repositories: V1Repositories;
  /** Standalone when it is not said. */
  readonly mode?: Mode;
  /** Signs the sessions of the clients of 2013: a secret, the same in all processes. */
  readonly sessionKey: string;
  /** Whether a call came through TLS. */
  readonly isSecure: (call: Call) => boolean;
  readonly clock: Clock;
  /** What `_status` calls this machine. */
  readonly hostname: string;
  /** Rejects when the database or the store does not answer. Faults: full, busy store. */
  readonly check: () => Promise<void>;
}

/** `/v1/…`, and what that server had beside it: `/`, `/_ping`, `/_status`. */
export function openDockerV1Door(options: DockerV1Options): Door {
  const { mode = { kind: "standalone" }, sessionKey, isSecure } = options;
  const house: House = { ...options, mode, sessions: openSessions(sessionKey, isSecure) };
  return async (call) => {
    call.notes.protocol = "docker-v1";
    const found = findRoute(call.method, call.path);
    if (found === undefined) throw new Fault("unknown", "route", "there is nothing at this path");
    if (found === "slash") return slashAnswer(locationOf(call, isSecure(call)));
    const { route, methods } = found;
    call.notes.action = `${route.kind} ${call.method}`;
    if ("name" in route) call.notes.repository = route.name.slice(0, maxNameLength);
    const allow = [...methods, "OPTIONS"].join(", ");
    if (call.method === "OPTIONS") return optionsAnswer(allow, route.kind === "search" ? corsHeaders : []);
    if (!methods.includes(call.method))
      throw new Fault("unsupported", "method", "the method is not supported here", { allow });
    const isReading = call.method === "GET" || call.method === "HEAD";
    const form = {
      isHub: mode.kind === "hub" && isForHub(route, call),
      isShared: isReading && (route.kind === "search" || route.kind === "images"),
    };
    return enter(house, call, route).catch((error: unknown) => {
      throw inForm(error, form);
    });
  };
}

async function enter(house: House, call: Call, route: Route): Promise<Answer> {
  if (!("name" in route)) {
    const question = await decide(house, call, route, undefined);
    return withSession(question, route, await answer(question, route));
  }
  const name = parseV1RepositoryName(route.name);
  const question = await decide(house, call, route, name);
  return withSession(question, route, await answerNamed(question, route, name));
}

type Named = Extract<Route, { readonly name: string }>;

async function answer(question: Question, route: Exclude<Route, Named>): Promise<Answer> {
  switch (route.kind) {
    case "root":
      return answerRoot();
    case "ping":
      return answerPing(question);
    case "status":
      return answerStatus(question);
    case "search":
      return search(question);
    case "users":
      return answerUsers(question);
    case "user":
      return updateUser(question, route.user);
    default:
      return answerImage(question, route.kind, route.id);
  }
}

async function answerNamed(question: Question, route: Named, name: RepositoryName): Promise<Answer> {
  switch (route.kind) {
    case "repository":
      return answerRepository(question, name);
    case "tags":
      return question.call.method === "DELETE" ? deleteRepository(question, name) : listTags(question, name);
    case "tag":
      return answerTag(question, name, route.tag);
    case "tag-metadata":
      return getTagMetadata(question, name, route.tag);
    case "metadata":
      return getTagMetadata(question, name, "latest");
    case "properties":
      return answerProperties(question, name);
    case "images":
      return answerImages(question, name);
    case "auth":
      return answerAuth(question);
    case "layer-access":
      return answerLayerAccess(question, name, route.id);
  }
}

/** Starts a session for a client of 2013 that brought a token, but not with what a cache may keep for others. */
function withSession({ house, call, repository }: Question, route: Route, answer: Answer): Answer {
  const isWanted = usesSessions(call) && parseToken(call.header("authorization")) !== undefined;
  if (!isWanted || repository === undefined || isForHub(route, call) || route.kind === "search") return answer;
  if (headerOf(answer, "cache-control") !== "no-cache") return answer;
  return { ...answer, headers: ["Set-Cookie", house.sessions.issue(call, repository), ...answer.headers] };
}

/** Where a call should have gone: the same with a slash. */
function locationOf(call: Call, isSecure: boolean): string {
  const { path, query } = call;
  const host = call.header("host") ?? "";
  const origin = host === "" ? "" : `${isSecure ? "https" : "http"}://${host}`;
  const asAscii = path.replace(/[^\x21-\x7e]/g, encodeURIComponent);
  // A plus is a plus where it is read again.
  const rest = query.size === 0 ? "" : `?${query.toString().replaceAll("+", "%20")}`;
  return `${origin}${asAscii}/${rest}`;
}
