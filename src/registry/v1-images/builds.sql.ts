// SQL of tags that are set over v1: the chain becomes an image of today and its tag moves, in the transaction that makes the
// chain whole; until then the tag is pending, and what no manifest can say stays v1-only.
import type { Row, Transaction } from "#db";
import { parseDigest } from "#lib/digest";
import { isCompression } from "#lib/layer";
import type { RepositoryName, Tag } from "#lib/reference";
import { storeBlob } from "../blobs.sql.ts";
import { appendEvent, type Stamp } from "../events.sql.ts";
import { readManifest } from "../manifest-content.ts";
import { putManifest } from "../manifests.sql.ts";
import { ensureRepository, idOf } from "../repositories.sql.ts";
import { moveTag, removeTag } from "../tags.sql.ts";
import { buildImage, type ChainLink, maxConfigBytes } from "./build.ts";
import {
  bringChain,
  isRing,
  keepLayer,
  selectChain,
  selectHistory,
  selectHistorySize,
  unfinished,
} from "./chains.sql.ts";
import { emptyLayerBytes, emptyLayerDigest } from "./derive.ts";

/** How long a push may go on before a tag of it is taken for the last one. */
export const maxPushMilliseconds = 3_600_000;

export interface PutImageTagInput {
  readonly name: RepositoryName;
  readonly tag: Tag;
  readonly imageId: string;
  /** The record of the image, in this scope or in one that may be used. */
  readonly image: number;
  /** The manifest from which a derived image comes, when this repository has none such. */
  readonly manifestElsewhere: number | null;
  /** JSON of what is known of the client. */
  readonly info: string;
  readonly stamp: Stamp;
}

interface Place {
  readonly repositoryId: number;
  readonly name: RepositoryName;
  readonly tag: Tag;
  readonly imageId: string;
}

/** What became of a tag. `manifest`: the row that it points at. */
interface Outcome {
  readonly state: "built" | "pending" | "v1-only";
  readonly image: number;
  readonly manifest: number | null;
  readonly reason: string | null;
}

/** Points a tag at an image: at once if its chain is whole, else when it is. */
export function* putImageTag(input: PutImageTagInput): Transaction<void> {
  const { name, tag, imageId, image, manifestElsewhere, info, stamp } = input;
  const repositoryId = yield* ensureRepository(name, stamp);
  const place: Place = { repositoryId, name, tag, imageId };
  const isPassing = yield* isOnTheWay(place, stamp.at);
  const outcome: Outcome = isPassing
    ? { state: "pending", image, manifest: null, reason: "the push goes on to another image for this tag" }
    : yield* resolve(place, image, manifestElsewhere, stamp);
  yield* keepTag(place, outcome, info, stamp);
}

function* keepTag(
  { repositoryId, tag, imageId }: Place,
  outcome: Outcome,
  info: string,
  stamp: Stamp,
): Transaction<void> {
  const { image, manifest, state, reason } = outcome;
  yield {
    sql: `insert into v1_tags (repository_id, name, image, image_id, manifest_id, state, reason, info, actor_id, updated_at)
          values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
          on conflict (repository_id, name) do update set image = excluded.image, image_id = excluded.image_id,
            manifest_id = excluded.manifest_id, state = excluded.state, reason = excluded.reason, info = excluded.info,
            actor_id = excluded.actor_id, updated_at = excluded.updated_at`,
    args: [repositoryId, tag, image, imageId, manifest, state, reason, info, stamp.actor, stamp.at],
  };
}

/** Whether the push under way announced this tag for another image: clients of 2013 set it on every ancestor in turn. */
function* isOnTheWay({ repositoryId, tag, imageId }: Place, now: number): Transaction<boolean> {
  const [row] = yield {
    sql: `select i.announced from v1_repositories i
          join v1_announcements a on a.repository_id = i.repository_id and a.announced_at = i.announced_at
          where i.repository_id = ? and i.announced is not null and i.announced_at > ? and a.image_id = ?`,
    args: [repositoryId, now - maxPushMilliseconds, imageId],
  };
  if (row === undefined) return false;
  const announced: Record<string, unknown> = JSON.parse(String(row["announced"]));
  return Object.hasOwn(announced, tag) && announced[tag] !== imageId;
}

