// SQL of v1 images: found within their scope, announced, given a layer, completed, and brought into another scope.
import type { Transaction } from "#db";
import type { Digest } from "#lib/digest";
import { Fault } from "#lib/fault";
import type { Compression, LayerFacts } from "#lib/layer";
import type { RepositoryName } from "#lib/reference";
import { linkBlob, type Placed, type Stored, storeBlob } from "../blobs.sql.ts";
import type { Stamp } from "../events.sql.ts";
import { ensureRepository, idOf } from "../repositories.sql.ts";
import { settleWaiting } from "./builds.sql.ts";
import { ancestors, bringChain, keepLayer, maxDepth } from "./chains.sql.ts";
import { emptyLayerDigest } from "./derive.ts";

export interface ImageRow {
  readonly id: number;
  readonly repository_id: number | null;
  /** Of the repository that it belongs to; null when it is nobody's, as is what a deleted repository left. */
  readonly path: string | null;
  readonly origin: "pushed" | "derived";
  readonly state: "announced" | "uploaded" | "complete";
  readonly revision: number;
  readonly digest: Digest | null;
  readonly size: number | null;
  readonly compression: Compression | null;
  readonly diff_id: Digest | null;
  readonly payload: string | null;
  readonly tarsum: string | null;
  readonly checksum_ahead: string | null;
}

const columns = `v.id, v.repository_id, case when r.deleted_at is null then r.path end as path, v.origin, v.state, v.revision, v.digest, v.size, v.compression, v.diff_id,
  v.payload, v.tarsum, v.checksum_ahead`;
const fromImages = "from v1_images v left join repositories r on r.id = v.repository_id";
/** What was derived from a manifest is there as long as its layer is; what was pushed stays. */
const isThere = `(v.origin = 'pushed' or (r.deleted_at is null and (v.digest = '${emptyLayerDigest}' or exists (
  select 1 from repository_blobs l join blobs b on b.id = l.blob_id
  where l.repository_id = v.repository_id and b.digest = v.digest and b.state = 'present'))))`;
const bestFirst = "order by v.state = 'complete' desc, v.origin = 'derived' desc, v.id";
const select = `select ${columns} ${fromImages}`;

export const selectOfRepository = `${select} where v.image_id = ? and ${isThere}
  and v.repository_id = (select id from live_repositories where path = ?) ${bestFirst} limit 1`;

/** The repository for which somebody announced an image last. */
export const selectAnnounced = `select r.id, r.path from v1_announcements a join live_repositories r on r.id = a.repository_id
  where a.image_id = ? and a.actor_id is not distinct from ? order by a.announced_at desc, r.id desc limit 1`;

/** Derived ones are the same wherever they are. */
export const selectDerived = `${select} where v.image_id = ? and v.origin = 'derived' and ${isThere} limit 64`;
export const selectPushed = `${select} where v.image_id = ? and v.origin = 'pushed' ${bestFirst} limit 64`;

export const selectJson = "select json from v1_images where id = ?";

/** Whether another scope has other content under the id of a record. */
export const selectOther = `select 1 as other from v1_images v join v1_images o on o.image_id = v.image_id
  where v.id = ? and o.id <> v.id and o.origin = 'pushed' and o.state = 'complete' and (o.digest <> v.digest or o.json <> v.json) limit 1`;

/** Where the bytes of a layer are: whoever may see the record may see them. */
export const selectLayer = "select id, size, storage_key, content from blobs where digest = ? and state = 'present'";

export const selectScopeOfArriving = `select v.repository_id, case when r.deleted_at is null then r.path end as path ${fromImages}
  where v.image_id = ? and v.origin = 'pushed' and v.state <> 'complete' order by v.touched_at desc limit 64`;

/** Whom a new record belongs to: a repository, made if it must be, or one that is there, or nobody. */
export type Scope = { readonly name: RepositoryName } | { readonly repositoryId: number | null };

