// Tags as v1 clients see and set them. A tag is one: what either protocol does to it shows at once in the other.
import type { Digest } from "#lib/digest";
import { Fault } from "#lib/fault";
import { isTag, type RepositoryName } from "#lib/reference";
import { type Context, stampOf } from "../context.ts";
import { requireRepository } from "../repositories.ts";
import { maxPushMilliseconds, putImageTag, selectForgotten, settleTags } from "./builds.sql.ts";
import { selectUnproven } from "./chains.sql.ts";
import type { Faces } from "./faces.ts";
import { noImage } from "./images.sql.ts";
import { findImage } from "./images.ts";
import type { Layers } from "./layers.ts";
import type { TagInfo, V1Tags } from "./nouns.ts";
import {
  deleteImageTag,
  selectImageTag,
  selectImageTags,
  selectSources,
  selectTagInfo,
  type TagRow,
} from "./tags.sql.ts";

export interface TagHelpers {
  readonly faces: Faces;
  readonly layers: Layers;
}

export function openImageTags(context: Context, { faces, layers }: TagHelpers): V1Tags {
  const { db, access } = context;

  /** Reads, and reads again when what a tag points at had not been looked at yet, or may have become whole since. */
  const readTags = async (name: RepositoryName, repositoryId: number, read: () => Promise<readonly TagRow[]>) => {
    const rows = await read();
    if (!rows.some((row) => row.is_open === 1)) return rows;
    await faces.complete(repositoryId, name.path);
    return read();
  };

  /** Finds out what the derived layers of a chain unpack to, before an image of today says it of them. */
  const proveLayers = async (image: number): Promise<void> => {
    const unproven = await db.read<{ digest: Digest }>(selectUnproven, image);
    for (const { digest } of unproven) await layers.unpack(digest);
  };

  return {
    async list(actor, name, { os, arch }) {
      const { id } = await requireRepository(context, actor, name, "pull").catch(inOldWords);
      const rows = await readTags(name, id, async () => db.read<TagRow>(selectImageTags, os, arch, id, id));
      const tags = rows.flatMap(({ name: tag, image_id }) =>
        image_id === null ? [] : [{ name: tag, imageId: image_id }],
      );
      return { tags, isByPlatform: rows.some(isByPlatform) };
    },

    async get(actor, name, tag, { os, arch }) {
      const { id } = await requireRepository(context, actor, name, "pull").catch(asUnknownTag);
      const [row] = await readTags(name, id, async () => db.read<TagRow>(selectImageTag, os, arch, id, tag, id, tag));
      if (row === undefined || row.image_id === null) throw noTag(row !== undefined && isByPlatform(row));
      return { imageId: row.image_id, isByPlatform: isByPlatform(row) };
    },

    async put(actor, name, tag, { imageId, info }) {
      access.require(actor, name.path, "push");
      const image = await findImage(context, { actor, repository: name }, imageId, "reuse");
      if (image === undefined) throw noImage();
      const sources =
        image.origin === "derived" ? await db.read<{ id: number; path: string }>(selectSources, imageId) : [];
      const source = sources.find(({ path }) => access.allows(actor, path, "pull"));
      if (source === undefined) await proveLayers(image.id);
      await db.write(putImageTag, {
        name,
        tag,
        imageId,
        image: image.id,
        manifestElsewhere: source?.id ?? null,
        info: JSON.stringify(info),
        stamp: stampOf(context, actor),
      });
    },

    async delete(actor, name, tag) {
      const { id, path } = await requireRepository(context, actor, name, "delete").catch(asUnknownTag);
      const isDone =
        isTag(tag) && (await db.write(deleteImageTag, { repositoryId: id, path, tag, stamp: stampOf(context, actor) }));
      if (!isDone) throw noTag();
    },

    async info(actor, name, tag) {
      access.require(actor, name.path, "pull");
      const [row] = await db.read<{ info: string }>(selectTagInfo, name.path, tag);
      return row === undefined ? undefined : (JSON.parse(row.info) as TagInfo);
    },
  };
}

/** Builds pending tags whose push has been going on for too long. Faults: full, busy store. */
export async function settleForgottenTags({ db, clock }: Context): Promise<void> {
  const at = clock.now();
  // Looked for first: there are hardly ever any, and a start waits for this.
  if ((await db.read(selectForgotten, at - maxPushMilliseconds)).length === 0) return;
  const stamp = { at, actor: null, protocol: "docker-v1", address: "", requestId: "" };
  await db.write(settleTags, { repositoryId: null, stamp });
}

function isByPlatform({ is_by_platform }: TagRow): boolean {
  return is_by_platform === 1;
}

/** `isByPlatform`: it is there for other machines. */
function noTag(isByPlatform = false): Fault {
  return new Fault("unknown", "tag", "Tag not found", isByPlatform ? { isByPlatform } : {});
}

/** The Fault of an unknown repository in the words of v1. */
export function inOldWords(error: unknown): never {
  if (error instanceof Fault && error.kind === "unknown" && error.subject === "repository")
    throw new Fault("unknown", "repository", "Repository not found");
  throw error;
}

function asUnknownTag(error: unknown): never {
  if (error instanceof Fault && error.kind === "unknown") throw noTag();
  throw error;
}
