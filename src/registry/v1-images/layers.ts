// Layers of v1 images: received and looked through in one pass, served as they are stored. What no v1 client can read is
// decoded once and kept as a blob of its own.
import type { Actor } from "#access";
import type { Layer } from "#blobs";
import { decompress, headBytes, sniff, Undecodable } from "#lib/compression";
import { type Digest, digestOf } from "#lib/digest";
import { Fault } from "#lib/fault";
import { type ByteSource, bytesSource, concat, type Incoming, readAll, takeSmall } from "#lib/stream";
import { openStored, removeSpare, type StoredBlob } from "../blobs.ts";
import { type Context, jobStampOf, stampOf } from "../context.ts";
import { makeUploadId } from "../upload-id.ts";
import { maxContentBytes } from "../uploads.ts";
import { emptyLayerBytes, emptyLayerDigest } from "./derive.ts";
import {
  beginLayer,
  type ImageRow,
  isArriving,
  keepDecoded,
  keepUnpacked,
  noImage,
  putImageLayer,
  selectLayer,
  selectUnpacked,
} from "./images.sql.ts";

interface Arriving {
  readonly id: string;
  readonly body: AsyncIterable<Uint8Array>;
}

/** How long a request waits for a layer that must be decoded, before the client is told to come again. */
const patienceMilliseconds = 3_000;

export type Layers = ReturnType<typeof openLayers>;

