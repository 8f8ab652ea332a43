// Repositories: found by name, listed by path.
import type { Action, Actor } from "#access";
import { Fault } from "#lib/fault";
import { isRepositoryName, type RepositoryName } from "#lib/reference";
import type { Context } from "./context.ts";
import { type RepositoryRow, selectRepositories, selectRepository } from "./repositories.sql.ts";

/** One page of a listing: entries after `after`, in byte order, and whether more follow. */
export interface Page<Entry> {
  readonly entries: readonly Entry[];
  readonly more: boolean;
}

export interface PageRequest {
  readonly limit: number;
  readonly after: string;
}

/** The repository, when `actor` may do `action` there. Faults: denied, unknown repository. */
export async function requireRepository(
  context: Context,
  actor: Actor,
  name: RepositoryName,
  action: Action,
): Promise<RepositoryRow> {
  context.access.require(actor, name.path, action);
  const [row] = await context.db.read<RepositoryRow>(selectRepository, name.path);
  if (row === undefined) throw unknownRepository(name);
  return row;
}

export function unknownRepository(name: RepositoryName): Fault {
  return new Fault("unknown", "repository", "repository name not known to registry", { name: name.asked });
}

export function openRepositories(context: Context) {
  return {
    /** The paths of the repositories that `actor` may see, a page at a time: those whose names today's protocols can say. */
    async list(actor: Actor, { limit, after }: PageRequest): Promise<Page<string>> {
      context.access.require(actor, "", "pull");
      const found: string[] = [];
      for (let from = after, isMore = true; isMore && found.length <= limit; ) {
        const rows = await context.db.read<{ path: string }>(selectRepositories, from, limit + 1);
        found.push(...rows.map(({ path }) => path).filter(isRepositoryName));
        from = rows.at(-1)?.path ?? from;
        isMore = rows.length > limit;
      }
      return pageOf(found, limit);
    },
  };
}

/** A page of `rows`, which were selected with one more than `limit`. */
export function pageOf<Entry>(rows: readonly Entry[], limit: number): Page<Entry> {
  return { entries: rows.slice(0, limit), more: rows.length > limit };
}
