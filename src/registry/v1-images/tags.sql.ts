// SQL of tags as v1 clients see them: the image that was tagged, or what the tag's manifest is to them.
import type { Transaction } from "#db";
import type { Tag } from "#lib/reference";
import { appendEvent, type Stamp } from "../events.sql.ts";
import { removeTag } from "../tags.sql.ts";
import { notHere } from "./faces.sql.ts";

export interface TagRow {
  readonly name: string;
  /** The image that the tag shows; null when it has none for who asks. */
  readonly image_id: string | null;
  /** 1 when the tag points at an index, and that decides what it shows. */
  readonly is_by_platform: number;
  /** 1 when what it points at, or a child of it, has not been looked at yet, or was not whole when it was. */
  readonly is_open: number;
}

/** The child of an index for a machine: the best that is an image and is there. Two arguments: os and arch. */
const chosen = `(select coalesce(cf.origin_id, cf.image_id) from v1_index_images x
  join live_manifests cm on cm.repository_id = t.repository_id and cm.digest = x.digest
  join v1_manifests cf on cf.manifest_id = cm.id
  where x.manifest_id = t.manifest_id and x.os = ? and x.arch = ? and coalesce(cf.origin_id, cf.image_id) is not null
  order by x.rank limit 1)`;

const shown = `coalesce(v.image_id, f.origin_id, f.image_id, case when f.is_index = 1 then ${chosen} end)`;
const isOpen = (face: string) => `${face}.manifest_id is null or ${face}.reason = '${notHere}'`;
const state = `case when v.image_id is null and f.is_index = 1 then 1 else 0 end as is_by_platform,
  case when v.image_id is null and (${isOpen("f")} or (f.is_index = 1 and exists (
    select 1 from v1_index_images x join live_manifests cm on cm.repository_id = t.repository_id and cm.digest = x.digest
    left join v1_manifests cf on cf.manifest_id = cm.id where x.manifest_id = t.manifest_id and (${isOpen("cf")})))) then 1 else 0 end as is_open`;
const fromTags = `from live_tags t left join v1_tags v on v.repository_id = t.repository_id and v.name = t.name
  left join v1_manifests f on f.manifest_id = t.manifest_id`;

/** os, arch, repository, repository. */
export const selectImageTags = `select t.name, ${shown} as image_id, ${state}
  ${fromTags} where t.repository_id = ?
  union all
  select v.name, v.image_id, 0, 0 from v1_tags v where v.repository_id = ?
  and not exists (select 1 from live_tags t where t.repository_id = v.repository_id and t.name = v.name) order by name`;

/** os, arch, repository, name, repository, name. */
export const selectImageTag = `select t.name, ${shown} as image_id, ${state}
  ${fromTags} where t.repository_id = ? and t.name = ?
  union all
  select v.name, v.image_id, 0, 0 from v1_tags v where v.repository_id = ? and v.name = ?
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
  const [removed] = yield {
    sql: "delete from v1_tags where repository_id = ? and name = ? returning image_id, state",
    args: [place.repositoryId, place.tag],
  };
  const wasTagged = yield* removeTag(place, stamp);
  if (!wasTagged && removed?.["state"] === "v1-only") {
    const { repositoryId: id, path, tag } = place;
    yield* appendEvent("tag.delete", stamp, { id, path }, tag, { image: removed["image_id"] });
  }
  return wasTagged || removed !== undefined;
}