export interface PutImageJsonInput {
  readonly scope: Scope;
  readonly imageId: string;
  readonly json: Uint8Array;
  readonly history: string;
  readonly parent: string | null;
  /** A complete record of the parent in another scope, which may be used when this one has none. */
  readonly parentElsewhere: number | null;
  readonly checksumAhead: string | null;
  readonly stamp: Stamp;
}

/** Announces an image, or announces it anew. Faults: invalid image (its parent), conflict image (it is complete). */
export function* putImageJson(input: PutImageJsonInput): Transaction<void> {
  const { scope, imageId, json, history, checksumAhead, stamp } = input;
  const repositoryId = "name" in scope ? yield* ensureRepository(scope.name, stamp) : scope.repositoryId;
  const [known] = yield {
    sql: `select id, state from v1_images where image_id = ? and repository_id is not distinct from ? and origin = 'pushed'`,
    args: [imageId, repositoryId],
  };
  const { parent, depth } = yield* findParent(input, repositoryId, known === undefined ? null : idOf(known["id"]));
  if (known?.["state"] === "complete") throw alreadyThere();
  if (known === undefined) {
    yield {
      sql: `insert into v1_images (repository_id, image_id, origin, state, parent, depth, json, history, checksum_ahead,
            actor_id, created_at, touched_at) values (?, ?, 'pushed', 'announced', ?, ?, ?, ?, ?, ?, ?, ?)`,
      args: [repositoryId, imageId, parent, depth, json, history, checksumAhead, stamp.actor, stamp.at, stamp.at],
    };
    return;
  }
  yield {
    sql: `update v1_images set state = 'announced', revision = revision + 1, parent = ?, depth = ?, json = ?, history = ?,
          checksum_ahead = ?, digest = null, size = null, compression = null, diff_id = null, is_empty = 0, reason = null,
          payload = null, tarsum = null, actor_id = ?, touched_at = ? where id = ?`,
    args: [parent, depth, json, history, checksumAhead, stamp.actor, stamp.at, idOf(known["id"])],
  };
}

function* findParent(
  { parent, parentElsewhere, stamp }: PutImageJsonInput,
  repositoryId: number | null,
  self: number | null,
): Transaction<{ parent: number | null; depth: number }> {
  if (parent === null) return { parent: null, depth: 1 };
  const [inScope] = yield {
    sql: `select id from v1_images where image_id = ? and repository_id is not distinct from ?
          order by state = 'complete' desc, origin = 'derived' desc limit 1`,
    args: [parent, repositoryId],
  };
  const found = inScope === undefined ? parentElsewhere : idOf(inScope["id"]);
  if (found === null) throw noParent();
  const isElsewhere = inScope === undefined && repositoryId !== null;
  const id = isElsewhere ? yield* bringChain(found, repositoryId, stamp) : found;
  const chain = yield { sql: `${ancestors} select id from chain`, args: [id] };
  // A chain that is announced anew could be closed into a ring.
  if (chain.length >= maxDepth || chain.some((row) => row["id"] === self)) throw noParent();
  return { parent: id, depth: chain.length + 1 };
}

export function noParent(): Fault {
  return new Fault("invalid", "image", "Image depends on a non existing parent");
}

export interface BeginLayerInput {
  readonly id: string;
  readonly repositoryId: number | null;
  readonly digest: Digest;
  readonly stamp: Stamp;
}

/** From now on the bytes of an upload may stand under their final key. */
export function* beginLayer({ id, repositoryId, digest, stamp }: BeginLayerInput): Transaction<void> {
  yield {
    sql: `insert into uploads (id, repository_id, actor_id, algorithm, state, digest, started_at, touched_at)
          values (?, ?, ?, 'sha256', 'finishing', ?, ?, ?)`,
    args: [id, repositoryId, stamp.actor, digest, stamp.at, stamp.at],
  };
}

