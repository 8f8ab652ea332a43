// Listings of /v2/: tags, repositories, referrers.
// https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#listing-tags

import { type Answer, json } from "#http/answer";
import type { Call } from "#http/call";
import { nextLink, parsePage } from "#http/paging";
import { parseDigest } from "#lib/digest";
import { Fault } from "#lib/fault";
import { ociIndex } from "#lib/media-type";
import type { Page } from "#registry";
import { commonHeaders } from "./errors.ts";
import type { Question } from "./question.ts";

/** Link to the page behind `page`, when there is one and this one has a last entry: `n=0` has none. */
function linkHeaders(path: string, call: Call, { more }: Page<unknown>, last: string | undefined): string[] {
  return more && last !== undefined ? nextLink(path, call, parsePage(call).limit, last) : [];
}

export async function listTags({ registry, actor, call, name }: Question): Promise<Answer> {
  const page = await registry.tags.list(actor, name, parsePage(call));
  const link = linkHeaders(`/v2/${name.asked}/tags/list`, call, page, page.entries.at(-1));
  return json(200, { name: name.asked, tags: page.entries }, [...link, ...commonHeaders]);
}

export async function listRepositories({ registry, actor, call }: Omit<Question, "name">): Promise<Answer> {
  const page = await registry.repositories.list(actor, parsePage(call));
  const link = linkHeaders("/v2/_catalog", call, page, page.entries.at(-1));
  return json(200, { repositories: page.entries }, [...link, ...commonHeaders]);
}

export async function listReferrers({ registry, actor, call, name }: Question, subject: string): Promise<Answer> {
  const artifactType = call.query.get("artifactType") || null;
  if (artifactType?.includes("\0")) throw new Fault("invalid", "request", "artifactType is no media type");
  const digest = parseDigest(subject);
  const page = await registry.referrers.list(actor, name, digest, { ...parsePage(call), artifactType });
  const link = linkHeaders(`/v2/${name.asked}/referrers/${digest}`, call, page, page.entries.at(-1)?.digest);
  const filtered = artifactType === null ? [] : ["OCI-Filters-Applied", "artifactType"];
  return json(
    200,
    { schemaVersion: 2, mediaType: ociIndex, manifests: page.entries },
    [...filtered, ...link, ...commonHeaders],
    ociIndex,
  );
}
