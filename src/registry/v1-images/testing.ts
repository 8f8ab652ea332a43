// Clients for the tests of this folder: one that pushes chains over v1, one that pushes images as today's do, and eyes for
// what the tables say of both.
import { gzipSync } from "node:zlib";
import { type Actor, anonymous } from "#access";
import { type Digest, digestOf } from "#lib/digest";
import { Fault } from "#lib/fault";
import { ociManifest } from "#lib/media-type";
import { parseRepositoryName, parseTag, type RepositoryName } from "#lib/reference";
import { type ByteSource, concat, incomingOf } from "#lib/stream";
import type { Registry } from "../index.ts";
import type { TestRegistry } from "../testing.ts";
import { emptyLayerBytes } from "./derive.ts";
import type { Platform } from "./nouns.ts";

export const linux: Platform = { os: "linux", arch: "amd64" };
export const encode = (text: string) => new TextEncoder().encode(text);
export const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
export const gzip = (bytes: Uint8Array) => new Uint8Array(gzipSync(bytes));
export const name = (text: string): RepositoryName => parseRepositoryName(text);

/** Somebody at one of the doors; `id` is their account. */
export const at = (protocol: string, id: string | null = null): Actor => ({
  ...anonymous(protocol, "127.0.0.1", "test"),
  id,
});

/** An id of 64 digits that begins with `text` in hexadecimal. */
export const idOf = (text: string) => Buffer.from(text).toString("hex").slice(0, 64).padEnd(64, "0");

/** Bytes that are a layer, for a client that does not look into it. */
export const layerOf = (text: string, size = 2048) => gzip(encode(text.padEnd(size, "\0")));

export interface Image {
  readonly id: string;
  readonly json: Uint8Array;
  readonly layer: Uint8Array;
}

/** An image whose step is `text`; `more` are further members of its JSON. */
export function imageOf(
  text: string,
  parent: Pick<Image, "id"> | undefined,
  layer: Uint8Array = layerOf(text),
  more: Readonly<Record<string, unknown>> = {},
): Image {
  const id = idOf(text);
  const members = {
    id,
    ...(parent === undefined ? {} : { parent: parent.id }),
    created: "2014-06-24T11:54:49.5Z",
    container_config: { Cmd: ["/bin/sh", "-c", text] },
    ...more,
  };
  return { id, json: encode(`${JSON.stringify(members)}\n`), layer };
}

/** Images on each other, base first, one for each text; the layers that are not given are made. */
export function chainOf(texts: readonly string[], layers: Readonly<Record<string, Uint8Array>> = {}): Image[] {
  const chain: Image[] = [];
  for (const text of texts) chain.push(imageOf(text, chain.at(-1), layers[text]));
  return chain;
}

export const payloadOf = ({ json, layer }: Pick<Image, "json" | "layer">) =>
  digestOf(concat([json, Uint8Array.of(0x0a), layer]));

/** What a client of v1 does, as `actor`; requests say `repository` when it is given. */
export function openV1Client(registry: Registry, actor: Actor, repository?: RepositoryName) {
  const asking = { actor, repository };
  const { v1Images, v1Tags } = registry;
  const client = {
    json: ({ id, json }: Pick<Image, "id" | "json">) => v1Images.putJson(asking, id, json, undefined),
    layer: ({ id, layer }: Pick<Image, "id" | "layer">) => v1Images.putLayer(asking, id, incomingOf(layer)),
    checksum: (image: Image) =>
      v1Images.putChecksum(asking, image.id, { payload: payloadOf(image), tarsum: undefined }),
    async push(...images: readonly Image[]): Promise<void> {
      for (const image of images) {
        await client.json(image);
        await client.layer(image);
        await client.checksum(image);
      }
    },
    /** As engines do: what is there already is not sent. */
    async pushMissing(...images: readonly Image[]): Promise<void> {
      for (const image of images) {
        const isThere = await v1Images.get(asking, image.id).then(
          () => true,
          () => false,
        );
        if (!isThere) await client.push(image);
      }
    },
    tag: (where: RepositoryName, tag: string, imageId: string) =>
      v1Tags.put(actor, where, parseTag(tag), { imageId, info: { last_update: 1 } }),
    async tags(where: RepositoryName, platform = linux): Promise<Record<string, string>> {
      const { tags } = await v1Tags.list(actor, where, platform);
      return Object.fromEntries(tags.map((each) => [each.name, each.imageId]));
    },
    read: (id: string) => v1Images.get(asking, id),
    async readLayer(id: string): Promise<Uint8Array> {
      const { source } = await v1Images.openLayer(asking, id);
      return readSource(source);
    },
    ancestry: async (id: string) => (await v1Images.ancestry(asking, id)).ids,
    /** The images behind an id, base first, byte for byte. */
    async pull(id: string): Promise<Image[]> {
      const ids = await client.ancestry(id);
      const images: Image[] = [];
      for (const each of ids.toReversed()) {
        const { json, layerSize } = await client.read(each);
        const layer = await client.readLayer(each);
        if (layer.byteLength !== layerSize) throw new Error(`${each} has not the size that was said`);
        images.push({ id: each, json, layer });
      }
      return images;
    },
  };
  return client;
}

export async function readSource(source: ByteSource): Promise<Uint8Array> {
  try {
    const parts: Uint8Array[] = [];
    for await (const part of source.read(0, source.size)) parts.push(Uint8Array.from(part));
    return Uint8Array.from(concat(parts));
  } finally {
    await source.close();
  }
}

export interface TodaysImage {
  readonly layers: readonly { readonly bytes: Uint8Array; readonly mediaType: string; readonly diffId: Digest }[];
  /** Members of the config beside `rootfs`. */
  readonly config?: Readonly<Record<string, unknown>>;
  readonly configType?: string;
  readonly mediaType?: string;
}

