// Blobs of /v2/.
// https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pulling-blobs
import { type Answer, empty } from "#http/answer";
import type { Call } from "#http/call";
import { bodyOf, rangeAnswer } from "#http/range";
import { type Digest, parseDigest } from "#lib/digest";
import { Fault } from "#lib/fault";
import { type Soon, whenThere } from "#lib/soon";
import type { ByteSource } from "#lib/stream";
import { commonHeaders, faultAnswer } from "./errors.ts";
import { blobHeaders, type Heads, unchangedHeaders } from "./heads.ts";
import type { Question } from "./question.ts";

/** Whether the caller says that it has what `etag` names. https://www.rfc-editor.org/rfc/rfc9110#section-13.1.2 */
export function hasEtag(call: Call, etag: string): boolean {
  const header = call.header("if-none-match");
  if (header === undefined) return false;
  return header.split(",").some((each) => each.trim().replace(/^W\//, "") === etag || each.trim() === "*");
}

export function headBlob({ registry, actor, call, name, heads }: Question, digestText: string): Soon<Answer> {
  const digest = parseDigest(digestText);
  return whenThere(registry.blobs.stat(actor, name, digest), (size) => {
    if (hasEtag(call, `"${digest}"`)) return empty(304, ...unchangedHeaders(digest));
    return { status: 200, ...heads.ofBlob(digest, size) };
  });
}

export function getBlob({ registry, actor, call, name, heads }: Question, digestText: string): Soon<Answer> {
  const digest = parseDigest(digestText);
  if (hasEtag(call, `"${digest}"`))
    return whenThere(registry.blobs.stat(actor, name, digest), () => empty(304, ...unchangedHeaders(digest)));
  return whenThere(registry.blobs.open(actor, name, digest), (source) => answerBlob(call, heads, digest, source));
}

function answerBlob(call: Call, heads: Heads, digest: Digest, source: ByteSource): Soon<Answer> {
  const { size } = source;
  if (call.header("range") === undefined)
    return { status: 200, ...heads.ofBlob(digest, size), body: bodyOf(source, { start: 0, end: size }) };
  const answer = rangeAnswer(call, source, `"${digest}"`, blobHeaders(digest));
  if (answer !== undefined) return answer;
  const refusal = faultAnswer(new Fault("range", "blob", "the range lies outside of the blob", { size }));
  const unsatisfied = { ...refusal, headers: [...refusal.headers, "Content-Range", `bytes */${size}`] };
  return source.close().then(() => unsatisfied);
}

export async function deleteBlob({ registry, actor, name }: Question, digestText: string): Promise<Answer> {
  await registry.blobs.delete(actor, name, parseDigest(digestText));
  return empty(202, ...commonHeaders);
}
