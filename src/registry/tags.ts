// Tags: names that point at manifests.
import type { Actor } from "#access";
import type { RepositoryName, Tag } from "#lib/reference";
import { type Context, stampOf } from "./context.ts";
import { unknownManifest } from "./manifests.ts";
import { type Page, type PageRequest, pageOf, requireRepository } from "./repositories.ts";
import { deleteTag, selectTags } from "./tags.sql.ts";

export function openTags(context: Context) {
  const { db } = context;
  return {
    /** The tags of a repository in byte order, a page at a time. Faults: denied, unknown repository. */
    async list(actor: Actor, name: RepositoryName, { limit, after }: PageRequest): Promise<Page<string>> {
      const { id } = await requireRepository(context, actor, name, "pull");
      const rows = await db.read<{ name: string }>(selectTags, id, after, limit + 1);
      return pageOf(
        rows.map((row) => row.name),
        limit,
      );
    },

    /** Marks one tag as deleted; its manifest stays. Faults: denied, unknown repository, unknown manifest. */
    async delete(actor: Actor, name: RepositoryName, tag: Tag): Promise<void> {
      const { id, path } = await requireRepository(context, actor, name, "delete");
      const isDone = await db.write(deleteTag, { repositoryId: id, path, tag, stamp: stampOf(context, actor) });
      if (!isDone) throw unknownManifest({ tag });
    },
  };
}
