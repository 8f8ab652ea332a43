// v1 images: announced with their JSON, given a layer, completed by its checksum, and read. Whom an id belongs to is decided
// here, in one place: ids are chosen by who pushes and prove nothing.
import type { Digest } from "#lib/digest";
import { Fault } from "#lib/fault";
import { type Context, stampOf } from "../context.ts";
import { readImageJson } from "./build.ts";
import { maxPushMilliseconds } from "./builds.sql.ts";
import { noParent, selectAncestry } from "./chains.sql.ts";
import {
  type Announced,
  alreadyThere,
  cannotSet,
  completeImage,
  type ImageRow,
  isArriving,
  keepTarsum,
  noImage,
  type Owned,
  putImageJson,
  type Scope,
  selectAnnounced,
  selectDerived,
  selectJson,
  selectOfRepository,
  selectOther,
  selectPushed,
  selectScopeOfArriving,
} from "./images.sql.ts";
import type { Layers } from "./layers.ts";
import type { Asking, V1Images } from "./nouns.ts";
import { maySee, type Purpose } from "./ownership.ts";

/** The record that an id means for who asks: that of their repository, else that of their last push of it, else any they may use. */
export async function findImage(
  { db, access, clock }: Context,
  { actor, repository }: Asking,
  imageId: string,
  purpose: Purpose,
): Promise<ImageRow | undefined> {
  let isPush = repository !== undefined;
  if (repository !== undefined) {
    const [own] = await db.read<ImageRow>(selectOfRepository, imageId, repository.path);
    if (own !== undefined) return own;
  } else {
    const [announced] = await db.read<Announced>(selectAnnounced, imageId, actor.id);
    const [own] = announced === undefined ? [] : await db.read<ImageRow>(selectOfRepository, imageId, announced.path);
    if (own !== undefined && maySee(access, actor, own, purpose)) return own;
    isPush = announced !== undefined && announced.announced_at > clock.now() - maxPushMilliseconds;
  }
  // Who is told during a push that an image is there must be able to tag it.
  const use = purpose === "read" && isPush ? "reuse" : purpose;
  const pushed = (await db.read<ImageRow>(selectPushed, imageId)).filter((row) => maySee(access, actor, row, use));
  // Who goes on with a push means what they began, also when it has become complete somewhere else meanwhile.
  const begun = purpose === "push" ? pushed.find(({ state }) => state !== "complete") : undefined;
  if (begun !== undefined) return begun;
  const derived = (await db.read<ImageRow>(selectDerived, imageId)).filter((row) => maySee(access, actor, row, use));
  // The id fixes what a derived image is, but not what its manifest says that its layer unpacks to: one's own comes first.
  const own = derived.find((row) => maySee(access, actor, { ...row, origin: "pushed" }, "reuse"));
  return own ?? derived[0] ?? pushed[0];
}

