// SQL of what a manifest is to a v1 client: kept when it is pushed, and by the back-fill for those that were there before.
import type { Transaction } from "#db";
import type { Digest } from "#lib/digest";
import type { Compression } from "#lib/layer";
import { missingBlobs } from "../blobs.sql.ts";
import type { Stamp } from "../events.sql.ts";
import { idOf } from "../repositories.sql.ts";
import { bringChain } from "./chains.sql.ts";
import { emptyLayerDigest } from "./derive.ts";

/** One image that is derived from a manifest, as it is kept. */
export interface DerivedRow {
  readonly id: string;
  readonly json: Uint8Array;
  readonly history: string;
  readonly parent: string | null;
  readonly layerDigest: Digest;
  readonly size: number;
  readonly compression: Compression | null;
  readonly diffId: Digest;
}

/** A child of an index that a machine could run. Rank 0 is the best. */
export interface IndexChoice {
  readonly os: string;
  readonly arch: string;
  readonly rank: number;
  readonly digest: string;
}

/** What a manifest is to a v1 client. */
export type Face =
  /** A chain, base first; or the chain that it was built from in another repository, by the record of its top. */
  | { readonly kind: "chain"; readonly images: readonly DerivedRow[]; readonly origin: number | null }
  | { readonly kind: "index"; readonly choices: readonly IndexChoice[] }
  | { readonly kind: "none"; readonly reason: string }
  /** It was built from the chain that ends at this image. */
  | { readonly kind: "origin"; readonly imageId: string }
  /** That of the same manifest in another repository. */
  | { readonly kind: "copy"; readonly from: number | null };

/** The reason of what is not there yet: it is looked at again when somebody asks. */
export const notHere = "its config or a layer is not in the repository";

export interface Faced {
  /** Nothing can be known of it yet. */
  readonly isNew?: boolean;
  readonly manifestId: number;
  readonly repositoryId: number;
  /** Digests of blobs that are known to be there. */
  readonly present?: readonly string[];
  readonly stamp: Stamp;
}

/** Keeps what a manifest is to a v1 client. What is known of it stays: its bytes are the same. */
export function* saveFace(face: Face, faced: Faced): Transaction<void> {
  // A row that says it already is not written again: clients that tag one manifest at once would wait for each other.
  if (faced.isNew !== true && (yield* isSaid(face, faced.manifestId))) return;
  switch (face.kind) {
    case "origin":
      return yield* keepFace(faced.manifestId, { originId: face.imageId });
    case "none":
      return yield* keepFace(faced.manifestId, { reason: face.reason });
    case "index":
      return yield* keepIndex(faced.manifestId, face.choices);
    case "chain":
      return yield* keepChain(faced, face.images, face.origin);
    case "copy":
      return yield* copyFace(faced, face.from);
  }
}

function* isSaid(face: Face, manifestId: number): Transaction<boolean> {
  const [row] = yield {
    sql: "select image_id, origin_id, is_index, reason from v1_manifests where manifest_id = ?",
    args: [manifestId],
  };
  if (row === undefined) return false;
  const { image_id, origin_id, is_index, reason } = row;
  switch (face.kind) {
    case "origin":
      return origin_id !== null;
    case "none":
      return image_id !== null || origin_id !== null || is_index === 1 || reason === face.reason;
    case "index":
      return is_index === 1;
    case "chain":
      return image_id !== null && (face.origin === null || origin_id !== null);
    case "copy":
      return image_id !== null;
  }
}

interface Known {
  readonly imageId?: string;
  readonly originId?: string;
  readonly isIndex?: boolean;
  readonly reason?: string;
}

function* keepFace(manifestId: number, { imageId, originId, isIndex, reason }: Known): Transaction<void> {
  yield {
    sql: `insert into v1_manifests (manifest_id, image_id, origin_id, is_index, reason) values (?, ?, ?, ?, ?)
          on conflict (manifest_id) do update set image_id = coalesce(v1_manifests.image_id, excluded.image_id),
            origin_id = coalesce(v1_manifests.origin_id, excluded.origin_id), is_index = excluded.is_index, reason = excluded.reason`,
    args: [manifestId, imageId ?? null, originId ?? null, isIndex === true ? 1 : 0, reason ?? null],
    unread: true,
  };
}

function* keepIndex(manifestId: number, choices: readonly IndexChoice[]): Transaction<void> {
  yield* keepFace(manifestId, { isIndex: true });
  for (const { os, arch, rank, digest } of choices) {
    yield {
      sql: `insert into v1_index_images (manifest_id, os, arch, rank, digest) values (?, ?, ?, ?, ?)
            on conflict (manifest_id, os, arch, rank) do nothing`,
      args: [manifestId, os, arch, rank, digest],
      unread: true,
    };
  }
}