export const ociConfig = "application/vnd.oci.image.config.v1+json";
export const ociLayer = "application/vnd.oci.image.layer.v1.tar";

/** A layer that unpacks to `plain`, sent as `bytes`. */
export const todaysLayer = (plain: Uint8Array, bytes = gzip(plain), mediaType = `${ociLayer}+gzip`) => ({
  bytes,
  mediaType,
  diffId: digestOf(plain),
});

export const descriptorOf = (mediaType: string, bytes: Uint8Array) => ({
  mediaType,
  digest: digestOf(bytes),
  size: bytes.byteLength,
});

/** Config and manifest of an image of today. */
export function writeImage({ layers, config = {}, configType = ociConfig, mediaType = ociManifest }: TodaysImage) {
  const rootfs = { type: "layers", diff_ids: layers.map(({ diffId }) => diffId) };
  const configBytes = encode(JSON.stringify({ architecture: "amd64", os: "linux", ...config, rootfs }));
  const manifest = {
    schemaVersion: 2,
    mediaType,
    config: descriptorOf(configType, configBytes),
    layers: layers.map((each) => descriptorOf(each.mediaType, each.bytes)),
  };
  return { config: configBytes, manifest: encode(JSON.stringify(manifest)) };
}

/** What a client of today does, as `actor`. */
export function openTodaysClient(registry: Registry, actor: Actor) {
  const client = {
    blob: (where: RepositoryName, bytes: Uint8Array) =>
      registry.uploads.put(actor, where, digestOf(bytes), incomingOf(bytes)),
    async manifest(where: RepositoryName, bytes: Uint8Array, ...tags: readonly string[]): Promise<Digest> {
      const manifest = { bytes, contentType: undefined, tags: tags.map(parseTag) };
      return (await registry.manifests.put(actor, where, manifest)).digest;
    },
    /** Returns the digest of its manifest. */
    async push(where: RepositoryName, image: TodaysImage, ...tags: readonly string[]): Promise<Digest> {
      const { config, manifest } = writeImage(image);
      for (const bytes of [...image.layers.map((each) => each.bytes), config]) await client.blob(where, bytes);
      return client.manifest(where, manifest, ...tags);
    },
    async digest(where: RepositoryName, tag: string): Promise<string | undefined> {
      try {
        return (await registry.manifests.resolve(actor, where, { tag: parseTag(tag) })).digest;
      } catch (error) {
        if (error instanceof Fault && error.kind === "unknown") return undefined;
        throw error;
      }
    },
    async read(where: RepositoryName, digest: string): Promise<Uint8Array> {
      return readSource(await registry.blobs.open(actor, where, digest as Digest));
    },
    async tags(where: RepositoryName): Promise<readonly string[]> {
      return (await registry.tags.list(actor, where, { limit: 1000, after: "" })).entries;
    },
    /** The manifest of a tag, its config and its layers, as JSON and digests. */
    async inspect(where: RepositoryName, tag: string) {
      const { bytes, digest, mediaType } = await registry.manifests.get(actor, where, { tag: parseTag(tag) });
      const manifest = JSON.parse(decode(bytes));
      const config = JSON.parse(decode(await client.read(where, manifest.config.digest)));
      const layers: string[] = manifest.layers.map((each: { digest: string }) => each.digest);
      const types: string[] = manifest.layers.map((each: { mediaType: string }) => each.mediaType);
      return { digest, bytes, mediaType, config, layers, types };
    },
    /** Copies an image to another repository, as tools do: its blobs are mounted, its manifest is put. */
    async copy(from: RepositoryName, tag: string, to: RepositoryName, toTag = tag): Promise<Digest> {
      const { bytes } = await registry.manifests.get(actor, from, { tag: parseTag(tag) });
      const { config, layers } = JSON.parse(decode(bytes));
      for (const { digest } of [config, ...layers]) await registry.blobs.mount(actor, to, digest, from);
      return client.manifest(to, bytes, toTag);
    },
  };
  return client;
}

/** The history of a tag, from the first move to the last: who moved it, from where, to where. */
export function historyOf({ db }: TestRegistry, path: string, tag: string) {
  return db.read<{ protocol: string; old_digest: string | null; new_digest: string | null }>(
    `select h.protocol, h.old_digest, h.new_digest from tag_history h join repositories r on r.id = h.repository_id
     where r.path = ? and h.name = ? order by h.id`,
    path,
    tag,
  );
}

/** The events about one repository, as `kind subject protocol`. */
export async function eventsOf({ db }: TestRegistry, path: string): Promise<string[]> {
  const rows = await db.read<{ kind: string; subject: string | null; protocol: string }>(
    "select kind, subject, protocol from events where repository_path = ? order by id",
    path,
  );
  return rows.map(({ kind, subject, protocol }) => `${kind} ${subject ?? "-"} ${protocol}`);
}

/** What is kept of the v1 tags of a repository: `tag state`, with the reason. */
export async function keptTags({ db }: TestRegistry, path: string): Promise<Record<string, string>> {
  const rows = await db.read<{ name: string; state: string; reason: string | null }>(
    `select t.name, t.state, t.reason from v1_tags t join live_repositories r on r.id = t.repository_id where r.path = ?`,
    path,
  );
  return Object.fromEntries(
    rows.map((row) => [row.name, row.reason === null ? row.state : `${row.state}: ${row.reason}`]),
  );
}

/** What a promise is rejected with, as `kind subject: words`; `done` when it is not. */
export async function faultOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    if (error instanceof Fault) return `${error.kind} ${error.subject}: ${error.message}`;
    throw error;
  }
  return "done";
}

/** The layer of each config image. */
export const noLayer = emptyLayerBytes;
