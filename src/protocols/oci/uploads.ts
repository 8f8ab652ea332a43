// Uploads of /v2/.
// https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pushing-blobs
import { type Answer, empty } from "#http/answer";
import type { Call } from "#http/call";
import { type Digest, parseAlgorithm, parseDigest } from "#lib/digest";
import { Fault } from "#lib/fault";
import { parseRepositoryName, type RepositoryName } from "#lib/reference";
import { commonHeaders, faultAnswer } from "./errors.ts";
import type { Question } from "./question.ts";

function uploadPath(name: RepositoryName, id: string): string {
  return `/v2/${name.asked}/blobs/uploads/${id}`;
}

/** The offset of what has arrived, as the spec and Docker say it: the last byte's, `0-0` also when there is none. */
function uploadHeaders(name: RepositoryName, id: string, offset: number): string[] {
  return [
    "Location",
    uploadPath(name, id),
    "Range",
    `0-${Math.max(0, offset - 1)}`,
    "Docker-Upload-UUID",
    id,
    ...commonHeaders,
  ];
}

function created(name: RepositoryName, digest: Digest): Answer {
  return empty(201, "Location", `/v2/${name.asked}/blobs/${digest}`, "Docker-Content-Digest", digest, ...commonHeaders);
}

/** POST: a mount, a blob in one request, or a new upload. */
export async function postUpload({ registry, actor, call, name }: Question): Promise<Answer> {
  const { query } = call;
  const mount = query.get("mount");
  if (mount !== null) {
    const digest = parseDigest(mount);
    const from = query.get("from");
    const source = from === null || from === "" ? undefined : parseRepositoryName(from);
    if (await registry.blobs.mount(actor, name, digest, source)) return created(name, digest);
  }
  const digestText = query.get("digest");
  if (digestText !== null && mount === null) {
    const digest = parseDigest(digestText);
    await registry.uploads.put(actor, name, digest, call.body);
    return created(name, digest);
  }
  const algorithm = query.get("digest-algorithm");
  const id = registry.uploads.start(actor, name, algorithm === null ? "sha256" : parseAlgorithm(algorithm));
  return empty(202, ...uploadHeaders(name, id, 0), "OCI-Chunk-Min-Length", "1");
}

/** The offset at which a Content-Range begins; `0-4`, and `bytes 0-4/9` as others write it. Fault: invalid upload. */
function startOf(call: Call): number | undefined {
  const header = call.header("content-range");
  if (header === undefined) return undefined;
  const parts = /^(?:bytes[ =] *)?(\d{1,15})-(\d{1,15})(?:\/(?:\d{1,15}|\*))?$/.exec(header);
  const [start, end] = [Number(parts?.[1]), Number(parts?.[2])];
  const { contentLength } = call;
  const isLengthRight =
    contentLength === undefined || contentLength === end - start + 1 || (contentLength === 0 && end <= start);
  if (parts === null || end < start || !isLengthRight) {
    throw new Fault("invalid", "upload", "the Content-Range is not <first>-<last>, or not as long as the body", {
      contentRange: header.slice(0, 128),
    });
  }
  return start;
}

/** Runs a step of an upload; a part at the wrong offset is told the right one. */
async function atOffset(name: RepositoryName, id: string, step: () => Promise<Answer>): Promise<Answer> {
  try {
    return await step();
  } catch (error) {
    const offset = error instanceof Fault && error.kind === "range" ? error.detail["offset"] : undefined;
    if (!(error instanceof Fault) || typeof offset !== "number") throw error;
    const answer = faultAnswer(error);
    return {
      ...answer,
      headers: [...answer.headers, "Location", uploadPath(name, id), "Range", `0-${Math.max(0, offset - 1)}`],
    };
  }
}

/** PATCH: one part. */
export async function patchUpload({ registry, actor, call, name }: Question, id: string): Promise<Answer> {
  const start = startOf(call);
  return atOffset(name, id, async () => {
    const offset = await registry.uploads.append(actor, name, id, { body: call.body, start });
    return empty(202, ...uploadHeaders(name, id, offset));
  });
}

/** PUT: the last part, and the digest of all. */
export async function putUpload({ registry, actor, call, name }: Question, id: string): Promise<Answer> {
  const digest = parseDigest(call.query.get("digest") ?? "");
  const start = startOf(call);
  return atOffset(name, id, async () => {
    await registry.uploads.finish(actor, name, id, digest, { body: call.body, start });
    return created(name, digest);
  });
}

/** GET: where the upload is. */
export async function getUpload({ registry, actor, name }: Question, id: string): Promise<Answer> {
  const offset = await registry.uploads.status(actor, name, id);
  return empty(204, ...uploadHeaders(name, id, offset));
}

/** DELETE: the upload is cancelled. */
export async function deleteUpload({ registry, actor, name }: Question, id: string): Promise<Answer> {
  await registry.uploads.cancel(actor, name, id);
  return empty(204, ...commonHeaders);
}