function* keepChain(faced: Faced, images: readonly DerivedRow[], origin: number | null): Transaction<void> {
  const { manifestId, repositoryId, present = [], stamp } = faced;
  const there = new Set<string>([emptyLayerDigest, ...present]);
  const digests = [...new Set(images.map(({ layerDigest }) => layerDigest))].filter((each) => !there.has(each));
  const missing = yield* missingBlobs(repositoryId, digests);
  if (missing.length > 0) return yield* keepFace(manifestId, { reason: notHere });
  const top = yield* keepImages(faced, images);
  if (origin === null) return yield* keepFace(manifestId, { imageId: top });
  const brought = yield* bringChain(origin, repositoryId, stamp);
  const [row] = yield { sql: "select image_id from v1_images where id = ?", args: [brought] };
  yield* keepFace(manifestId, { imageId: top, originId: String(row?.["image_id"]) });
}

/** Keeps derived images in the scope of a repository; returns the id of the top. */
function* keepImages(faced: Faced, images: readonly DerivedRow[]): Transaction<string> {
  let parent: number | null = null;
  for (const image of images) parent = yield* keepImage(faced, image, parent);
  return images.at(-1)?.id ?? "";
}

function* keepImage(
  { repositoryId, stamp: { at } }: Faced,
  { id, json, history, layerDigest, size, compression, diffId }: DerivedRow,
  parent: number | null,
): Transaction<number> {
  const isEmpty = layerDigest === emptyLayerDigest ? 1 : 0;
  const [made] = yield {
    sql: `insert into v1_images (repository_id, image_id, origin, state, parent, json, history, digest, size, compression,
            diff_id, is_empty, created_at, touched_at)
          values (?, ?, 'derived', 'complete', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
          on conflict (image_id, repository_id, origin) do nothing returning id`,
    args: [repositoryId, id, parent, json, history, layerDigest, size, compression, diffId, isEmpty, at, at],
  };
  return made === undefined ? yield* findDerived(repositoryId, id) : idOf(made["id"]);
}

function* findDerived(repositoryId: number, imageId: string): Transaction<number> {
  const [known] = yield {
    sql: "select id from v1_images where image_id = ? and repository_id = ? and origin = 'derived'",
    args: [imageId, repositoryId],
  };
  return idOf(known?.["id"]);
}

function* copyFace({ manifestId, repositoryId, stamp }: Faced, from: number | null): Transaction<void> {
  const [face] = yield { sql: "select image_id, is_index from v1_manifests where manifest_id = ?", args: [from] };
  const imageId = face?.["image_id"];
  if (typeof imageId !== "string") return;
  const [top] = yield {
    sql: `select v.id from v1_images v join manifests m on m.repository_id = v.repository_id
          where m.id = ? and v.image_id = ? and v.origin = 'derived'`,
    args: [from, imageId],
  };
  if (top === undefined) return;
  yield* bringChain(idOf(top["id"]), repositoryId, stamp);
  yield* keepFace(manifestId, { imageId });
}

export interface SaveFaceInput extends Faced {
  readonly face: Face;
}

/** Keeps what a manifest is to a v1 client that was pushed before it could be known. */
export function* saveManifestFace({ face, ...faced }: SaveFaceInput): Transaction<void> {
  yield* saveFace(face, faced);
}

/**
 * Manifests of a repository that have no face yet, and those for which something was missing that is there now.
 * repository, after which id, how many.
 */
export const selectUnfaced = `select m.id, m.digest, m.media_type, c.bytes from live_manifests m
  join manifest_contents c on c.manifest_id = m.id left join v1_manifests f on f.manifest_id = m.id
  where m.repository_id = ? and m.id > ? and (f.manifest_id is null or (f.reason = '${notHere}' and not exists (
    select 1 from manifest_edges e where e.manifest_id = m.id and e.kind in ('config', 'layer') and not exists (
      select 1 from blobs b join repository_blobs l on l.blob_id = b.id
      where b.digest = e.digest and b.state = 'present' and l.repository_id = m.repository_id)))) order by m.id limit ?`;

export const selectBackfill = "select next_id, last_id from v1_backfill where next_id < last_id";

/** What the back-fill looks at next. */
export const selectOlder = `select m.id, m.repository_id, m.digest, m.media_type, r.path, c.bytes from live_manifests m
  join live_repositories r on r.id = m.repository_id join manifest_contents c on c.manifest_id = m.id
  left join v1_manifests f on f.manifest_id = m.id
  where m.id > ? and m.id <= ? and f.manifest_id is null order by m.id limit ?`;

export interface MoveBackfillInput {
  readonly nextId: number;
}

/** The back-fill has come as far as this. */
export function* moveBackfill({ nextId }: MoveBackfillInput): Transaction<void> {
  yield { sql: "update v1_backfill set next_id = ? where next_id < ?", args: [nextId, nextId] };
}

/** The tops of chains from which a manifest was built, the oldest first. */
export const selectOrigins = `select v.id, v.origin, r.path, 0 as is_gone from v1_images v
  join live_repositories r on r.id = v.repository_id where v.manifest_digest = ? order by v.id limit 64`;
