// SQL of chains: an image and its ancestors, walked, and brought into the scope of a repository.
import type { Row, Transaction, Value } from "#db";
import { type Digest, parseDigest } from "#lib/digest";
import { Fault } from "#lib/fault";
import { linkBlob } from "../blobs.sql.ts";
import type { Stamp } from "../events.sql.ts";
import { idOf } from "../repositories.sql.ts";
import { emptyLayerDigest } from "./derive.ts";

/** No real chain is as long; it bounds what a walk may cost. */
export const maxDepth = 4096;

/** The records of a chain, `n` steps from its top. */
export const ancestors = `with recursive chain(id, parent, n) as (
  select id, parent, 0 from v1_images where id = ?
  union all select v.id, v.parent, c.n + 1 from chain c join v1_images v on v.id = c.parent where c.n < ${2 * maxDepth})`;

/** The ids of an image and its ancestors, newest first. */
export const selectAncestry = `${ancestors} select v.image_id from chain c join v1_images v on v.id = c.id order by c.n`;

const inChain = "from chain c join v1_images v on v.id = c.id";

/** What a config says that a layer unpacks to proves nothing; what its upload or a look at it showed does. */
const diffId = `case when v.origin = 'pushed' or v.digest = '${emptyLayerDigest}' then v.diff_id
  else (select u.diff_id from v1_layers u where u.digest = v.digest) end as diff_id`;

/** The layers of a chain of which is only said what they unpack to. */
export const selectUnproven = `${ancestors} select distinct v.digest ${inChain} where v.origin = 'derived' and v.state = 'complete'
  and v.digest <> '${emptyLayerDigest}' and not exists (select 1 from v1_layers u where u.digest = v.digest)`;

/** A chain, base first. `is_there`: its layer is in the store. */
export const selectChain = `${ancestors} select v.id, v.repository_id, v.parent, v.image_id, v.origin, v.state, v.is_empty, v.digest, v.size,
  ${diffId}, v.compression, v.reason, case when v.digest = '${emptyLayerDigest}' or b.id is not null then 1 else 0 end as is_there
  ${inChain} left join blobs b on b.digest = v.digest and b.state = 'present' order by c.n desc`;

/** Images of the chain that ends at `top`, an expression, without which it cannot be built. */
export const unfinished = (top: string) => `with recursive chain(id, parent, n) as (
  select w.id, w.parent, 0 from v1_images w where w.id = ${top}
  union all select w.id, w.parent, c.n + 1 from chain c join v1_images w on w.id = c.parent where c.n < ${2 * maxDepth})
  select 1 ${inChain} left join blobs b on b.digest = v.digest and b.state = 'present'
  where v.state <> 'complete' or (b.id is null and v.digest <> '${emptyLayerDigest}')`;

/** How long the steps of a chain are together, in characters. */
export const selectHistorySize = `${ancestors} select coalesce(sum(length(v.history)), 0) as total ${inChain}`;
/** The steps of a chain, base first. */
export const selectHistory = `${ancestors} select v.history ${inChain} order by c.n desc`;

/** Whether a chain comes back to an id that it has had: chains that meet in another scope may. */
export function isRing(chain: readonly Row[]): boolean {
  return new Set(chain.map((row) => row["image_id"])).size < chain.length;
}

export function noParent(): Fault {
  return new Fault("invalid", "image", "Image depends on a non existing parent");
}

/**
 * The chain that ends at `top`, in the scope of a repository: what is complete elsewhere is copied, what is still arriving
 * stays where it is, and every layer is linked. Returns the record of its top there. Fault: invalid image (the chain is a
 * ring).
 */
export function* bringChain(top: number, repositoryId: number, stamp: Stamp): Transaction<number> {
  const chain = yield { sql: selectChain, args: [top] };
  if (isRing(chain)) throw noParent();
  let parent: number | null = null;
  for (const row of chain) {
    const { digest = null } = row;
    if (typeof digest === "string") yield* keepLayer(repositoryId, parseDigest(digest), stamp.at);
    parent = yield* bringImage(row, parent, repositoryId, stamp);
  }
  if (parent === null) throw new Fault("unknown", "image", "Image not found");
  return parent;
}

function* bringImage(row: Row, parent: number | null, repositoryId: number, stamp: Stamp): Transaction<number> {
  const id = idOf(row["id"]);
  if (row["repository_id"] === repositoryId || row["state"] !== "complete") {
    if (row["repository_id"] === repositoryId && row["parent"] !== parent)
      yield { sql: "update v1_images set parent = ? where id = ?", args: [parent, id] };
    return id;
  }
  const [known] = yield {
    sql: `select id from v1_images where image_id = ? and repository_id = ? and state = 'complete'
          order by origin = 'derived' desc limit 1`,
    args: [row["image_id"] ?? null, repositoryId],
  };
  if (known !== undefined) return idOf(known["id"]);
  const kept = [
    "json",
    "history",
    "digest",
    "size",
    "compression",
    "diff_id",
    "is_empty",
    "reason",
    "payload",
    "tarsum",
  ];
  const [made] = yield {
    sql: `insert into v1_images (repository_id, image_id, origin, state, parent, manifest_digest, actor_id, created_at,
            touched_at, ${kept.join(", ")})
          select ?, image_id, origin, 'complete', ?, manifest_digest, actor_id, created_at, ?, ${kept.join(", ")}
          from v1_images where id = ?
          on conflict (image_id, repository_id, origin) do update set state = 'complete', revision = v1_images.revision + 1,
            parent = excluded.parent, ${kept.map((each) => `${each} = excluded.${each}`).join(", ")} returning id`,
    args: [repositoryId, parent, stamp.at, id],
  };
  return idOf(made?.["id"]);
}

/** The layer of a record is linked where the record is, and needed there. The one empty layer is not stored for that. */
export function* keepLayer(repositoryId: number, digest: Digest, at: number): Transaction<void> {
  const [blob] = yield { sql: "select id from blobs where digest = ? and state = 'present'", args: [digest] };
  if (blob === undefined) return;
  const blobId = idOf(blob["id"]);
  yield* linkBlob(repositoryId, blobId, at);
  yield {
    sql: `update repository_blobs set unreferenced_since = null
          where repository_id = ? and blob_id = ? and unreferenced_since is not null`,
    args: [repositoryId, blobId],
  };
  yield {
    sql: "update blobs set unreferenced_since = null where id = ? and unreferenced_since is not null",
    args: [blobId],
  };
}

/** The layer that a record had is needed no more where the record is, unless something else there needs it. */
export function* releaseLayer(repositoryId: Value, digest: Value | undefined, at: number): Transaction<void> {
  if (repositoryId === null || typeof digest !== "string") return;
  yield {
    sql: `update repository_blobs set unreferenced_since = ? where repository_id = ? and unreferenced_since is null
          and blob_id = (select id from blobs where digest = ?)
          and not exists (select 1 from v1_images where digest = ? and repository_id = ? and origin = 'pushed')
          and not exists (select 1 from manifest_edges e join manifests m on m.id = e.manifest_id
            where e.digest = ? and e.kind in ('config', 'layer') and m.repository_id = ?)`,
    args: [at, repositoryId, digest, digest, repositoryId, digest, repositoryId],
  };
}
