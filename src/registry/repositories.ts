// Repositories: found by name, listed by path.
import type { Action, Actor } from "#access";
import { Fault } from "#lib/fault";
import { isRepositoryName, type RepositoryName } from "#lib/reference";
import type { Context } from "./context.ts";
import { openKept } from "./kept.ts";
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

/** What stands behind some path: all that is there, whoever asks. */
interface Stretch {
  /** Those that today's protocols can say. */
  readonly paths: readonly string[];
  /** Where the next one begins; undefined behind the last one. */
  readonly next: string | undefined;
}

const maxKeptBytes = 4 * 1024 * 1024;
/** What a text takes beside its characters. */
const textBytes = 32;

export function openRepositories({ db, access }: Context) {
  // By where it begins and how long it is. Who may see what of it is decided afterwards, each time.
  const kept = openKept<Stretch>(db, maxKeptBytes, ({ paths }) => bytesOf(paths));

  const read = async (after: string, count: number): Promise<Stretch> => {
    const rows = await db.read<{ path: string }>(selectRepositories, after, count);
    const paths = rows.map(({ path }) => path).filter(isRepositoryName);
    return { paths, next: rows.length < count ? undefined : rows.at(-1)?.path };
  };
  const find = async (after: string, count: number): Promise<Stretch> =>
    (await kept.find(`${count}\n${after}`, () => read(after, count))) ?? { paths: [], next: undefined };

  return {
    /** The paths of the repositories that `actor` may see, a page at a time: those whose names today's protocols can say. */
    async list(actor: Actor, { limit, after }: PageRequest): Promise<Page<string>> {
      access.require(actor, "", "pull");
      const found: string[] = [];
      for (let from: string | undefined = after; from !== undefined && found.length <= limit; ) {
        const { paths, next }: Stretch = await find(from, limit + 1);
        found.push(...paths);
        from = next;
      }
      return pageOf(found, limit);
    },
  };
}

/** About how much memory `texts` take. */
export function bytesOf(texts: readonly string[]): number {
  return texts.reduce((sum, text) => sum + text.length + textBytes, 0);
}

/** A page of `rows`, which were selected with one more than `limit`. */
export function pageOf<Entry>(rows: readonly Entry[], limit: number): Page<Entry> {
  return { entries: rows.slice(0, limit), more: rows.length > limit };
}
