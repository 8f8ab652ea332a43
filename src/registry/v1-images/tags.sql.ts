// SQL of tags as v1 clients see them: the image that was tagged, or what the tag's manifest is to them.
import type { Transaction } from "#db";
import type { Tag } from "#lib/reference";
import type { Stamp } from "../events.sql.ts";
import { removeTag } from "../tags.sql.ts";

export interface TagRow {
  readonly name: string;
  /** The image that the tag shows; null when it has none for who asks. */
  readonly image_id: string | null;
  /** What the tag points at, when that decides what it shows; `is_index` is null when nobody has looked at it yet. */
  readonly manifest_id: number | null;
  readonly is_index: number | null;
}

/** The child of an index for a machine: the best that is an image and is there. Two arguments: os and arch. */
const chosen = `(select coalesce(cf.origin_id, cf.image_id) from v1_index_images x
  join live_manifests cm on cm.repository_id = t.repository_id and cm.digest = x.digest
  join v1_manifests cf on cf.manifest_id = cm.id
  where x.manifest_id = t.manifest_id and x.os = ? and x.arch = ? and coalesce(cf.origin_id, cf.image_id) is not null
  order by x.rank limit 1)`;

const shown = `coalesce(v.image_id, f.origin_id, f.image_id, case when f.is_index = 1 then ${chosen} end)`;
const fromTags = `from live_tags t left join v1_tags v on v.repository_id = t.repository_id and v.name = t.name
  left join v1_manifests f on f.manifest_id = t.manifest_id`;

/** os, arch, repository, repository. */
export const selectImageTags = `select t.name, ${shown} as image_id, case when v.image_id is null then t.manifest_id end as manifest_id, f.is_index
  ${fromTags} where t.repository_id = ?
  union all
  select v.name, v.image_id, null, null from v1_tags v where v.repository_id = ?
  and not exists (select 1 from live_tags t where t.repository_id = v.repository_id and t.name = v.name) order by name`;

/** os, arch, repository, name, repository, name. */
export const selectImageTag = `select t.name, ${shown} as image_id, case when v.image_id is null then t.manifest_id end as manifest_id, f.is_index
  ${fromTags} where t.repository_id = ? and t.name = ?
  union all
  select v.name, v.image_id, null, null from v1_tags v where v.repository_id = ? and v.name = ?
  and not exists (select 1 from live_tags t where t.repository_id = v.repository_id and t.name = v.name)`;

export const selectTagInfo = `select v.info from v1_tags v join live_repositories r on r.id = v.repository_id
  where r.path = ? and v.name = ?`;

/** Manifests in which a derived image is the top, wherever they are. */
export const selectSources = `select m.id, r.path from v1_manifests f join live_manifests m on m.id = f.manifest_id
  join live_repositories r on r.id = m.repository_id where f.image_id = ? order by m.id limit 64`;

export interface DeleteImageTagInput {
  readonly repositoryId: number;
  readonly path: string;
  readonly tag: Tag;
  readonly stamp: Stamp;
}

/** Removes a tag, whichever protocol set it; false when it is not there. */
export function* deleteImageTag({ stamp, ...place }: DeleteImageTagInput): Transaction<boolean> {
  const removed = yield {
    sql: "delete from v1_tags where repository_id = ? and name = ? returning name",
    args: [place.repositoryId, place.tag],
  };
  const wasTagged = yield* removeTag(place, stamp);
  return wasTagged || removed.length > 0;
}