function* resolve(place: Place, image: number, manifestElsewhere: number | null, stamp: Stamp): Transaction<Outcome> {
  const chain = yield { sql: selectChain, args: [image] };
  const top = chain.at(-1);
  if (top?.["origin"] === "derived") {
    const manifest = yield* pointAtSource(place, manifestElsewhere, stamp);
    if (manifest !== null) return { state: "built", image, manifest, reason: null };
  }
  if (chain.some((row) => row["state"] !== "complete"))
    return { state: "pending", image, manifest: null, reason: "its chain is not complete" };
  if (chain.some((row) => row["is_there"] !== 1))
    return { state: "pending", image, manifest: null, reason: "a layer of its chain is not in the registry any more" };
  if (isRing(chain)) return yield* keepFromToday(place, image, "its chain comes back to itself", stamp);
  const own = yield* bringChain(image, place.repositoryId, stamp);
  return yield* build(place, own, chain, stamp);
}

/** Points a tag at the manifest from which a derived image comes; null when there is none. */
function* pointAtSource(place: Place, manifestElsewhere: number | null, stamp: Stamp): Transaction<number | null> {
  const { repositoryId, name, tag, imageId } = place;
  const [here] = yield {
    sql: `select m.id, m.digest from v1_manifests f join live_manifests m on m.id = f.manifest_id
          where f.image_id = ? and m.repository_id = ? order by m.id limit 1`,
    args: [imageId, repositoryId],
  };
  if (here !== undefined) {
    const manifestId = idOf(here["id"]);
    const digest = parseDigest(String(here["digest"]));
    yield* moveTag({ repositoryId, path: name.path, tag, manifestId, digest }, stamp);
    return manifestId;
  }
  const [there] = yield {
    sql: `select m.repository_id, m.digest, m.media_type, c.bytes from live_manifests m join manifest_contents c on c.manifest_id = m.id
          where m.id = ?`,
    args: [manifestElsewhere],
  };
  const bytes = there?.["bytes"];
  if (there === undefined || !(bytes instanceof Uint8Array)) return null;
  const content = readManifest(bytes, String(there["media_type"]));
  for (const { kind, digest } of content.edges) {
    if (kind !== "config" && kind !== "layer") continue;
    // Only what its repository has: a manifest may name anything.
    const [linked] = yield {
      sql: `select l.blob_id from repository_blobs l join blobs b on b.id = l.blob_id
            where l.repository_id = ? and b.digest = ? and b.state = 'present'`,
      args: [there["repository_id"] ?? null, digest],
    };
    if (linked === undefined) return null;
    yield* keepLayer(repositoryId, digest, stamp.at);
  }
  const digest = parseDigest(String(there["digest"]));
  const face = { kind: "copy", from: manifestElsewhere } as const;
  return yield* putManifest({ name, digest, bytes, content, tags: [tag], missing: "refuse", stamp, face });
}

function* build(place: Place, top: number, chain: readonly Row[], stamp: Stamp): Transaction<Outcome> {
  const { repositoryId, name, tag, imageId } = place;
  const [row] = yield { sql: "select json from v1_images where id = ?", args: [top] };
  const json = row?.["json"];
  const [steps] = yield { sql: selectHistorySize, args: [top] };
  if (Number(steps?.["total"]) > maxConfigBytes)
    return yield* keepFromToday(place, top, "its config would be larger than registries take", stamp);
  const history = (yield { sql: selectHistory, args: [top] }).map((each) => String(each["history"]));
  const links = chain.map((each, i) => linkOf(each, history[i] ?? "{}"));
  const built = buildImage(links, json instanceof Uint8Array ? json : new Uint8Array());
  if ("reason" in built) return yield* keepFromToday(place, top, built.reason, stamp);
  const { config, manifest } = built;
  yield* storeBlob(config.digest, config.bytes.byteLength, { content: config.bytes }, stamp.at);
  yield* keepLayer(repositoryId, config.digest, stamp.at);
  const content = readManifest(manifest.bytes, manifest.mediaType);
  if (content.edges.some(({ digest }) => digest === emptyLayerDigest)) {
    yield* storeBlob(emptyLayerDigest, emptyLayerBytes.byteLength, { content: emptyLayerBytes }, stamp.at);
    yield* keepLayer(repositoryId, emptyLayerDigest, stamp.at);
  }
  const { digest, bytes } = manifest;
  const face = { kind: "origin", imageId } as const;
  const made = yield* putManifest({ name, digest, bytes, content, tags: [tag], missing: "refuse", stamp, face });
  yield {
    sql: "update v1_images set manifest_digest = ? where id = ? and manifest_digest is null",
    args: [digest, top],
  };
  return { state: "built", image: top, manifest: made, reason: null };
}