export interface PutImageLayerInput {
  readonly imageRow: number;
  /** Of the JSON over which the checksum was computed. */
  readonly revision: number;
  readonly digest: Digest;
  readonly size: number;
  readonly placed: Placed;
  /** The upload whose file this was; null when the bytes are in the row. */
  readonly upload: string | null;
  readonly facts: LayerFacts;
  readonly tarsum: string | null;
  /** Whether the checksum that was sent ahead has been met: then the image is complete. */
  readonly isComplete: boolean;
  readonly stamp: Stamp;
}

/** The layer of an image is stored. Faults: conflict image (it is complete), conflict arriving-image (its JSON was sent anew). */
export function* putImageLayer(input: PutImageLayerInput): Transaction<Stored> {
  const { imageRow, revision, digest, size, placed, upload, facts, tarsum, isComplete, stamp } = input;
  const [row] = yield { sql: "select repository_id, state, revision from v1_images where id = ?", args: [imageRow] };
  if (row?.["state"] === "complete") throw alreadyThere();
  if (row?.["revision"] !== revision) throw isArriving();
  const stored = yield* storeBlob(digest, size, placed, stamp.at);
  if (typeof row["repository_id"] === "number") yield* keepLayer(row["repository_id"], digest, stamp.at);
  if (upload !== null) yield* endUpload(upload, stored, stamp.at);
  yield {
    sql: `update v1_images set state = 'uploaded', digest = ?, size = ?, compression = ?, diff_id = ?, is_empty = ?, reason = ?,
          payload = ?, tarsum = ?, touched_at = ? where id = ?`,
    args: [
      digest,
      size,
      facts.compression,
      facts.diffId,
      facts.isEmpty ? 1 : 0,
      facts.reason,
      facts.payload,
      tarsum,
      stamp.at,
      imageRow,
    ],
  };
  if (isComplete) yield* completeImage({ imageRow, revision, tarsum, stamp });
  return stored;
}

export interface KeepDecodedInput {
  readonly upload: string;
  readonly repositoryId: number | null;
  readonly digest: Digest;
  readonly size: number;
  readonly key: string;
  readonly stamp: Stamp;
}

/** A layer has been decoded: a blob that nothing needs, which may be made again. */
export function* keepDecoded({
  upload,
  repositoryId,
  digest,
  size,
  key,
  stamp,
}: KeepDecodedInput): Transaction<Stored> {
  const stored = yield* storeBlob(digest, size, { key }, stamp.at);
  if (repositoryId !== null) yield* linkBlob(repositoryId, stored.blobId, stamp.at);
  yield* endUpload(upload, stored, stamp.at);
  return stored;
}

function* endUpload(id: string, { isDuplicate }: Stored, at: number): Transaction<void> {
  const state = isDuplicate ? "discarded" : "finished";
  yield { sql: "update uploads set state = ?, touched_at = ? where id = ?", args: [state, at, id] };
}

export interface CompleteImageInput {
  readonly imageRow: number;
  readonly revision: number;
  readonly tarsum: string | null;
  readonly stamp: Stamp;
}

/** An image is complete, and so are the tags that waited for it. Faults: conflict checksum, conflict arriving-image. */
export function* completeImage({ imageRow, revision, tarsum, stamp }: CompleteImageInput): Transaction<void> {
  const [row] = yield { sql: "select state, revision from v1_images where id = ?", args: [imageRow] };
  if (row?.["state"] === "complete") throw cannotSet();
  if (row?.["revision"] !== revision || row["state"] !== "uploaded") throw isArriving();
  yield {
    sql: "update v1_images set state = 'complete', tarsum = coalesce(?, tarsum), touched_at = ? where id = ?",
    args: [tarsum, stamp.at, imageRow],
  };
  yield* settleWaiting(imageRow, stamp);
}

export function noImage(): Fault {
  return new Fault("unknown", "image", "Image not found");
}

export function isArriving(): Fault {
  return new Fault("conflict", "arriving-image", "Image is being uploaded, retry later");
}

export function cannotSet(): Fault {
  return new Fault("conflict", "checksum", "Cannot set this image checksum");
}

export function alreadyThere(): Fault {
  return new Fault("conflict", "image", "Image already exists");
}
