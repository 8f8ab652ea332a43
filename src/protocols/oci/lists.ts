// Listings of /v2/: tags, repositories, referrers.
// https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#listing-tags
import type { Actor } from "#access";
import { type Answer, json } from "#http/answer";
import type { Call } from "#http/call";
import { nextLink, parsePage } from "#http/paging";
import { parseDigest } from "#lib/digest";
import { Fault } from "#lib/fault";
import { ociIndex } from "#lib/media-type";
import { parseRepositoryName } from "#lib/reference";
import type { Registry } from "#registry";
import { commonHeaders } from "./errors.ts";

/** Link to the next page, when there is one: `n=0` has none. */
function linkHeaders(path: string, call: Call, limit: number, more: boolean, last: string | undefined): string[] {
  return more && last !== undefined ? nextLink(path, call, limit, last) : [];
}

export async function listTags(registry: Registry, actor: Actor, call: Call, asked: string): Promise<Answer> {
  const page = parsePage(call);
  const { entries, more } = await registry.tags.list(actor, parseRepositoryName(asked), page);
  const link = linkHeaders(`/v2/${asked}/tags/list`, call, page.limit, more, entries.at(-1));
  return json(200, { name: asked, tags: entries }, [...link, ...commonHeaders]);
}

export async function listRepositories(registry: Registry, actor: Actor, call: Call): Promise<Answer> {
  const page = parsePage(call);
  const { entries, more } = await registry.repositories.list(actor, page);
  const link = linkHeaders("/v2/_catalog", call, page.limit, more, entries.at(-1));
  return json(200, { repositories: entries }, [...link, ...commonHeaders]);
}

export async function listReferrers(
  registry: Registry,
  actor: Actor,
  call: Call,
  asked: string,
  subject: string,
): Promise<Answer> {
  const page = parsePage(call);
  const artifactType = call.query.get("artifactType") || null;
  if (artifactType?.includes("\0")) throw new Fault("invalid", "request", "artifactType is no media type");
  const digest = parseDigest(subject);
  const { entries, more } = await registry.referrers.list(actor, parseRepositoryName(asked), digest, {
    ...page,
    artifactType,
  });
  const link = linkHeaders(`/v2/${asked}/referrers/${digest}`, call, page.limit, more, entries.at(-1)?.digest);
  const filtered = artifactType === null ? [] : ["OCI-Filters-Applied", "artifactType"];
  return json(
    200,
    { schemaVersion: 2, mediaType: ociIndex, manifests: entries },
    [...filtered, ...link, ...commonHeaders],
    ociIndex,
  );
}
