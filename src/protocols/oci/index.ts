// The OCI door: /v2/ to the verbs of the registry and back. It translates, and decides nothing.
import { type Actor, anonymous } from "#access";
import { type Answer, json } from "#http/answer";
import type { Call } from "#http/call";
import type { Door } from "#http/guard";
import { Fault } from "#lib/fault";
import { maxNameLength } from "#lib/reference";
import type { Registry } from "#registry";
import { deleteBlob, getBlob, headBlob } from "./blobs.ts";
import { commonHeaders } from "./errors.ts";
import { listReferrers, listRepositories, listTags } from "./lists.ts";
import { deleteManifest, getManifest, headManifest, putManifest } from "./manifests.ts";
import { parsePath, type Route } from "./path.ts";
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
    return answer(registry, anonymous(protocol, call.address, call.requestId), call, route);
  };
}

function answer(registry: Registry, actor: Actor, call: Call, route: Route): Promise<Answer> | Answer {
  const { method } = call;
  switch (route.kind) {
    case "ping":
      return json(200, {}, commonHeaders);
    case "catalog":
      return listRepositories(registry, actor, call);
    case "tags":
      return listTags(registry, actor, call, route.name);
    case "referrers":
      return listReferrers(registry, actor, call, route.name, route.digest);
    case "manifest":
      if (method === "PUT") return putManifest(registry, actor, call, route.name, route.reference);
      if (method === "DELETE") return deleteManifest(registry, actor, route.name, route.reference);
      if (method === "HEAD") return headManifest(registry, actor, call, route.name, route.reference);
      return getManifest(registry, actor, call, route.name, route.reference);
    case "blob":
      if (method === "DELETE") return deleteBlob(registry, actor, route.name, route.digest);
      if (method === "HEAD") return headBlob(registry, actor, call, route.name, route.digest);
      return getBlob(registry, actor, call, route.name, route.digest);
    case "uploads":
      return postUpload(registry, actor, call, route.name);
    case "upload":
      if (method === "PATCH") return patchUpload(registry, actor, call, route.name, route.id);
      if (method === "PUT") return putUpload(registry, actor, call, route.name, route.id);
      if (method === "DELETE") return deleteUpload(registry, actor, route.name, route.id);
      return getUpload(registry, actor, route.name, route.id);
  }
}