export function openLayers(context: Context, storeId: string) {
  const { db, store, clock } = context;
  const decoding = new Map<Digest, Promise<void>>();

  const find = async (digest: Digest): Promise<StoredBlob | undefined> => {
    const [row] = await db.read<StoredBlob>(selectLayer, digest);
    return row;
  };

  const openBlob = async (digest: Digest): Promise<ByteSource> => {
    const row = await find(digest);
    if (row === undefined) {
      if (digest === emptyLayerDigest) return bytesSource(emptyLayerBytes);
      throw noImage();
    }
    const source = await openStored(context, row);
    if (source === undefined) throw noImage();
    return source;
  };

  const at = async (digest: Digest): Promise<Layer> => {
    const row = await find(digest);
    if (row === undefined && digest === emptyLayerDigest) return { content: emptyLayerBytes };
    if (row === undefined) throw noImage();
    return row.content === null ? { key: row.storage_key ?? "" } : { content: row.content };
  };

  /** The digest of what is served for a record: its layer, or what that decodes to. */
  const servedDigest = async (row: ImageRow): Promise<Digest> => {
    if (row.digest === null) throw noImage();
    const { digest } = row;
    if (row.origin === "pushed" || digest === emptyLayerDigest || !(await isZstd(digest))) return digest;
    // What it decodes to is known by decoding it: a config that says it proves nothing.
    const known = await findUnpacked(digest);
    if (known === null) throw noImage();
    if (known !== undefined && (await find(known)) !== undefined) return known;
    await decodeSoon(row, digest);
    return (await findUnpacked(digest)) ?? digest;
  };

  /** What a layer unpacks to: null when it does not, undefined when nobody has looked. */
  const findUnpacked = async (digest: Digest): Promise<Digest | null | undefined> => {
    const [row] = await db.read<{ diff_id: Digest | null }>(selectUnpacked, digest);
    return row?.diff_id;
  };

  const isZstd = async (digest: Digest): Promise<boolean> => {
    const source = await openBlob(digest);
    try {
      const head = await readAll(source.read(0, Math.min(headBytes, source.size)), headBytes);
      return head !== undefined && sniff(head) === "zstd";
    } finally {
      await source.close();
    }
  };

  /** Waits for the decoded layer, for a while. Fault: conflict arriving-image, when it takes longer. */
  const decodeSoon = async (row: ImageRow, digest: Digest): Promise<void> => {
    const running = decoding.get(digest) ?? decode(row, digest).finally(() => decoding.delete(digest));
    decoding.set(digest, running);
    // Who is told to come again does not see how it ends: the next one does.
    running.catch(() => undefined);
    let timer: Timer | undefined;
    const patience = new Promise<"late">((resolve) => {
      timer = setTimeout(() => resolve("late"), patienceMilliseconds);
    });
    const outcome = await Promise.race([running, patience]).finally(() => clearTimeout(timer));
    if (outcome === "late") throw isArriving();
  };

  const decode = (row: ImageRow, digest: Digest): Promise<void> => {
    const id = newUpload();
    return alone(id, undefined, () => decodeInto(id, row, digest));
  };

  const decodeInto = async (id: string, { repository_id: repositoryId }: ImageRow, layer: Digest): Promise<void> => {
    const source = await openBlob(layer);
    try {
      const size = await store.uploads.append(id, "sha256", 0, decompress(source.read(0, source.size), "zstd"));
      const digest = await store.uploads.digest(id, "sha256");
      const stamp = jobStampOf(context);
      await db.write(beginLayer, { id, repositoryId, digest, stamp });
      const key = await store.uploads.commit(id, digest);
      await removeSpare(
        context,
        key,
        await db.write(keepDecoded, { upload: id, repositoryId, layer, digest, size, key, stamp }),
      );
    } catch (error) {
      if (!(error instanceof Undecodable)) throw error;
      // A stream that is damaged, or expands without end: no client can have that layer, and nobody has to try again.
      await db.write(keepUnpacked, { digest: layer, diffId: null });
      throw noImage();
    } finally {
      await source.close();
    }
  };

  const newUpload = () => makeUploadId(storeId, "", "sha256", clock.now());

  /** Runs `work` while no other process takes the file of the upload for one that nobody sends. */
  const alone = <Result>(id: string, body: Incoming | undefined, work: () => Promise<Result>): Promise<Result> => {
    const workOrTidy = () =>
      work().catch(async (error) => {
        await store.uploads.remove(id).catch(() => undefined);
        throw error;
      });
    const stop = () => body?.stop(new Fault("busy", "store", "the database of the registry was away: try again"));
    return db.exclusive(`upload:${id}`, workOrTidy, stop);
  };

  /** What is known of a layer that was received, against what its pusher said ahead. Fault: invalid checksum. */
  const check = async (row: ImageRow, json: Uint8Array, layer: Layer) => {
    const facts = await store.layers.facts(layer, prefixOf(json));
    const ahead = row.checksum_ahead;
    if (ahead === null) return { facts, tarsum: null, isComplete: false };
    const tarsum = ahead.startsWith("tarsum+sha256:") ? await store.layers.tarsum(layer, json) : null;
    if (ahead !== facts.payload && ahead !== tarsum)
      throw new Fault("invalid", "checksum", "Checksum mismatch, ignoring the layer");
    return { facts, tarsum, isComplete: true };
  };

  const putSmall = async (actor: Actor, row: ImageRow, json: Uint8Array, content: Uint8Array): Promise<void> => {
    const checked = await check(row, json, { content });
    const [digest, size] = [digestOf(content), content.byteLength];
    const { id: imageRow, revision } = row;
    const stamp = stampOf(context, actor);
    const placed = { content };
    await db.write(putImageLayer, { ...checked, imageRow, revision, digest, size, placed, upload: null, stamp });
  };

  const putLarge = async (actor: Actor, row: ImageRow, json: Uint8Array, arriving: Arriving): Promise<void> => {
    const { id, body } = arriving;
    const size = await store.layers.receive(id, prefixOf(json), body);
    const checked = await check(row, json, { upload: id });
    const digest = await store.uploads.digest(id, "sha256");
    const { id: imageRow, revision, repository_id: repositoryId } = row;
    const stamp = stampOf(context, actor);
    await db.write(beginLayer, { id, repositoryId, digest, stamp });
    const key = await store.uploads.commit(id, digest);
    // When this fails it may still have happened: recovery looks at the row of the upload.
    const placed = { key };
    await removeSpare(
      context,
      key,
      await db.write(putImageLayer, { ...checked, imageRow, revision, digest, size, placed, upload: id, stamp }),
    );
  };

  return {
    /**
     * Stores the layer of an image durably. Faults: conflict image, conflict arriving-image, invalid checksum (the one that
     * was sent ahead), full, busy store.
     */
    async put(actor: Actor, row: ImageRow, json: Uint8Array, body: Incoming): Promise<void> {
      const taken = await takeSmall(body, maxContentBytes);
      if ("bytes" in taken) return putSmall(actor, row, json, taken.bytes);
      const id = newUpload();
      return alone(id, body, () => putLarge(actor, row, json, { id, body: taken.body }));
    },

    /** How many bytes are served for a record. Faults: conflict arriving-image (they are being decoded), unknown image. */
    async size(row: ImageRow): Promise<number | undefined> {
      if (row.digest === null) return undefined;
      const digest = await servedDigest(row);
      return digest === emptyLayerDigest ? emptyLayerBytes.byteLength : (await find(digest))?.size;
    },

    /** What is served for a record; the caller closes it. Faults: those of size. */
    async open(row: ImageRow): Promise<ByteSource> {
      return openBlob(await servedDigest(row));
    },

    /** Finds out what a layer unpacks to, unless that is known. Faults: unknown image, busy store. */
    async unpack(digest: Digest): Promise<void> {
      if ((await findUnpacked(digest)) !== undefined) return;
      const { diffId } = await store.layers.facts(await at(digest), lineFeed);
      await db.write(keepUnpacked, { digest, diffId });
    },

    tarsum: async (digest: Digest, json: Uint8Array) => store.layers.tarsum(await at(digest), json),
    files: async (digest: Digest) => store.layers.files(await at(digest)),
  };
}

const lineFeed = Uint8Array.of(0x0a);

function prefixOf(json: Uint8Array): Uint8Array {
  return concat([json, lineFeed]);
}
