// Manifests of /v2/.
// https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pulling-manifests
import { type Answer, empty } from "#http/answer";
import { Fault } from "#lib/fault";
import { parseReference, parseTag } from "#lib/reference";
import { type Soon, whenThere } from "#lib/soon";
import { readAll } from "#lib/stream";
import { maxManifestBytes, tooLarge } from "#registry";
import { hasEtag } from "./blobs.ts";
import { commonHeaders } from "./errors.ts";
import { manifestHeaders } from "./heads.ts";
import type { Question } from "./question.ts";

const maxTags = 64;

export function headManifest({ registry, actor, call, name, heads }: Question, reference: string): Soon<Answer> {
  return whenThere(registry.manifests.resolve(actor, name, parseReference(reference)), (head) => {
    if (hasEtag(call, `"${head.digest}"`)) return empty(304, ...manifestHeaders(head));
    return { status: 200, ...heads.ofManifest(head) };
  });
}

export function getManifest({ registry, actor, call, name, heads }: Question, reference: string): Soon<Answer> {
  return whenThere(registry.manifests.get(actor, name, parseReference(reference)), (manifest) => {
    if (hasEtag(call, `"${manifest.digest}"`)) return empty(304, ...manifestHeaders(manifest));
    return { status: 200, ...heads.ofManifest(manifest), body: manifest.bytes };
  });
}

/** PUT by tag, or by digest with as many `tag` parameters as are wanted. */
export async function putManifest({ registry, actor, call, name }: Question, referenceText: string): Promise<Answer> {
  const reference = parseReference(referenceText);
  const asTags = call.query.getAll("tag").map(parseTag);
  if (asTags.length > maxTags) throw new Fault("invalid", "tag", `one push may set at most ${maxTags} tags`);
  if ((call.contentLength ?? 0) > maxManifestBytes) throw tooLarge();
  const bytes = await readAll(call.body, maxManifestBytes);
  if (bytes === undefined) throw tooLarge();
  const isByTag = "tag" in reference;
  const { digest, subject } = await registry.manifests.put(actor, name, {
    bytes,
    contentType: call.header("content-type"),
    tags: isByTag ? [reference.tag, ...asTags] : asTags,
    ...(isByTag ? {} : { digest: reference.digest }),
  });
  return empty(
    201,
    "Location",
    `/v2/${name.asked}/manifests/${digest}`,
    "Docker-Content-Digest",
    digest,
    ...(subject === null ? [] : ["OCI-Subject", subject]),
    ...asTags.flatMap((tag) => ["OCI-Tag", tag]),
    ...commonHeaders,
  );
}

/** DELETE: by tag only the tag, by digest the manifest and its tags. */
export async function deleteManifest({ registry, actor, name }: Question, referenceText: string): Promise<Answer> {
  const reference = parseReference(referenceText);
  if ("tag" in reference) await registry.tags.delete(actor, name, reference.tag);
  else await registry.manifests.delete(actor, name, reference.digest);
  return empty(202, ...commonHeaders);
}
