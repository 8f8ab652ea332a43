// SQL of blobs and their links.
import { inList, type Transaction } from "#db";
import type { Digest } from "#lib/digest";
import { Fault } from "#lib/fault";
import type { RepositoryName } from "#lib/reference";
import { appendEvent, type Stamp } from "./events.sql.ts";
import { ensureRepository, idOf } from "./repositories.sql.ts";

export interface BlobRow {
  readonly repository_id: number;
  readonly blob_id: number;
  readonly size: number;
  readonly storage_key: string | null;
  readonly blob_since: number | null;
  readonly link_since: number | null;
}

export interface StoredBlobRow extends BlobRow {
  /** The bytes, when they are in the database. */
  readonly content: Uint8Array | null;
}

/** The repository is there, the blob is not. */
export interface NoBlobRow {
  readonly blob_id: null;
}

const fromLinked = `from live_repositories r
  join repository_blobs l on l.repository_id = r.id
  join blobs b on b.id = l.blob_id
  where r.path = ? and b.digest = ? and b.state = 'present'`;

const columns = `r.id as repository_id, l.blob_id, b.size, b.storage_key,
  b.unreferenced_since as blob_since, l.unreferenced_since as link_since`;

export const selectBlob = `select ${columns} ${fromLinked}`;
export const selectStoredBlob = `select ${columns}, b.content ${fromLinked}`;

/** One row when the repository is there, whose `blob_id` is null when the blob is not: most HEADs of a push find none. */
export const selectBlobOrNot = `select ${columns}, b.content
  from live_repositories r left join blobs b on b.digest = ? and b.state = 'present'
  left join repository_blobs l on l.repository_id = r.id and l.blob_id = b.id where r.path = ?`;

/** Repositories that hold a blob: where a mount without `from` may take it. */
export const selectHolders = `select r.path from blobs b
  join repository_blobs l on l.blob_id = b.id
  join live_repositories r on r.id = l.repository_id
  where b.digest = ? and b.state = 'present' limit 64`;

/** Where the bytes of a new blob are. */
export type Placed = { readonly key: string } | { readonly content: Uint8Array };

export interface Stored {
  readonly blobId: number;
  /** The bytes that this call placed are not needed: equal ones were there first. */
  readonly isDuplicate: boolean;
  /** The key of bytes that the new ones replace. */
  readonly replacedKey: string | null;
}

/** The blob of `digest`, present, at `placed` unless it was there before. */
export function* storeBlob(digest: Digest, size: number, placed: Placed, at: number): Transaction<Stored> {
  const key = "key" in placed ? placed.key : null;
  const content = "content" in placed ? placed.content : null;
  // Not looked for first: on PostgreSQL, who looks where others insert loses races against them.
  const [made] = yield {
    sql: `insert into blobs (digest, size, storage_key, content, created_at) values (?, ?, ?, ?, ?)
          on conflict (digest) do nothing returning id`,
    args: [digest, size, key, content, at],
  };
  if (made !== undefined) return { blobId: idOf(made["id"]), isDuplicate: false, replacedKey: null };
  const [known] = yield { sql: "select id, state, storage_key from blobs where digest = ?", args: [digest] };
  const blobId = idOf(known?.["id"]);
  if (known?.["state"] === "present") {
    yield {
      sql: "update blobs set unreferenced_since = null where id = ? and unreferenced_since is not null",
      args: [blobId],
      unread: true,
    };
    return { blobId, isDuplicate: known["storage_key"] !== key, replacedKey: null };
  }
  yield {
    sql: "update blobs set state = 'present', size = ?, storage_key = ?, content = ?, unreferenced_since = null where id = ?",
    args: [size, key, content, blobId],
    unread: true,
  };
  const isQuarantined = known?.["state"] === "quarantined" && typeof known["storage_key"] === "string";
  return { blobId, isDuplicate: false, replacedKey: isQuarantined ? String(known["storage_key"]) : null };
}

/** Links a blob into a repository. A link that no manifest needs yet starts its grace period anew. */
export function* linkBlob(repositoryId: number, blobId: number, at: number): Transaction<void> {
  yield {
    sql: `insert into repository_blobs (repository_id, blob_id, unreferenced_since, linked_at) values (?, ?, ?, ?)
          on conflict (repository_id, blob_id) do update set unreferenced_since = excluded.unreferenced_since
          where repository_blobs.unreferenced_since is not null`,
    args: [repositoryId, blobId, at, at],
    unread: true,
  };
}

export interface MountInput {
  readonly name: RepositoryName;
  readonly from: string;
  readonly digest: Digest;
  readonly stamp: Stamp;
}

/** Links the blob of another repository; false when it is not there. */
export function* mountBlob({ name, from, digest, stamp }: MountInput): Transaction<boolean> {
  const [source] = yield { sql: selectBlob, args: [from, digest] };
  if (source === undefined) return false;
  const repositoryId = yield* ensureRepository(name, stamp);
  const blobId = idOf(source["blob_id"]);
  yield* linkBlob(repositoryId, blobId, stamp.at);
  yield {
    sql: "update blobs set unreferenced_since = null where id = ? and unreferenced_since is not null",
    args: [blobId],
  };
  return true;
}

export interface TouchInput {
  readonly repositoryId: number;
  readonly blobId: number;
  readonly at: number;
}

