// SQL of v1 images: found within their scope, announced, given a layer, completed, and brought into another scope.
import type { Transaction, Value } from "#db";
import type { Digest } from "#lib/digest";
import { Fault } from "#lib/fault";
import type { Compression, LayerFacts } from "#lib/layer";
import type { RepositoryName } from "#lib/reference";
import { linkBlob, type Placed, type Stored, storeBlob } from "../blobs.sql.ts";
import type { Stamp } from "../events.sql.ts";
import { ensureRepository, idOf } from "../repositories.sql.ts";
import { settleWaiting } from "./builds.sql.ts";
import { bringChain, keepLayer, maxDepth, noParent, releaseLayer, selectAncestry } from "./chains.sql.ts";
import { emptyLayerDigest } from "./derive.ts";

/** Whose a record is. */
export interface Owned {
  /** Of the repository that it belongs to; null when it is nobody's. */
  readonly path: string | null;
  /** 1 when that repository has been deleted. */
  readonly is_gone: number;
  readonly origin: "pushed" | "derived";
}

export interface ImageRow extends Owned {
  readonly id: number;
  readonly repository_id: number | null;
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

const owned = "v.repository_id, r.path, case when r.deleted_at is null then 0 else 1 end as is_gone, v.origin";
const columns = `v.id, ${owned}, v.state, v.revision, v.digest, v.size, v.compression, v.diff_id, v.payload, v.tarsum, v.checksum_ahead`;
const fromImages = "from v1_images v left join repositories r on r.id = v.repository_id";
/** What was pushed is there as long as its layer is, and what was derived as long as that is linked in its repository. */
const isThere = `(v.state <> 'complete' or v.digest = '${emptyLayerDigest}'
  or (v.origin = 'pushed' and exists (select 1 from blobs b where b.digest = v.digest and b.state = 'present'))
  or (v.origin = 'derived' and r.deleted_at is null and exists (
    select 1 from repository_blobs l join blobs b on b.id = l.blob_id
    where l.repository_id = v.repository_id and b.digest = v.digest and b.state = 'present')))`;
/** The oldest that is complete; else the one that somebody is at. */
const bestFirst = `order by v.state = 'complete' desc, v.origin = 'derived' desc,
  case when v.state <> 'complete' then v.touched_at end desc, v.id`;
const select = `select ${columns} ${fromImages}`;

export const selectOfRepository = `${select} where v.image_id = ? and ${isThere}
  and v.repository_id = (select id from live_repositories where path = ?) ${bestFirst} limit 1`;

export interface Announced {
  readonly id: number;
  readonly path: string;
  readonly announced_at: number;
}

/** The repository for which somebody announced an image last. */
export const selectAnnounced = `select r.id, r.path, a.announced_at from v1_announcements a join live_repositories r on r.id = a.repository_id
  where a.image_id = ? and a.actor_id is not distinct from ? order by a.announced_at desc, r.id desc limit 1`;

/** Derived ones are the same wherever they are. */
export const selectDerived = `${select} where v.image_id = ? and v.origin = 'derived' and ${isThere} order by v.id limit 64`;
export const selectPushed = `${select} where v.image_id = ? and v.origin = 'pushed' and ${isThere} ${bestFirst} limit 64`;

export const selectJson = "select json from v1_images where id = ?";

/** Whether another scope has other content under the id of a record. */
export const selectOther = `select 1 as other from v1_images v join v1_images o on o.image_id = v.image_id
  where v.id = ? and o.id <> v.id and (o.origin = 'pushed' or v.origin = 'pushed') and o.state = 'complete' and (o.digest <> v.digest or o.json <> v.json) limit 1`;

/** Where the bytes of a layer are: whoever may see the record may see them. */
export const selectLayer = "select id, size, storage_key, content from blobs where digest = ? and state = 'present'";

/** What a layer unpacks to, where that has been found out. */
export const selectUnpacked = "select diff_id from v1_layers where digest = ?";

export const selectScopeOfArriving = `select ${owned} ${fromImages}
  where v.image_id = ? and v.origin = 'pushed' and v.state <> 'complete' order by v.touched_at desc, v.id limit 64`;

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
    sql: `select id, state, digest, json from v1_images
          where image_id = ? and repository_id is not distinct from ? and origin = 'pushed'`,
    args: [imageId, repositoryId],
  };
  const parent = yield* findParent(input, repositoryId);
  if (known?.["state"] === "complete" && !(yield* isLost(known["digest"]))) throw alreadyThere();
  if (known === undefined) {
    yield {
      sql: `insert into v1_images (repository_id, image_id, origin, state, parent, json, history, checksum_ahead,
            actor_id, created_at, touched_at) values (?, ?, 'pushed', 'announced', ?, ?, ?, ?, ?, ?, ?)`,
      args: [repositoryId, imageId, parent, json, history, checksumAhead, stamp.actor, stamp.at, stamp.at],
    };
    return;
  }
  // A layer that is on its way was hashed behind the JSON that it began with: behind the same one it stays good.
  const { json: before } = known;
  const step = before instanceof Uint8Array && Buffer.compare(before, json) === 0 ? 0 : 1;
  yield {
    sql: `update v1_images set state = 'announced', revision = revision + ?, parent = ?, json = ?, history = ?,
          checksum_ahead = ?, digest = null, size = null, compression = null, diff_id = null, is_empty = 0, reason = null,
          payload = null, tarsum = null, actor_id = ?, touched_at = ? where id = ?`,
    args: [step, parent, json, history, checksumAhead, stamp.actor, stamp.at, idOf(known["id"])],
  };
  yield* releaseLayer(repositoryId, known["digest"], stamp.at);
}

