// The paths of /v2/. Names hold slashes, so a path is read from its end.
// https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#endpoints
import { decodePath } from "#http/call";

export type Route =
  | { readonly kind: "ping" }
  | { readonly kind: "catalog" }
  | { readonly kind: "tags"; readonly name: string }
  | { readonly kind: "manifest"; readonly name: string; readonly reference: string }
  | { readonly kind: "blob"; readonly name: string; readonly digest: string }
  | { readonly kind: "uploads"; readonly name: string }
  | { readonly kind: "upload"; readonly name: string; readonly id: string }
  | { readonly kind: "referrers"; readonly name: string; readonly digest: string };

/** The route of a raw path, its parts decoded but not yet checked; undefined when there is none. Fault: invalid name. */
export function parsePath(raw: string): Route | undefined {
  const path = decodePath(raw);
  if (path === "/v2/" || path === "/v2") return { kind: "ping" };
  if (!path.startsWith("/v2/")) return undefined;
  if (path === "/v2/_catalog") return { kind: "catalog" };
  if (path.endsWith("/blobs/uploads/")) return named(path, "/blobs/uploads/", (name) => ({ kind: "uploads", name }));
  const lastSlash = path.lastIndexOf("/");
  const verbSlash = path.lastIndexOf("/", lastSlash - 1);
  const verb = path.slice(verbSlash + 1, lastSlash);
  const last = path.slice(lastSlash + 1);
  const rest = path.slice(verbSlash);
  if (last === "") return undefined;
  switch (verb) {
    case "tags":
      return last === "list" ? named(path, rest, (name) => ({ kind: "tags", name })) : undefined;
    case "manifests":
      return named(path, rest, (name) => ({ kind: "manifest", name, reference: last }));
    case "referrers":
      return named(path, rest, (name) => ({ kind: "referrers", name, digest: last }));
    case "blobs":
      if (last === "uploads") return named(path, rest, (name) => ({ kind: "uploads", name }));
      return named(path, rest, (name) => ({ kind: "blob", name, digest: last }));
    case "uploads": {
      const head = path.slice(0, verbSlash);
      return head.endsWith("/blobs")
        ? named(head, "/blobs", (name) => ({ kind: "upload", name, id: last }))
        : undefined;
    }
    default:
      return undefined;
  }
}

/** The route for the name between `/v2/` and `tail`, when there is one. */
function named(path: string, tail: string, route: (name: string) => Route): Route | undefined {
  const name = path.slice("/v2/".length, path.length - tail.length);
  return name === "" ? undefined : route(name);
}
