// Tags: names that point at manifests.
import type { Actor } from "#access";
import type { RepositoryName, Tag } from "#lib/reference";
import { type Context, stampOf } from "./context.ts";
import { openKept } from "./kept.ts";
import { unknownManifest } from "./manifests.ts";
import { type Page, type PageRequest, pageOf, requireRepository } from "./repositories.ts";
import { deleteTag, selectTags } from "./tags.sql.ts";

const maxKeptBytes = 4 * 1024 * 1024;
/** What a text takes beside its characters. */
const textBytes = 32;

export function openTags(context: Context) {
  const { db, access } = context;

  // By repository, where it begins and how long it is. A page without tags is looked up each time, and the repository with it.
  const kept = openKept<Page<string>>(db, maxKeptBytes, ({ entries }) =>
    entries.reduce((sum, tag) => sum + tag.length + textBytes, 0),
  );

  const read = async (path: string, { limit, after }: PageRequest): Promise<Page<string> | undefined> => {
    const rows = await db.read<{ name: string }>(selectTags, path, after, limit + 1);
    if (rows.length === 0) return undefined;
    return pageOf(
      rows.map((row) => row.name),
      limit,
    );
  };

  return {
    /** The tags of a repository in byte order, a page at a time. Faults: denied, unknown repository. */
    async list(actor: Actor, name: RepositoryName, request: PageRequest): Promise<Page<string>> {
      access.require(actor, name.path, "pull");
      const { limit, after } = request;
      const page = await kept.find(`${name.path}\n${limit}\n${after}`, () => read(name.path, request));
      if (page !== undefined) return page;
      await requireRepository(context, actor, name, "pull");
      return { entries: [], more: false };
    },

    /** Marks one tag as deleted; its manifest stays. Faults: denied, unknown repository, unknown manifest. */
    async delete(actor: Actor, name: RepositoryName, tag: Tag): Promise<void> {
      const { id, path } = await requireRepository(context, actor, name, "delete");
      const isDone = await db.write(deleteTag, { repositoryId: id, path, tag, stamp: stampOf(context, actor) });
      if (!isDone) throw unknownManifest({ tag });
    },
  };
}
