// The paths of /v1/, as the router of docker-registry 0.7.3 took them. Names hold slashes, so below /v1/repositories/ a path is
// read from its end; what nothing else takes there is a repository, whose path ends with a slash.
import { decodePath } from "#http/call";

export type ImagePart = "json" | "layer" | "ancestry" | "files" | "diff" | "checksum";

export type Route =
  | { readonly kind: "root" | "ping" | "status" | "search" | "users" }
  | { readonly kind: "user"; readonly user: string }
  | { readonly kind: ImagePart; readonly id: string }
  | { readonly kind: "repository" | "tags" | "metadata" | "properties" | "images" | "auth"; readonly name: string }
  | { readonly kind: "tag" | "tag-metadata"; readonly name: string; readonly tag: string }
  | { readonly kind: "layer-access"; readonly name: string; readonly id: string };

/** A route, with the methods that it takes; or that the path wants a slash at its end. */
export type Found = { readonly route: Route; readonly methods: readonly string[] } | "slash";

const get = ["GET", "HEAD"];
const methods: Readonly<Record<Route["kind"], readonly string[]>> = {
  root: get,
  ping: get,
  status: get,
  search: get,
  users: [...get, "POST"],
  user: ["PUT"],
  json: [...get, "PUT"],
  layer: [...get, "PUT"],
  ancestry: get,
  files: get,
  diff: get,
  checksum: ["PUT"],
  repository: ["PUT", "DELETE"],
  tags: [...get, "DELETE"],
  tag: [...get, "PUT", "DELETE"],
  "tag-metadata": get,
  metadata: get,
  properties: [...get, "PUT"],
  images: [...get, "PUT", "DELETE"],
  auth: ["PUT"],
  "layer-access": get,
};

const services = new Map<string, "root" | "ping" | "status" | "search">([
  ["/", "root"],
  ["/_ping", "ping"],
  ["/v1/_ping", "ping"],
  ["/_status", "status"],
  ["/v1/_status", "status"],
  ["/v1/search", "search"],
]);
const lists = new Map<string, "tags" | "metadata" | "properties" | "images" | "auth">([
  ["tags", "tags"],
  ["json", "metadata"],
  ["properties", "properties"],
  ["images", "images"],
  ["auth", "auth"],
]);
const imageParts: readonly ImagePart[] = ["json", "layer", "ancestry", "files", "diff", "checksum"];
const imagePath = /^\/v1\/images\/([^/]+)\/([a-z]+)$/;
const userPath = /^\/v1\/users\/([^/]+)(\/?)$/;
const repositories = "/v1/repositories/";

/** What a raw path means for a method; its parts are decoded, not yet checked. Fault: invalid name. */
export function findRoute(method: string, raw: string): Found | undefined {
  const path = decodePath(raw);
  if (path.startsWith(repositories)) return findInRepositories(method, path.slice(repositories.length));
  if (path === "/v1/users") return "slash";
  if (path === "/v1/users/") return found({ kind: "users" });
  const service = services.get(path);
  if (service !== undefined) return found({ kind: service });
  const [, id, last] = imagePath.exec(path) ?? [];
  const part = imageParts.find((each) => each === last);
  if (id !== undefined && part !== undefined) return found({ kind: part, id });
  const [, user, slash] = userPath.exec(path) ?? [];
  if (user === undefined) return undefined;
  return slash === "/" ? found({ kind: "user", user }) : "slash";
}

function findInRepositories(method: string, path: string): Found | undefined {
  let bare = path;
  while (bare.endsWith("/")) bare = bare.slice(0, -1);
  if (bare === "") return undefined;
  const route = readRoute(bare.split("/"));
  if (bare !== path) {
    // Else `PUT …/images/` would make a repository of that name.
    return route === undefined ? found({ kind: "repository", name: bare }) : undefined;
  }
  if (route === undefined) return "slash";
  const isTaken = method === "OPTIONS" || methods[route.kind].includes(method);
  return isTaken ? found(route) : "slash";
}

/** What the end of a path asks of the repository before it. */
function readRoute(parts: readonly string[]): Route | undefined {
  const [last = "", second, third, fourth] = parts.toReversed().slice(0, 4);
  const before = (count: number) => parts.slice(0, -count).join("/");
  if (third === "tags" && last === "json" && fourth !== undefined && second !== undefined)
    return { kind: "tag-metadata", name: before(3), tag: second };
  if (third === "layer" && last === "access" && fourth !== undefined && second !== undefined)
    return { kind: "layer-access", name: before(3), id: second };
  if (second === "tags" && third !== undefined) return { kind: "tag", name: before(2), tag: last };
  const list = lists.get(last);
  return list === undefined || second === undefined ? undefined : { kind: list, name: before(1) };
}

function found(route: Route): Found {
  return { route, methods: methods[route.kind] };
}
