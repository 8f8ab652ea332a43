// SQL of what the index of v1 keeps of a repository.
import type { Transaction } from "#db";
import type { RepositoryName } from "#lib/reference";
import type { Stamp } from "../events.sql.ts";
import { ensureRepository } from "../repositories.sql.ts";
import { settleTags } from "./builds.sql.ts";
import { type ListEntry, mergeImageLists, tagsOfList } from "./image-list.ts";

export const selectIndexed = `select i.image_list, i.access from v1_repositories i
  join live_repositories r on r.id = i.repository_id where r.path = ?`;

/** The ids of the chains behind all tags of a repository, whoever asks. Three times the repository. */
export const selectTaggedImages = `with recursive tops(id) as (
    select v.image from v1_tags v where v.repository_id = ?
    union select i.id from live_tags t join v1_manifests f on f.manifest_id = t.manifest_id
      join v1_images i on i.repository_id = t.repository_id and i.image_id = coalesce(f.origin_id, f.image_id)
      where t.repository_id = ?
    union select i.id from live_tags t join v1_index_images x on x.manifest_id = t.manifest_id
      join live_manifests m on m.repository_id = t.repository_id and m.digest = x.digest
      join v1_manifests f on f.manifest_id = m.id
      join v1_images i on i.repository_id = t.repository_id and i.image_id = coalesce(f.origin_id, f.image_id)
      where t.repository_id = ?),
  chain(id, parent, image_id) as (
    select v.id, v.parent, v.image_id from v1_images v where v.id in (select id from tops)
    union select v.id, v.parent, v.image_id from chain c join v1_images v on v.id = c.parent)
  select distinct image_id from chain order by image_id limit 20000`;

const named = "n.name || '/' || r.name";
const matching = `from live_repositories r join namespaces n on n.id = r.namespace_id where lower(${named}) like ? escape '!'`;
export const selectMatching = `select ${named} as name, r.path ${matching} order by 1 limit ? offset ?`;
export const countMatching = `select count(*) as total ${matching}`;

/** Nothing else can be asked for. */
const imageId = /^(?:[0-9a-f]{16}|[0-9a-f]{64})$/;

export interface AnnounceInput {
  readonly name: RepositoryName;
  readonly list: Uint8Array;
  readonly entries: readonly ListEntry[];
  readonly stamp: Stamp;
}

/** Takes the list that a push begins with, and which tags it will set. */
export function* announcePush({ name, list, entries, stamp }: AnnounceInput): Transaction<void> {
  const repositoryId = yield* ensureRepository(name, stamp);
  const tags = tagsOfList(entries);
  yield* keepList(repositoryId, list);
  yield {
    sql: "update v1_repositories set announced = ?, announced_at = ? where repository_id = ?",
    args: [tags === null ? null : JSON.stringify(tags), stamp.at, repositoryId],
  };
  for (const id of new Set(entries.map((entry) => entry.id).filter((each) => imageId.test(each)))) {
    yield {
      sql: `insert into v1_announcements (image_id, repository_id, actor_id, announced_at) values (?, ?, ?, ?)
            on conflict (image_id, repository_id) do update set actor_id = excluded.actor_id, announced_at = excluded.announced_at`,
      args: [id, repositoryId, stamp.actor, stamp.at],
    };
  }
}

function* keepList(repositoryId: number, list: Uint8Array): Transaction<void> {
  const [known] = yield {
    sql: "select image_list from v1_repositories where repository_id = ?",
    args: [repositoryId],
  };
  const before = known?.["image_list"];
  const merged = mergeImageLists(before instanceof Uint8Array ? before : null, list);
  yield {
    sql: `insert into v1_repositories (repository_id, image_list) values (?, ?)
          on conflict (repository_id) do update set image_list = excluded.image_list`,
    args: [repositoryId, merged],
  };
}

/** Takes the list that a push ends with: no tag of it waits for another image any more. */
export function* finishPush({ name, list, stamp }: AnnounceInput): Transaction<void> {
  const repositoryId = yield* ensureRepository(name, stamp);
  yield* keepList(repositoryId, list);
  yield {
    sql: "update v1_repositories set announced = null, announced_at = null where repository_id = ?",
    args: [repositoryId],
  };
  yield* settleTags({ repositoryId, stamp });
}

export interface SetAccessInput {
  readonly name: RepositoryName;
  readonly access: "public" | "private";
  readonly stamp: Stamp;
}

export function* setAccess({ name, access, stamp }: SetAccessInput): Transaction<void> {
  const repositoryId = yield* ensureRepository(name, stamp);
  yield {
    sql: `insert into v1_repositories (repository_id, access) values (?, ?)
          on conflict (repository_id) do update set access = excluded.access`,
    args: [repositoryId, access],
  };
}