/** Starts the grace period of what nothing references anew: somebody was just told that it is there. */
export function* touchBlob({ repositoryId, blobId, at }: TouchInput): Transaction<boolean> {
  const rows = yield {
    sql: `update repository_blobs set unreferenced_since = ?
          where repository_id = ? and blob_id = ? and unreferenced_since is not null returning blob_id`,
    args: [at, repositoryId, blobId],
  };
  yield {
    sql: "update blobs set unreferenced_since = ? where id = ? and unreferenced_since is not null",
    args: [at, blobId],
  };
  return rows.length > 0;
}

export interface QuarantineInput {
  readonly blobId: number;
  readonly key: string;
}

/** Takes a blob out of service whose bytes under `key` are not what they should be. */
export function* quarantineBlob({ blobId, key }: QuarantineInput): Transaction<boolean> {
  const rows = yield {
    sql: "update blobs set state = 'quarantined' where id = ? and storage_key = ? and state = 'present' returning id",
    args: [blobId, key],
  };
  return rows.length > 0;
}

/**
 * A tag that leads to a v1 image, pushed to a repository, whose layer is a blob: by itself or by way of what stands on that
 * image. Empty layers are in no manifest: only their images hold them.
 */
const selectTagOfLayer = `with recursive above(id, repository_id, manifest_digest) as (
    select id, repository_id, manifest_digest from v1_images where digest = ? and repository_id = ? and origin = 'pushed'
    union select v.id, v.repository_id, v.manifest_digest from above a join v1_images v on v.parent = a.id and v.origin = 'pushed')
  select t.name from above a join v1_tags t on t.image = a.id
  union all
  select t.name from above a join live_manifests m on m.repository_id = a.repository_id and m.digest = a.manifest_digest
  join live_tags t on t.manifest_id = m.id limit 1`;

export interface DeleteBlobInput {
  readonly path: string;
  readonly digest: Digest;
  readonly stamp: Stamp;
}

/**
 * Removes the link. Faults: unknown blob; unsupported blob (a manifest of the repository names it, or it is the layer of a
 * v1 image that a tag leads to).
 */
export function* deleteBlob({ path, digest, stamp }: DeleteBlobInput): Transaction<void> {
  const [row] = yield { sql: selectBlob, args: [path, digest] };
  if (row === undefined) throw new Fault("unknown", "blob", "blob unknown to registry", { digest });
  const repositoryId = idOf(row["repository_id"]);
  const blobId = idOf(row["blob_id"]);
  const [naming] = yield {
    sql: `select m.digest from manifest_edges e join live_manifests m on m.id = e.manifest_id
          where e.digest = ? and e.kind in ('config', 'layer') and m.repository_id = ? limit 1`,
    args: [digest, repositoryId],
  };
  if (naming !== undefined) {
    throw new Fault("unsupported", "blob", "a manifest of this repository names the blob: delete the manifest first", {
      digest,
      manifest: naming["digest"],
    });
  }
  const [tag] = yield { sql: selectTagOfLayer, args: [digest, repositoryId] };
  if (tag !== undefined) {
    throw new Fault(
      "unsupported",
      "blob",
      "the blob is a layer of a v1 image that a tag leads to: delete the tag first",
      {
        digest,
        tag: tag["name"],
      },
    );
  }
  yield { sql: "delete from repository_blobs where repository_id = ? and blob_id = ?", args: [repositoryId, blobId] };
  yield {
    sql: `update blobs set unreferenced_since = ? where id = ?
          and not exists (select 1 from repository_blobs where blob_id = ?)`,
    args: [stamp.at, blobId, blobId],
  };
  yield* appendEvent("blob.delete", stamp, { id: repositoryId, path }, digest, null);
}

/** A blob by the name that a manifest gives it, and its link into the manifest's repository. */
export interface Named {
  readonly digest: string;
  readonly blobId: number;
  readonly isPresent: boolean;
  readonly isReferenced: boolean;
}

/** Those of `digests` that are linked into the repository. */
export function* findNamed(repositoryId: number, digests: readonly string[]): Transaction<Named[]> {
  if (digests.length === 0) return [];
  const { marks, args } = inList(digests);
  const rows = yield {
    sql: `select b.digest, b.state, l.blob_id, l.unreferenced_since from blobs b join repository_blobs l on l.blob_id = b.id
          where l.repository_id = ? and b.digest in (${marks})`,
    args: [repositoryId, ...args],
  };
  return rows.map((row) => ({
    digest: String(row["digest"]),
    blobId: idOf(row["blob_id"]),
    isPresent: row["state"] === "present",
    isReferenced: row["unreferenced_since"] === null,
  }));
}

/** Those of `digests` whose blobs are not linked into the repository, or not present. */
export function* missingBlobs(repositoryId: number, digests: readonly string[]): Transaction<string[]> {
  return missingOf(digests, yield* findNamed(repositoryId, digests));
}

/** Those of `digests` that are not among the present ones of `named`. */
export function missingOf(digests: readonly string[], named: readonly Named[]): string[] {
  const present = new Set(named.filter(({ isPresent }) => isPresent).map(({ digest }) => digest));
  return digests.filter((digest) => !present.has(digest));
}

/** What the manifest just stored names is referenced from now on. */
export function* referenceBlobs(repositoryId: number, named: readonly Named[]): Transaction<void> {
  const ids = named.filter(({ isReferenced }) => !isReferenced).map(({ blobId }) => blobId);
  if (ids.length === 0) return;
  const { marks, args } = inList(ids);
  yield {
    sql: `update repository_blobs set unreferenced_since = null where repository_id = ? and unreferenced_since is not null
          and blob_id in (${marks})`,
    args: [repositoryId, ...args],
    unread: true,
  };
}
