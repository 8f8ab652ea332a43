// What a manifest is to a v1 client, found when it is pushed; for what was there before, by a walk in the background.
import type { Actor } from "#access";
import type { Digest } from "#lib/digest";
import { Fault } from "#lib/fault";
import { parseObject } from "#lib/json";
import { dockerList, dockerManifest, ociIndex, ociManifest } from "#lib/media-type";
import { type StoredBlobRow, selectStoredBlob } from "../blobs.sql.ts";
import { readStored, storedOf } from "../blobs.ts";
import { type Context, jobStampOf } from "../context.ts";
import { type ManifestContent, readManifest } from "../manifest-content.ts";
import { maxConfigBytes } from "./build.ts";
import { deriveChain } from "./derive.ts";
import {
  type Face,
  moveBackfill,
  notHere,
  saveManifestFace,
  selectBackfill,
  selectOlder,
  selectOrigins,
  selectUnfaced,
} from "./faces.sql.ts";
import type { Owned } from "./images.sql.ts";
import { maySee } from "./ownership.ts";
import { rankPlatforms } from "./platforms.ts";

const backfillPage = 100;

interface ManifestRow {
  readonly id: number;
  readonly digest: Digest;
  readonly media_type: string;
  readonly bytes: Uint8Array;
}

interface OlderRow extends ManifestRow {
  readonly repository_id: number;
  readonly path: string;
}

/** A manifest in its repository, and what it says. */
export interface FacedManifest {
  readonly digest: Digest;
  readonly content: ManifestContent;
  readonly bytes: Uint8Array;
}

export type Faces = ReturnType<typeof openFaces>;

export function openFaces(context: Context) {
  const { db, access } = context;

  /** The face of a manifest. `actor`: a chain that it was built from, which they may use, comes along. */
  const faceOf = async (path: string, manifest: FacedManifest, actor: Actor | undefined): Promise<Face> => {
    const { content, bytes } = manifest;
    const { mediaType, edges } = content;
    if (mediaType === ociIndex || mediaType === dockerList)
      return { kind: "index", choices: rankPlatforms(parseObject(bytes)) };
    if (mediaType !== ociManifest && mediaType !== dockerManifest) return { kind: "none", reason: "it is no image" };
    const config = edges.find(({ kind }) => kind === "config")?.digest;
    if (config === undefined) return { kind: "none", reason: "it has no config" };
    const json = await readConfig(context, path, config);
    if (json === undefined) return { kind: "none", reason: notHere };
    if (json === "too large") return { kind: "none", reason: "its config is larger than that of any image" };
    const derived = deriveChain({ mediaType, bytes }, json);
    if ("reason" in derived) return { kind: "none", reason: derived.reason };
    const { images } = derived;
    return { kind: "chain", images, origin: actor === undefined ? null : await findOrigin(manifest, actor) };
  };

  const findOrigin = async ({ digest }: FacedManifest, actor: Actor): Promise<number | null> => {
    const rows = await db.read<Owned & { id: number }>(selectOrigins, digest);
    return rows.find((row) => maySee(access, actor, row, "reuse"))?.id ?? null;
  };

  const save = async (row: ManifestRow, repositoryId: number, path: string): Promise<void> => {
    const content = readManifest(row.bytes, row.media_type);
    const face = await faceOf(path, { digest: row.digest, content, bytes: row.bytes }, undefined);
    const stamp = jobStampOf(context);
    await db.write(saveManifestFace, { manifestId: row.id, repositoryId, face, stamp });
  };

  return {
    /** The face of a manifest that is being pushed: the push does not depend on it. */
    async find(actor: Actor, path: string, manifest: FacedManifest): Promise<Face> {
      return faceOf(path, manifest, actor).catch((error: unknown) => {
        if (!(error instanceof Fault)) throw error;
        return { kind: "none", reason: notHere };
      });
    },

    /**
     * Finds the faces of the manifests of a repository that have none yet, and of those for which something was missing
     * that is there now. Faults: full, busy store.
     */
    async complete(repositoryId: number, path: string): Promise<void> {
      let after = 0;
      for (let isMore = true; isMore; ) {
        const rows = await db.read<ManifestRow>(selectUnfaced, repositoryId, after, backfillPage);
        for (const row of rows) await save(row, repositoryId, path);
        after = rows.at(-1)?.id ?? after;
        isMore = rows.length === backfillPage;
      }
    },

    /**
     * Goes on with the manifests that were pushed before their faces were kept, a page; false when there are no more. What
     * cannot be read is left without a face, and looked at again when its tag is asked for.
     */
    async backfill(): Promise<boolean> {
      const [todo] = await db.read<{ next_id: number; last_id: number }>(selectBackfill);
      if (todo === undefined) return false;
      const rows = await db.read<OlderRow>(selectOlder, todo.next_id, todo.last_id, backfillPage);
      for (const row of rows) {
        await save(row, row.repository_id, row.path).catch((error: unknown) => {
          if (!(error instanceof Fault)) throw error;
        });
      }
      const isDone = rows.length < backfillPage;
      await db.write(moveBackfill, { nextId: isDone ? todo.last_id : (rows.at(-1)?.id ?? todo.last_id) });
      return !isDone;
    },
  };
}

/** All of a config of a repository; undefined when it is not there. */
async function readConfig(
  context: Context,
  path: string,
  digest: Digest,
): Promise<Uint8Array | "too large" | undefined> {
  const { db } = context;
  const [row] = await db.read<StoredBlobRow>(selectStoredBlob, path, digest);
  if (row === undefined) return undefined;
  if (row.size > maxConfigBytes) return "too large";
  return readStored(context, storedOf(row));
}