export function openImages(context: Context, layers: Layers): V1Images {
  const { db, access } = context;
  const tarsums = new Map<string, Promise<string>>();

  const requireAccess = ({ actor, repository }: Asking, action: "pull" | "push") => {
    if (repository !== undefined) access.require(actor, repository.path, action);
  };

  const requireComplete = async (asking: Asking, imageId: string): Promise<ImageRow> => {
    requireAccess(asking, "pull");
    const row = await findImage(context, asking, imageId, "read");
    if (row === undefined) throw noImage();
    if (row.state !== "complete") throw isArriving();
    return row;
  };

  const requireArriving = async (asking: Asking, imageId: string): Promise<ImageRow> => {
    requireAccess(asking, "push");
    const row = await findImage(context, asking, imageId, "push");
    if (row === undefined) throw noImage();
    return row;
  };

  /** Computed once, however many ask, and remembered also when it is not what was sent: it costs a look at the whole layer. */
  const tarsumOf = (row: ImageRow, digest: Digest): Promise<string> => {
    const { id: imageRow, revision } = row;
    const key = `${imageRow} ${revision} ${digest}`;
    const compute = async () => {
      const tarsum = await layers.tarsum(digest, await jsonOf(row));
      await db.write(keepTarsum, { imageRow, revision, digest, tarsum });
      return tarsum;
    };
    const running = tarsums.get(key) ?? compute().finally(() => tarsums.delete(key));
    tarsums.set(key, running);
    return running;
  };

  const isAmbiguous = async ({ id }: ImageRow) => (await db.read(selectOther, id)).length > 0;

  const jsonOf = async ({ id }: ImageRow): Promise<Uint8Array> => {
    const [row] = await db.read<{ json: Uint8Array }>(selectJson, id);
    if (row === undefined) throw noImage();
    return row.json;
  };

  /** Where a new record belongs: what the request says, what was announced, where a push of it is under way, else nobody. */
  const scopeOf = async ({ actor, repository }: Asking, imageId: string, parent: string | null): Promise<Scope> => {
    if (repository !== undefined) return { name: repository };
    const [announced] = await db.read<Announced>(selectAnnounced, imageId, actor.id);
    if (announced !== undefined && access.allows(actor, announced.path, "push")) return { repositoryId: announced.id };
    for (const each of parent === null ? [imageId] : [imageId, parent]) {
      const rows = await db.read<Owned & { repository_id: number | null }>(selectScopeOfArriving, each);
      const found = rows.find((row) => maySee(access, actor, row, "push"));
      if (found !== undefined) return { repositoryId: found.repository_id };
    }
    access.require(actor, "", "push");
    return { repositoryId: null };
  };

  return {
    async putJson(asking, imageId, json, checksum) {
      requireAccess(asking, "push");
      const { id, parent, history } = readImageJson(json);
      if (checksum !== undefined && checksum !== "" && !/^[^:]+:[^:]+$/.test(checksum))
        throw new Fault("invalid", "checksum", "Invalid checksum format");
      if (id !== imageId) throw new Fault("invalid", "image", "JSON data contains invalid id");
      const known = await findImage(context, asking, imageId, "reuse");
      const parentRow = parent === null ? undefined : await findImage(context, asking, parent, "reuse");
      if (parent !== null && parentRow === undefined) throw noParent();
      if (known?.state === "complete") throw alreadyThere();
      await db.write(putImageJson, {
        scope: await scopeOf(asking, imageId, parent),
        imageId,
        json,
        history,
        parent,
        parentElsewhere: parentRow?.id ?? null,
        checksumAhead: checksum === undefined || checksum === "" ? null : checksum,
        stamp: stampOf(context, asking.actor),
      });
    },

    async putLayer(asking, imageId, body) {
      const row = await requireArriving(asking, imageId);
      if (row.state === "complete") throw alreadyThere();
      await layers.put(asking.actor, row, await jsonOf(row), body);
    },

    async putChecksum(asking, imageId, { payload, tarsum }) {
      const sent = [payload, tarsum].filter((each) => each !== undefined && each !== "");
      if (sent.length === 0) throw new Fault("invalid", "checksum", "Missing Image's checksum");
      const row = await requireArriving(asking, imageId);
      if (row.state === "complete") throw cannotSet();
      const mismatch = () => new Fault("invalid", "checksum", "Checksum mismatch");
      if (row.state !== "uploaded" || row.digest === null) throw mismatch();
      let proven: string | null = null;
      if (!sent.includes(row.payload ?? "")) {
        // A tarsum reads the whole layer again: only for who has nothing better.
        if (!sent.some((each) => each?.startsWith("tarsum+sha256:"))) throw mismatch();
        proven = row.tarsum ?? (await tarsumOf(row, row.digest));
        if (!sent.includes(proven)) throw mismatch();
      }
      const stamp = stampOf(context, asking.actor);
      const { id: imageRow, revision, digest } = row;
      await db.write(completeImage, { imageRow, revision, digest, tarsum: proven, stamp });
    },

    async get(asking, imageId) {
      const row = await requireComplete(asking, imageId);
      const checksums = [row.payload, row.tarsum].filter((each) => each !== null);
      return {
        json: await jsonOf(row),
        checksums,
        layerSize: await layers.size(row),
        isAmbiguous: await isAmbiguous(row),
      };
    },

    async openLayer(asking, imageId) {
      const row = await requireComplete(asking, imageId);
      return { source: await layers.open(row), isAmbiguous: await isAmbiguous(row) };
    },

    async ancestry(asking, imageId) {
      const row = await requireComplete(asking, imageId);
      const rows = await db.read<{ image_id: string }>(selectAncestry, row.id);
      return { ids: rows.map((each) => each.image_id), isAmbiguous: await isAmbiguous(row) };
    },

    async files(asking, imageId) {
      const row = await requireComplete(asking, imageId);
      const text = row.digest === null ? undefined : await layers.files(row.digest);
      if (text === undefined) throw new Fault("unsupported", "image", "Layer format not supported");
      return { text, isAmbiguous: await isAmbiguous(row) };
    },
  };
}
