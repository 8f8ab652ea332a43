// The OCI door: /v2/ to the verbs of the registry and back. It translates, and decides nothing.
import { anonymous } from "#access";
import type { Answer } from "#http/answer";
import type { Door } from "#http/guard";
import { openCache } from "#lib/cache";
import { Fault } from "#lib/fault";
import { maxNameLength, parseRepositoryName, type RepositoryName } from "#lib/reference";
import type { Soon } from "#lib/soon";
import { detached } from "#lib/text";
import type { Registry } from "#registry";
import { deleteBlob, getBlob, headBlob } from "./blobs.ts";
import { openHeads } from "./heads.ts";
import { listReferrers, listRepositories, listTags } from "./lists.ts";
import { deleteManifest, getManifest, headManifest, putManifest } from "./manifests.ts";
import { parsePath, type Route } from "./path.ts";
import { answerPing } from "./ping.ts";
import type { Question } from "./question.ts";
import { deleteUpload, getUpload, patchUpload, postUpload, putUpload } from "./uploads.ts";

export { faultAnswer, ociErrors } from "./errors.ts";

const protocol = "oci";

/** What each kind of route can be asked, and the action that it is then. */
const actions: Readonly<Record<Route["kind"], ReadonlyMap<string, string>>> = {
  ping: actionsOf("ping", "GET", "HEAD"),
  catalog: actionsOf("catalog", "GET", "HEAD"),
  tags: actionsOf("tags", "GET", "HEAD"),
  manifest: actionsOf("manifest", "GET", "HEAD", "PUT", "DELETE"),
  blob: actionsOf("blob", "GET", "HEAD", "DELETE"),
  uploads: actionsOf("uploads", "POST"),
  upload: actionsOf("upload", "GET", "HEAD", "PATCH", "PUT", "DELETE"),
  referrers: actionsOf("referrers", "GET", "HEAD"),
};

function actionsOf(kind: Route["kind"], ...methods: readonly string[]): ReadonlyMap<string, string> {
  return new Map(methods.map((method) => [method, `${kind} ${method}`]));
}

/** A path that was asked for, and what is in it: the same few are pulled again and again, and to read one has its price. */
interface KnownPath {
  readonly route: Route;
  readonly name: RepositoryName;
}

const maxKnownBytes = 2 * 1024 * 1024;

export function openOciDoor(registry: Registry): Door {
  const heads = openHeads();
  const known = openCache<KnownPath>(maxKnownBytes);
  return (call) => {
    const { method, notes } = call;
    const there = known.get(call.path);
    // By itself: the path of a request is cut from its target, which may be long, and what is read from it is kept.
    const path = there === undefined ? detached(call.path) : call.path;
    const route = there?.route ?? parsePath(path);
    if (route === undefined) throw new Fault("unknown", "route", "there is nothing at this path");
    const action = actions[route.kind].get(method);
    if (action === undefined) {
      const allow = [...actions[route.kind].keys()].join(", ");
      throw new Fault("unsupported", "method", "the method is not supported here", { allow });
    }
    notes.protocol = protocol;
    notes.action = action;
    const asked = { registry, actor: anonymous(protocol, call.address, call.requestId), call, heads };
    if (route.kind === "ping") return answerPing(call);
    if (route.kind === "catalog") return listRepositories(asked);
    notes.repository = route.name.slice(0, maxNameLength);
    const name = there?.name ?? parseRepositoryName(route.name);
    if (there === undefined && route.kind !== "upload") known.set(path, { route, name }, path.length);
    return answer({ ...asked, name }, route);
  };
}

function answer(question: Question, route: Exclude<Route, { kind: "ping" | "catalog" }>): Soon<Answer> {
  const { method } = question.call;
  switch (route.kind) {
    case "tags":
      return listTags(question);
    case "referrers":
      return listReferrers(question, route.digest);
    case "manifest":
      if (method === "PUT") return putManifest(question, route.reference);
      if (method === "DELETE") return deleteManifest(question, route.reference);
      if (method === "HEAD") return headManifest(question, route.reference);
      return getManifest(question, route.reference);
    case "blob":
      if (method === "DELETE") return deleteBlob(question, route.digest);
      if (method === "HEAD") return headBlob(question, route.digest);
      return getBlob(question, route.digest);
    case "uploads":
      return postUpload(question);
    case "upload":
      if (method === "PATCH") return patchUpload(question, route.id);
      if (method === "PUT") return putUpload(question, route.id);
      if (method === "DELETE") return deleteUpload(question, route.id);
      return getUpload(question, route.id);
  }
}
