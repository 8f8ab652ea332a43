// The v1 protocol as a client speaks it: one function per request, nothing retried, nothing hidden.
import { payloadChecksum, tarsum } from "../../v1/checksums.ts";
import type { Body, Client, Reply } from "../registry-client.ts";
import type { KnownImage } from "./images.ts";

const utf8 = new TextEncoder();
const list = (ids: readonly object[]) => utf8.encode(JSON.stringify(ids));

export type V1Client = ReturnType<typeof openV1Client>;

/** What an announcement says of an image. */
export interface Announced {
  readonly id: string;
  readonly Tag?: string;
}

export function openV1Client({ ask }: Client) {
  const put = (path: string, body: Body, headers: Readonly<Record<string, string>> = {}): Promise<Reply> =>
    ask("PUT", path, { body, headers });
  return {
    /** Clients of 2013 send the checksum ahead. */
    putJson: ({ id, json }: KnownImage, repository: string | undefined, checksumAhead?: string) =>
      put(`/v1/images/${id}/json`, json, {
        ...tokenFor(repository),
        ...(checksumAhead === undefined ? {} : { "X-Docker-Checksum": checksumAhead }),
      }),
    putLayer: ({ id }: Pick<KnownImage, "id">, repository: string | undefined, body: Body) =>
      put(`/v1/images/${id}/layer`, body, tokenFor(repository)),
    putChecksum: ({ id }: KnownImage, repository: string | undefined, checksum: string) =>
      ask("PUT", `/v1/images/${id}/checksum`, {
        headers: {
          ...tokenFor(repository),
          [checksum.startsWith("tarsum") ? "X-Docker-Checksum" : "X-Docker-Checksum-Payload"]: checksum,
        },
      }),
    putTag: (repository: string, tag: string, id: string) =>
      put(`/v1/repositories/${repository}/tags/${tag}`, utf8.encode(JSON.stringify(id))),
    deleteTag: (repository: string, tag: string) => ask("DELETE", `/v1/repositories/${repository}/tags/${tag}`),
    announce: (repository: string, images: readonly Announced[]) =>
      put(`/v1/repositories/${repository}/`, list(images)),
    finish: (repository: string) => put(`/v1/repositories/${repository}/images`, list([])),
    get: (id: string, part: "json" | "layer" | "ancestry", repository: string | undefined) =>
      ask("GET", `/v1/images/${id}/${part}`, { headers: tokenFor(repository) }),
    getTag: (repository: string, tag: string) => ask("GET", `/v1/repositories/${repository}/tags/${tag}`),
    listTags: (repository: string) => ask("GET", `/v1/repositories/${repository}/tags`),
  };
}

function tokenFor(repository: string | undefined): Record<string, string> {
  if (repository === undefined) return {};
  const name = repository.includes("/") ? repository : `library/${repository}`;
  return { Authorization: `Token signature=0123456789ABCDEF,repository="${name}",access=write` };
}

export function checksumOf({ json }: KnownImage, layer: Uint8Array, kind: "payload" | "tarsum"): string {
  return kind === "payload" ? payloadChecksum(json, layer) : tarsum(json, layer);
}