/** A tag that no manifest can be made for: what it was over other protocols ends. */
function* keepFromToday(place: Place, image: number, reason: string, stamp: Stamp): Transaction<Outcome> {
  const { repositoryId, name, tag, imageId } = place;
  const [known] = yield {
    sql: "select state from v1_tags where repository_id = ? and name = ? and image_id = ? and state = 'v1-only'",
    args: [repositoryId, tag, imageId],
  };
  const wasTagged = yield* removeTag({ repositoryId, path: name.path, tag }, stamp);
  if (!wasTagged && known === undefined)
    yield* appendEvent("tag.move", stamp, { id: repositoryId, path: name.path }, tag, { image: imageId, reason });
  return { state: "v1-only", image, manifest: null, reason };
}

function linkOf(row: Row, history: string): ChainLink {
  const { is_empty, digest, size, diff_id, compression, reason } = row;
  return {
    history,
    isEmpty: is_empty === 1,
    digest: parseDigest(String(digest)),
    size: typeof size === "number" ? size : 0,
    diffId: typeof diff_id === "string" ? parseDigest(diff_id) : null,
    compression: typeof compression === "string" && isCompression(compression) ? compression : null,
    reason: typeof reason === "string" ? reason : null,
  };
}

const selectPending = `select t.repository_id, t.name as tag, t.image, t.image_id, t.info, r.path, r.name, n.name as namespace
  from v1_tags t join live_repositories r on r.id = t.repository_id join namespaces n on n.id = r.namespace_id
  where t.state = 'pending'`;

/** Pending tags that could be built and were set before a time: their push has been going on for too long. */
export const selectForgotten = `${selectPending} and t.updated_at < ? and not exists (${unfinished("t.image")})
  order by t.updated_at limit 100`;

/** An image has become complete: tags that waited for it, on itself or on what stands on it, are built. */
export function* settleWaiting(image: number, stamp: Stamp): Transaction<void> {
  const waiting = yield {
    sql: `with recursive below(id) as (
            select id from v1_images where id = ?
            union select v.id from below b join v1_images v on v.parent = b.id and v.origin = 'pushed')
          ${selectPending} and t.image in (select id from below)`,
    args: [image],
  };
  yield* settle(waiting, stamp);
}

export interface SettleTagsInput {
  /** Those of one repository; null for all whose push has been going on for too long. */
  readonly repositoryId: number | null;
  readonly stamp: Stamp;
}

/** Builds what can be built of the pending tags of a push that has ended. */
export function* settleTags({ repositoryId, stamp }: SettleTagsInput): Transaction<number> {
  const waiting =
    repositoryId === null
      ? yield { sql: selectForgotten, args: [stamp.at - maxPushMilliseconds] }
      : yield { sql: `${selectPending} and t.repository_id = ?`, args: [repositoryId] };
  return yield* settle(waiting, stamp);
}

function* settle(waiting: readonly Row[], stamp: Stamp): Transaction<number> {
  let settled = 0;
  for (const row of waiting) {
    const [path, name] = [String(row["path"]), String(row["name"])];
    const repository = { namespace: String(row["namespace"]), name, path, asked: path };
    const tag = String(row["tag"]) as Tag;
    const place = { repositoryId: idOf(row["repository_id"]), name: repository, tag, imageId: String(row["image_id"]) };
    if (yield* isOnTheWay(place, stamp.at)) continue;
    const outcome = yield* resolve(place, idOf(row["image"]), null, stamp);
    // Its time stays that of who set it: the list of what waits for too long goes by it.
    if (outcome.state === "pending") continue;
    yield* keepTag(place, outcome, String(row["info"]), stamp);
    settled++;
  }
  return settled;
}
