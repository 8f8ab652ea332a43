// The protocol as a client speaks it: one function per request, nothing retried, nothing hidden.
import type { Algorithm } from "./random.ts";

export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly bytes: Uint8Array;
}

export type Body = Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array>;

export interface Ask {
  readonly body?: Body;
  readonly headers?: Readonly<Record<string, string>>;
}

export type Client = ReturnType<typeof openClient>;

/** A client of the registry at `url`. Every call rejects when the connection breaks, and when patience ends. */
export function openClient(url: string, patienceMilliseconds = 600_000) {
  const ask = async (method: string, path: string, { body, headers = {} }: Ask = {}): Promise<Reply> => {
    const signal = AbortSignal.timeout(patienceMilliseconds);
    const answer = await fetch(url + path, { method, headers, signal, redirect: "manual", ...(body ? { body } : {}) });
    return { status: answer.status, headers: answer.headers, bytes: new Uint8Array(await answer.arrayBuffer()) };
  };
  return {
    ask,
    getBlob: (repository: string, digest: string) => ask("GET", `/v2/${repository}/blobs/${digest}`),
    deleteBlob: (repository: string, digest: string) => ask("DELETE", `/v2/${repository}/blobs/${digest}`),
    mount: (repository: string, digest: string, from: string) =>
      ask("POST", `/v2/${repository}/blobs/uploads/?mount=${digest}&from=${from}`),
    putWhole: (repository: string, digest: string, body: Body) =>
      ask("POST", `/v2/${repository}/blobs/uploads/?digest=${digest}`, { body }),
    startUpload: async (repository: string, algorithm: Algorithm = "sha256"): Promise<Reply & { location: string }> => {
      const reply = await ask("POST", `/v2/${repository}/blobs/uploads/?digest-algorithm=${algorithm}`);
      return { ...reply, location: reply.headers.get("location") ?? "" };
    },
    patch: (location: string, body: Body, start: number, size: number) =>
      ask("PATCH", location, { body, headers: { "Content-Range": `${start}-${start + size - 1}` } }),
    putUpload: (location: string, digest: string, body?: Body) =>
      ask("PUT", `${location}?digest=${digest}`, body === undefined ? {} : { body }),
    getUpload: (location: string) => ask("GET", location),
    cancelUpload: (location: string) => ask("DELETE", location),
    getManifest: (repository: string, reference: string) => ask("GET", `/v2/${repository}/manifests/${reference}`),
    putManifest: (repository: string, reference: string, mediaType: string, body: Body) =>
      ask("PUT", `/v2/${repository}/manifests/${reference}`, { body, headers: { "Content-Type": mediaType } }),
    deleteManifest: (repository: string, reference: string) =>
      ask("DELETE", `/v2/${repository}/manifests/${reference}`),
    listTags: (repository: string) => listAll(ask, `/v2/${repository}/tags/list`, "tags"),
    listReferrers: (repository: string, subject: string) =>
      listAll(ask, `/v2/${repository}/referrers/${subject}`, "manifests"),
  };
}

/** All pages of a listing; undefined when there is no such thing. */
async function listAll(
  ask: (method: string, path: string) => Promise<Reply>,
  first: string,
  key: string,
): Promise<readonly unknown[] | undefined> {
  const entries: unknown[] = [];
  for (let path: string | undefined = first; path !== undefined; ) {
    const { status, headers, bytes } = await ask("GET", path);
    if (status === 404) return undefined;
    if (status !== 200) throw new Error(`GET ${path} answered ${status}`);
    const page: unknown = JSON.parse(new TextDecoder().decode(bytes));
    const list = typeof page === "object" && page !== null ? new Map(Object.entries(page)).get(key) : undefined;
    if (Array.isArray(list)) entries.push(...list);
    path = /<([^>]+)>; *rel="?next/.exec(headers.get("link") ?? "")?.[1];
  }
  return entries;
}
