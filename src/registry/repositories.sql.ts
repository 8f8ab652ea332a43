// SQL of repositories and namespaces.
import type { Transaction, Value } from "#db";
import type { RepositoryName } from "#lib/reference";
import { appendEvent, type Stamp } from "./events.sql.ts";

export interface RepositoryRow {
  readonly id: number;
  readonly path: string;
}

export const selectRepository = "select id, path from live_repositories where path = ?";

export const selectRepositories = "select path from live_repositories where path > ? order by path limit ?";

/** The id of the repository called `name`; it and its namespace are made when they are missing. */
export function* ensureRepository(name: RepositoryName, stamp: Stamp): Transaction<number> {
  const [known] = yield { sql: selectRepository, args: [name.path] };
  if (known !== undefined) return idOf(known["id"]);
  yield {
    sql: "insert into namespaces (name, created_at) values (?, ?) on conflict (name) do nothing",
    args: [name.namespace, stamp.at],
  };
  const [namespace] = yield { sql: "select id from namespaces where name = ?", args: [name.namespace] };
  const [made] = yield {
    sql: "insert into repositories (namespace_id, name, path, created_at) values (?, ?, ?, ?) returning id",
    args: [idOf(namespace?.["id"]), name.name, name.path, stamp.at],
  };
  const id = idOf(made?.["id"]);
  yield* appendEvent("repository.create", stamp, { id, path: name.path }, null, null);
  return id;
}

export interface DeleteRepositoryInput {
  readonly path: string;
  readonly stamp: Stamp;
}

/** Marks a repository, its tags and its manifests as deleted; false when it is not there. */
export function* deleteRepository({ path, stamp }: DeleteRepositoryInput): Transaction<boolean> {
  const [known] = yield { sql: selectRepository, args: [path] };
  if (known === undefined) return false;
  const id = idOf(known["id"]);
  const { at, actor, protocol } = stamp;
  yield {
    sql: `insert into tag_history (repository_id, name, actor, protocol, old_digest, new_digest, at)
          select t.repository_id, t.name, cast(? as text), cast(? as text), m.digest, null, cast(? as bigint)
          from live_tags t join manifests m on m.id = t.manifest_id where t.repository_id = ?`,
    args: [actor, protocol, at, id],
  };
  for (const table of ["tags", "manifests"])
    yield { sql: `update ${table} set deleted_at = ? where repository_id = ? and deleted_at is null`, args: [at, id] };
  for (const table of ["v1_tags", "v1_repositories", "v1_announcements"])
    yield { sql: `delete from ${table} where repository_id = ?`, args: [id] };
  yield { sql: "update repositories set deleted_at = ? where id = ?", args: [at, id] };
  yield* appendEvent("repository.delete", stamp, { id, path }, null, null);
  return true;
}

/** An id that a statement returned. */
export function idOf(value: Value | undefined): number {
  if (typeof value !== "number") throw new Error("a statement returned no id");
  return value;
}
