// SQL of tags and their history.
import type { Transaction } from "#db";
import type { Digest } from "#lib/digest";
import type { Tag } from "#lib/reference";
import { appendEvent, type Stamp } from "./events.sql.ts";
import { idOf } from "./repositories.sql.ts";

export const selectTags = `select name from live_tags
  where repository_id = (select id from live_repositories where path = ?) and name > ? order by name limit ?`;

const selectTarget = `select t.id, t.manifest_id, m.digest from live_tags t join manifests m on m.id = t.manifest_id
  where t.repository_id = ? and t.name = ?`;

interface Place {
  readonly repositoryId: number;
  readonly path: string;
  readonly tag: Tag;
}

/** Points a tag at a manifest and keeps where it pointed before. Nothing when it points there already. */
export function* moveTag(
  move: Place & { readonly manifestId: number; readonly digest: Digest },
  stamp: Stamp,
): Transaction<void> {
  const { repositoryId, tag, manifestId, digest } = move;
  // What v1 kept of the tag ends, unless it is this manifest that was built for it.
  yield {
    sql: "delete from v1_tags where repository_id = ? and name = ? and manifest_id is distinct from ?",
    args: [repositoryId, tag, manifestId],
    unread: true,
  };
  // Not looked for first: see storeBlob.
  const [made] = yield {
    sql: `insert into tags (repository_id, name, manifest_id, created_at, updated_at) values (?, ?, ?, ?, ?)
          on conflict (repository_id, name) where deleted_at is null do nothing returning id`,
    args: [repositoryId, tag, manifestId, stamp.at, stamp.at],
  };
  const [old] = made === undefined ? yield { sql: selectTarget, args: [repositoryId, tag] } : [];
  if (old?.["manifest_id"] === manifestId) return;
  if (old !== undefined) {
    yield {
      sql: "update tags set manifest_id = ?, updated_at = ? where id = ?",
      args: [manifestId, stamp.at, idOf(old["id"])],
      unread: true,
    };
  }
  const oldDigest = old === undefined ? null : String(old["digest"]);
  yield* keepHistory(move, stamp, oldDigest, digest);
  yield* appendEvent("tag.move", stamp, { id: repositoryId, path: move.path }, tag, { old: oldDigest, new: digest });
}

/** Marks a tag as deleted; false when it is not there. */
export function* removeTag(place: Place, stamp: Stamp): Transaction<boolean> {
  const { repositoryId, tag } = place;
  const [old] = yield { sql: selectTarget, args: [repositoryId, tag] };
  if (old === undefined) return false;
  yield { sql: "delete from v1_tags where repository_id = ? and name = ?", args: [repositoryId, tag] };
  yield { sql: "update tags set deleted_at = ? where id = ?", args: [stamp.at, idOf(old["id"])] };
  yield* keepHistory(place, stamp, String(old["digest"]), null);
  yield* appendEvent("tag.delete", stamp, { id: repositoryId, path: place.path }, tag, { old: String(old["digest"]) });
  return true;
}

function* keepHistory(
  place: Place,
  stamp: Stamp,
  oldDigest: string | null,
  newDigest: string | null,
): Transaction<void> {
  yield {
    sql: `insert into tag_history (repository_id, name, actor, protocol, old_digest, new_digest, at) values (?, ?, ?, ?, ?, ?, ?)`,
    args: [place.repositoryId, place.tag, stamp.actor, stamp.protocol, oldDigest, newDigest, stamp.at],
    unread: true,
  };
}

export interface DeleteTagInput extends Place {
  readonly stamp: Stamp;
}

/** Marks one tag as deleted, and nothing else; false when it is not there. */
export function* deleteTag({ stamp, ...place }: DeleteTagInput): Transaction<boolean> {
  return yield* removeTag(place, stamp);
}
