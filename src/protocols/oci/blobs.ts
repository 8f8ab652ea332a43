// Blobs of /v2/.
// https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pulling-blobs
import { type Answer, empty } from "#http/answer";
import type { Call } from "#http/call";
import { keepHeaders } from "#http/headers";
import { bodyOf, rangeAnswer } from "#http/range";
import { openCache } from "#lib/cache";
import { type Digest, parseDigest } from "#lib/digest";
import { Fault } from "#lib/fault";
import { type Soon, whenThere } from "#lib/soon";
import type { ByteSource } from "#lib/stream";
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

const maxKnownBytes = 2 * 1024 * 1024;
/** About how much the headers of one blob take. */
const knownBytes = 1024;
const known = openCache<readonly string[]>(maxKnownBytes);

/** The headers of an answer that has a blob, or tells its size. Made once for what is pulled again and again. */
function wholeHeaders(digest: Digest, size: number): readonly string[] {
  const there = known.get(digest);
  if (there !== undefined) return there;
  const length = ["Content-Length", String(size)];
  const made = keepHeaders(["Content-Type", "application/octet-stream", ...blobHeaders(digest), ...length]);
  known.set(digest, made, knownBytes);
  return made;
}

/** Whether the caller says that it has what `etag` names. https://www.rfc-editor.org/rfc/rfc9110#section-13.1.2 */
export function hasEtag(call: Call, etag: string): boolean {
  const header = call.header("if-none-match");
  if (header === undefined) return false;
  return header.split(",").some((each) => each.trim().replace(/^W\//, "") === etag || each.trim() === "*");
}

export function headBlob({ registry, actor, call, name }: Question, digestText: string): Soon<Answer> {
  const digest = parseDigest(digestText);
  return whenThere(registry.blobs.stat(actor, name, digest), (size) => {
    if (hasEtag(call, `"${digest}"`)) return empty(304, ...blobHeaders(digest));
    return { status: 200, headers: wholeHeaders(digest, size) };
  });
}

export function getBlob({ registry, actor, call, name }: Question, digestText: string): Soon<Answer> {
  const digest = parseDigest(digestText);
  if (hasEtag(call, `"${digest}"`))
    return whenThere(registry.blobs.stat(actor, name, digest), () => empty(304, ...blobHeaders(digest)));
  return whenThere(registry.blobs.open(actor, name, digest), (source) => answerBlob(call, digest, source));
}

function answerBlob(call: Call, digest: Digest, source: ByteSource): Soon<Answer> {
  const { size } = source;
  if (call.header("range") === undefined)
    return { status: 200, headers: wholeHeaders(digest, size), body: bodyOf(source, { start: 0, end: size }) };
  const headers = ["Content-Type", "application/octet-stream", ...blobHeaders(digest)];
  const answer = rangeAnswer(call, source, `"${digest}"`, headers);
  if (answer !== undefined) return answer;
  const refusal = faultAnswer(new Fault("range", "blob", "the range lies outside of the blob", { size }));
  const unsatisfied = { ...refusal, headers: [...refusal.headers, "Content-Range", `bytes */${size}`] };
  return source.close().then(() => unsatisfied);
}

export async function deleteBlob({ registry, actor, name }: Question, digestText: string): Promise<Answer> {
  await registry.blobs.delete(actor, name, parseDigest(digestText));
  return empty(202, ...commonHeaders);
}
