// Blobs of /v2/.
// https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pulling-blobs
import { type Answer, empty } from "#http/answer";
import type { Call } from "#http/call";
import { rangeAnswer } from "#http/range";
import { type Digest, parseDigest } from "#lib/digest";
import { Fault } from "#lib/fault";
import { commonHeaders, faultAnswer } from "./errors.ts";
import type { Question } from "./question.ts";

const aYear = "public, max-age=31536000, immutable";

function blobHeaders(digest: Digest): string[] {
  return [
    "Docker-Content-Digest",
    digest,
    "ETag",
    `"${digest}"`,
    "Accept-Ranges",
    "bytes",
    "Cache-Control",
    aYear,
    ...commonHeaders,
  ];
}

/** Whether the caller says that it has what `etag` names. https://www.rfc-editor.org/rfc/rfc9110#section-13.1.2 */
export function hasEtag(call: Call, etag: string): boolean {
  const header = call.header("if-none-match");
  if (header === undefined) return false;
  return header.split(",").some((each) => each.trim().replace(/^W\//, "") === etag || each.trim() === "*");
}

export async function headBlob({ registry, actor, call, name }: Question, digestText: string): Promise<Answer> {
  const digest = parseDigest(digestText);
  const size = await registry.blobs.stat(actor, name, digest);
  if (hasEtag(call, `"${digest}"`)) return empty(304, ...blobHeaders(digest));
  return empty(200, "Content-Type", "application/octet-stream", ...blobHeaders(digest), "Content-Length", String(size));
}

export async function getBlob({ registry, actor, call, name }: Question, digestText: string): Promise<Answer> {
  const digest = parseDigest(digestText);
  const etag = `"${digest}"`;
  if (hasEtag(call, etag)) {
    await registry.blobs.stat(actor, name, digest);
    return empty(304, ...blobHeaders(digest));
  }
  const source = await registry.blobs.open(actor, name, digest);
  const answer = rangeAnswer(call, source, etag, ["Content-Type", "application/octet-stream", ...blobHeaders(digest)]);
  if (answer !== undefined) return answer;
  await source.close();
  const refusal = faultAnswer(new Fault("range", "blob", "the range lies outside of the blob", { size: source.size }));
  return { ...refusal, headers: [...refusal.headers, "Content-Range", `bytes */${source.size}`] };
}

export async function deleteBlob({ registry, actor, name }: Question, digestText: string): Promise<Answer> {
  await registry.blobs.delete(actor, name, parseDigest(digestText));
  return empty(202, ...commonHeaders);
}
