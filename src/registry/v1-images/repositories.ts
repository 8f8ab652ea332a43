// Repositories as the index of v1 knows them: the list of their images, who may see them, and where to find them.
import { Fault } from "#lib/fault";
import { type Context, stampOf } from "../context.ts";
import { deleteRepository } from "../repositories.sql.ts";
import { requireRepository, unknownRepository } from "../repositories.ts";
import type { Faces } from "./faces.ts";
import { addToImageList, readImageList } from "./image-list.ts";
import type { V1Repositories } from "./nouns.ts";
import {
  announcePush,
  countMatching,
  finishPush,
  selectIndexed,
  selectMatching,
  selectTaggedImages,
  setAccess,
} from "./repositories.sql.ts";
import { inOldWords } from "./tags.ts";

interface IndexedRow {
  readonly image_list: Uint8Array | null;
  readonly access: "public" | "private";
}

export function openIndex(context: Context, faces: Faces): V1Repositories {
  const { db, access } = context;
  const findIndexed = async (path: string) => (await db.read<IndexedRow>(selectIndexed, path))[0];

  return {
    async announce(actor, name, list) {
      access.require(actor, name.path, "push");
      await db.write(announcePush, { name, list, entries: readImageList(list), stamp: stampOf(context, actor) });
    },

    async finish(actor, name, list) {
      access.require(actor, name.path, "push");
      await db.write(finishPush, { name, list, entries: readImageList(list), stamp: stampOf(context, actor) });
    },

    async images(actor, name) {
      const { id, path } = await requireRepository(context, actor, name, "pull").catch(inOldWords);
      await faces.complete(id, path);
      const list = (await findIndexed(path))?.image_list ?? null;
      const rows = await db.read<{ image_id: string }>(selectTaggedImages, id, id, id);
      if (list === null && rows.length === 0) throw unknownRepository(name);
      return addToImageList(
        list,
        rows.map((row) => row.image_id),
      );
    },

    async delete(actor, name) {
      access.require(actor, name.path, "delete");
      const isDone = await db.write(deleteRepository, { path: name.path, stamp: stampOf(context, actor) });
      if (!isDone) throw new Fault("unknown", "repository", "Repository not found");
    },

    async access(actor, name) {
      access.require(actor, name.path, "pull");
      return (await findIndexed(name.path))?.access ?? "public";
    },

    async setAccess(actor, name, to) {
      access.require(actor, name.path, "push");
      await db.write(setAccess, { name, access: to, stamp: stampOf(context, actor) });
    },

    async search(actor, term, { limit, offset }) {
      access.require(actor, "", "pull");
      // No name holds it, and no database takes it.
      if (term.includes("\0")) return { total: 0, results: [] };
      const pattern = `%${term.toLowerCase().replaceAll(/[!%_]/g, (each) => `!${each}`)}%`;
      const [count] = await db.read<{ total: number }>(countMatching, pattern);
      const rows = await db.read<{ name: string; path: string }>(selectMatching, pattern, limit, offset);
      const visible = rows.filter(({ path }) => access.allows(actor, path, "pull"));
      return { total: count?.total ?? 0, results: visible.map(({ name }) => ({ name, description: "" })) };
    },
  };
}
