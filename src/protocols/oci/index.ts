// The OCI door: /v2/ to the verbs of the registry and back. It translates, and decides nothing.
import { anonymous } from "#access";
import type { Answer } from "#http/answer";
import type { Door } from "#http/guard";
import { Fault } from "#lib/fault";
import { maxNameLength, parseRepositoryName } from "#lib/reference";
import type { Registry } from "#registry";
import { deleteBlob, getBlob, headBlob } from "./blobs.ts";
import { listReferrers, listRepositories, listTags } from "./lists.ts";
import { deleteManifest, getManifest, headManifest, putManifest } from "./manifests.ts";
import { parsePath, type Route } from "./path.ts";
import { answerPing } from "./ping.ts";
import type { Question } from "./question.ts";
import { deleteUpload, getUpload, patchUpload, postUpload, putUpload } from "./uploads.ts";

export { faultAnswer, ociErrors } from "./errors.ts";

const protocol = "oci";

/** What each kind of route can be asked. */
const methods = {
  ping: ["GET", "HEAD"],
  catalog: ["GET", "HEAD"],
  tags: ["GET", "HEAD"],
  manifest: ["GET", "HEAD", "PUT", "DELETE"],
  blob: ["GET", "HEAD", "DELETE"],
  uploads: ["POST"],
  upload: ["GET", "HEAD", "PATCH", "PUT", "DELETE"],
  referrers: ["GET", "HEAD"],
} as const satisfies Record<Route["kind"], readonly string[]>;

export function openOciDoor(registry: Registry): Door {
  return async (call) => {
    const route = parsePath(call.path);
    if (route === undefined) throw new Fault("unknown", "route", "there is nothing at this path");
    const allowed: readonly string[] = methods[route.kind];
    if (!allowed.includes(call.method)) {
      throw new Fault("unsupported", "method", "the method is not supported here", { allow: allowed.join(", ") });
    }
    call.notes.protocol = protocol;
    call.notes.action = `${route.kind} ${call.method}`;
    if ("name" in route) call.notes.repository = route.name.slice(0, maxNameLength);
    return answer({ registry, actor: anonymous(protocol, call.address, call.requestId), call }, route);
  };
}

function answer(asked: Omit<Question, "name">, route: Route): Answer | Promise<Answer> {
  if (route.kind === "ping") return answerPing(asked.call);
  if (route.kind === "catalog") return listRepositories(asked);
  const { registry, actor, call } = asked;
  const question: Question = { registry, actor, call, name: parseRepositoryName(route.name) };
  const { method } = asked.call;
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
