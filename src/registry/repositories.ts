// Repositories: found by name, listed by path.
import type { Action, Actor } from "#access";
import { Fault } from "#lib/fault";
import type { RepositoryName } from "#lib/reference";
import { openCatalogue } from "./catalogue.ts";
import type { Context } from "./context.ts";
import { type RepositoryRow, selectRepository } from "./repositories.sql.ts";

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

/** Paths of 20 characters fit 300,000 times. Reading 1000 takes as long as answering with eight pages of 100. */
const kept = { maxBytes: 8 * 1024 * 1024, length: 1000 };

export function openRepositories({ db, access }: Context) {
  // Of everybody: who may see what of it is decided afterwards, each time.
  const catalogue = openCatalogue(db, kept);
  return {
    /** The paths of the repositories that `actor` may see, a page at a time: those whose names today's protocols can say. */
    async list(actor: Actor, { limit, after }: PageRequest): Promise<Page<string>> {
      access.require(actor, "", "pull");
      return pageOf(await catalogue.behind(after, limit + 1), limit);
    },
  };
}

/** A page of `rows`, which were selected with one more than `limit`. */
export function pageOf<Entry>(rows: readonly Entry[], limit: number): Page<Entry> {
  return { entries: rows.slice(0, limit), more: rows.length > limit };
}