/** Whether the layer of a complete image is gone: it can be pushed again. */
function* isLost(digest: Value | undefined): Transaction<boolean> {
  if (digest === emptyLayerDigest) return false;
  const [blob] = yield { sql: "select id from blobs where digest = ? and state = 'present'", args: [digest ?? null] };
  return blob === undefined;
}

function* findParent(
  { imageId, parent, parentElsewhere, stamp }: PutImageJsonInput,
  repositoryId: number | null,
): Transaction<number | null> {
  if (parent === null) return null;
  const [inScope] = yield {
    sql: `select id from v1_images where image_id = ? and repository_id is not distinct from ?
          order by state = 'complete' desc, origin = 'derived' desc limit 1`,
    args: [parent, repositoryId],
  };
  const found = inScope === undefined ? parentElsewhere : idOf(inScope["id"]);
  if (found === null) throw noParent();
  const isElsewhere = inScope === undefined && repositoryId !== null;
  const id = isElsewhere ? yield* bringChain(found, repositoryId, stamp) : found;
  const chain = yield { sql: selectAncestry, args: [id] };
  // A chain that is announced anew could be closed into a ring, also by way of another scope.
  if (chain.length >= maxDepth || chain.some((row) => row["image_id"] === imageId)) throw noParent();
  return id;
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
  const [row] = yield {
    sql: "select repository_id, state, revision, digest from v1_images where id = ?",
    args: [imageRow],
  };
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
  if (row["digest"] !== digest) yield* releaseLayer(row["repository_id"] ?? null, row["digest"], stamp.at);
  if (isComplete) yield* completeImage({ imageRow, revision, digest, tarsum, stamp });
  return stored;
}

export interface KeepUnpackedInput {
  readonly digest: Digest;
  readonly diffId: Digest | null;
}

/** Remembers what a layer unpacks to; null when it does not. */
export function* keepUnpacked({ digest, diffId }: KeepUnpackedInput): Transaction<void> {
  yield {
    sql: "insert into v1_layers (digest, diff_id) values (?, ?) on conflict (digest) do update set diff_id = excluded.diff_id",
    args: [digest, diffId],
  };
}

export interface KeepDecodedInput {
  readonly upload: string;
  readonly repositoryId: number | null;
  /** The layer that was decoded, and what it decodes to. */
  readonly layer: Digest;
  readonly digest: Digest;
  readonly size: number;
  readonly key: string;
  readonly stamp: Stamp;
}

/** A layer has been decoded: a blob that nothing needs, which may be made again. */
export function* keepDecoded({
  upload,
  repositoryId,
  layer,
  digest,
  size,
  key,
  stamp,
}: KeepDecodedInput): Transaction<Stored> {
  yield* keepUnpacked({ digest: layer, diffId: digest });
  const stored = yield* storeBlob(digest, size, { key }, stamp.at);
  if (repositoryId !== null) yield* linkBlob(repositoryId, stored.blobId, stamp.at);
  yield* endUpload(upload, stored, stamp.at);
  return stored;
}

function* endUpload(id: string, { isDuplicate }: Stored, at: number): Transaction<void> {
  const state = isDuplicate ? "discarded" : "finished";
  yield { sql: "update uploads set state = ?, touched_at = ? where id = ?", args: [state, at, id] };
}

export interface KeepTarsumInput {
  readonly imageRow: number;
  readonly revision: number;
  readonly digest: Digest;
  readonly tarsum: string;
}

/** Remembers the TarSum of an image, if JSON and layer are those that it was computed over. */
export function* keepTarsum({ imageRow, revision, digest, tarsum }: KeepTarsumInput): Transaction<void> {
  yield {
    sql: "update v1_images set tarsum = ? where id = ? and revision = ? and digest = ?",
    args: [tarsum, imageRow, revision, digest],
  };
}

export interface CompleteImageInput {
  readonly imageRow: number;
  /** Of the JSON and of the layer that the checksum is of. */
  readonly revision: number;
  readonly digest: Digest;
  /** The TarSum, when it is what completes the image. */
  readonly tarsum: string | null;
  readonly stamp: Stamp;
}

/** An image is complete, and so are the tags that waited for it. Faults: conflict checksum, conflict arriving-image. */
export function* completeImage({ imageRow, revision, digest, tarsum, stamp }: CompleteImageInput): Transaction<void> {
  const [row] = yield { sql: "select state, revision, digest from v1_images where id = ?", args: [imageRow] };
  if (row?.["state"] === "complete") throw cannotSet();
  if (row?.["revision"] !== revision || row["digest"] !== digest || row["state"] !== "uploaded") throw isArriving();
  yield {
    sql: "update v1_images set state = 'complete', tarsum = ?, touched_at = ? where id = ?",
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
