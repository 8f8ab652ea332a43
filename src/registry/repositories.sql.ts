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

/** An id that a statement returned. */
export function idOf(value: Value | undefined): number {
  if (typeof value !== "number") throw new Error("a statement returned no id");
  return value;
}
