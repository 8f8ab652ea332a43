// Methods where they do not belong, and methods that nobody knows.
import { lines, request } from "../wire.ts";
import type { Hostile, Hostiles } from "./hostile.ts";

const ask = (method: string, path: string, status: number): Hostile => ({
  what: `${method} ${path.length > 80 ? `${path.slice(0, 60)}…` : path}`,
  bytes: request(method, path, [], method === "GET" ? undefined : "x"),
  status,
});

export const methods: Hostiles = ({ name, blob, upload }) => [
  ...["PUT", "POST", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "SEARCH", "QUERY", "LINK"].flatMap((method) => [
    ask(method, "/v2/", 405),
    ask(method, "/v2/_catalog", 405),
    ask(method, `/v2/${name}/tags/list`, 405),
  ]),
  ...["POST", "PATCH", "OPTIONS", "LOCK"].map((method) => ask(method, `/v2/${name}/manifests/latest`, 405)),
  ...["POST", "PATCH", "PUT", "COPY"].map((method) => ask(method, `/v2/${name}/blobs/${blob}`, 405)),
  ...["GET", "PUT", "PATCH", "DELETE", "MOVE"].map((method) => ask(method, `/v2/${name}/blobs/uploads/`, 405)),
  ...["POST", "OPTIONS", "PURGE"].map((method) => ask(method, upload, 405)),
  ...["PUT", "DELETE", "POST"].map((method) => ask(method, `/v2/${name}/referrers/${blob}`, 405)),
  ...["BREW", "get", "Get", "GET/", "G@T", "GÉT", "", "PRI", "SOURCE ", "A".repeat(100), "A".repeat(40_000)].map(
    (method) => ({
      what: `the method ${JSON.stringify(method.slice(0, 20))}`,
      bytes: lines(`${method} /v2/ HTTP/1.1`, "Host: registry.example"),
    }),
  ),
  ...["registry.example:443", "/v2/", "*", "registry.example", "127.0.0.1:22"].map((target) => ({
    what: `CONNECT ${target}`,
    bytes: lines(`CONNECT ${target} HTTP/1.1`, "Host: registry.example"),
  })),
];
