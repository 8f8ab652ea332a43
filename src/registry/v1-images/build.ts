// From v1 to today: a chain of v1 images becomes one image whose layers are the very blobs that were pushed. The same chain
// gives the same bytes on every server, whoever pushed it under whatever ids.
// https://github.com/distribution/distribution/blob/v2.8.3/docs/spec/manifest-v2-2.md
import { type Digest, digestOf } from "#lib/digest";
import { Fault } from "#lib/fault";
import type { Compression } from "#lib/layer";
import { dockerManifest, ociManifest } from "#lib/media-type";
import {
  canonical,
  encodeString,
  encodeTime,
  type Members,
  membersOf,
  readObject,
  textOf,
  textsOf,
} from "./raw-json.ts";

export const maxJsonBytes = 1024 * 1024;
/** Configs are a few KiB. One that is larger is none that registries and engines take. */
export const maxConfigBytes = 4 * 1024 * 1024;

/** What the JSON of an image says about its place in a chain. */
export interface ImageJson {
  readonly id: string;
  readonly parent: string | null;
  /** JSON of the entry that its step is in the history of an image, without `empty_layer`. */
  readonly history: string;
}

/** One image of a chain, as far as a build needs it. */
export interface ChainLink {
  /** Of its ImageJson. */
  readonly history: string;
  /** Its layer unpacks to nothing, or to zero bytes alone. */
  readonly isEmpty: boolean;
  readonly digest: Digest;
  /** Bytes as stored. */
  readonly size: number;
  readonly diffId: Digest | null;
  /** Null when it is not known. */
  readonly compression: Compression | null;
  /** Why its layer cannot be in an image of today; null when nothing is known against it. */
  readonly reason: string | null;
}

export interface BuiltImage {
  readonly config: { readonly bytes: Uint8Array; readonly digest: Digest; readonly size: number };
  readonly manifest: { readonly bytes: Uint8Array; readonly digest: Digest; readonly mediaType: string };
  /** Docker refuses to run more than 125. */
  readonly layerCount: number;
}

/** Why there is no translation, in a sentence for people. */
export interface Untranslatable {
  readonly reason: string;
}

/**
 * What is in the JSON that a client pushes for an image. Faults: too-large image, invalid image with the words of the
 * protocol. Whether `id` is the image's and `parent` exists is not looked at.
 */
export function readImageJson(bytes: Uint8Array): ImageJson {
  if (bytes.length > maxJsonBytes) {
    throw new Fault("too-large", "image", "Image JSON too large", { maxBytes: maxJsonBytes });
  }
  const object = readObject(bytes);
  if (object === undefined || object.members.size === 0 || object.repeated.has("id")) throw invalid("Invalid JSON");
  const { members } = object;
  if (!members.has("id")) throw invalid("Missing key `id' in JSON");
  const id = textOf(members.get("id"));
  if (id === undefined) throw invalid("JSON data contains invalid id");
  return { id, parent: parentOf(members.get("parent")), history: historyEntryOf(members) };
}

function invalid(words: string): Fault {
  return new Fault("invalid", "image", words);
}

function parentOf(raw: string | undefined): string | null {
  if (raw === undefined || raw === "null") return null;
  const parent = textOf(raw);
  if (parent === undefined) throw invalid("Image depends on a non existing parent");
  return parent === "" ? null : parent;
}

/** What an image of today says in its history of the image with these members. */
export function historyEntryOf(members: Members): string {
  const fields = [
    ["created", encodeTime(textOf(members.get("created")) ?? "") ?? "0001-01-01T00:00:00Z"],
    ["author", textOf(members.get("author"))],
    ["created_by", commandOf(members.get("container_config"))],
    ["comment", textOf(members.get("comment"))],
  ] as const;
  const written = fields.flatMap(([name, text]) => (text ? [`"${name}":${encodeString(text)}`] : []));
  return `{${written.join(",")}}`;
}

function commandOf(containerConfig: string | undefined): string | undefined {
  const raw = membersOf(containerConfig)?.get("Cmd");
  return textOf(raw) ?? textsOf(raw)?.join(" ");
}

/**
 * The image of a chain, base first; `topJson` is the JSON of its last image. Empty layers are left out, but the base's when
 * all are empty. The members of that JSON stay as they are written, but for those that v1 alone knows.
 */
export function buildImage(chain: readonly ChainLink[], topJson: Uint8Array): BuiltImage | Untranslatable {
  const top = readObject(topJson)?.members;
  if (top === undefined) return { reason: "the JSON of the image is not a JSON object" };
  if (chain.length === 0) return { reason: "the image has no layers" };
  const areAllEmpty = chain.every(({ isEmpty }) => isEmpty);
  const steps = chain.map((image, i) => ({ image, isDropped: image.isEmpty && !(areAllEmpty && i === 0) }));
  const layers: Layer[] = [];
  for (const [i, { image, isDropped }] of steps.entries()) {
    if (isDropped) continue;
    const layer = layerOf(image);
    if ("reason" in layer)
      return { reason: `layer ${i + 1} of ${chain.length}, counted from the base: ${layer.reason}` };
    layers.push(layer);
  }
  const history = steps.map(({ image, isDropped }) =>
    isDropped ? `${image.history.slice(0, -1)},"empty_layer":true}` : image.history,
  );
  const config = new TextEncoder().encode(configOf(top, layers, history));
  const { mediaType, bytes } = manifestOf({ digest: digestOf(config), size: config.length }, layers);
  return {
    config: { bytes: config, digest: digestOf(config), size: config.length },
    manifest: { bytes, digest: digestOf(bytes), mediaType },
    layerCount: layers.length,
  };
}

interface Content {
  readonly digest: Digest;
  readonly size: number;
}

interface Layer extends Content {
  readonly diffId: Digest;
  readonly compression: "none" | "gzip" | "zstd";
}

function layerOf({ digest, size, diffId, compression, reason }: ChainLink): Layer | Untranslatable {
  if (reason !== null) return { reason };
  if (compression === "bzip2" || compression === "xz") {
    return { reason: `it is compressed with ${compression}, for which image manifests have no media type` };
  }
  if (diffId === null || compression === null) return { reason: "the digest of its unpacked bytes is not known" };
  return { digest, size, diffId, compression };
}

/** What belongs to the v1 image, not to what is in it. */
const v1Keys = ["id", "parent", "Size", "parent_id", "layer_id", "throwaway"];

function configOf(top: Members, layers: readonly Layer[], history: readonly string[]): string {
  const config = new Map(top);
  for (const key of v1Keys) config.delete(key);
  if (!textOf(top.get("architecture"))) config.set("architecture", '"amd64"');
  if (!textOf(top.get("os"))) config.set("os", '"linux"');
  config.set("rootfs", `{"type":"layers","diff_ids":[${layers.map(({ diffId }) => `"${diffId}"`).join(",")}]}`);
  config.set("history", `[${history.join(",")}]`);
  return canonical(config);
}

interface Format {
  readonly manifest: string;
  readonly config: string;
  readonly layer: (compression: Layer["compression"]) => string;
  /** Spaces before each level of the JSON; 0: all on one line. */
  readonly indent: number;
  readonly describe: (mediaType: string, content: Content) => object;
}

/** In the engines' own layout, so that one which pushes the image again gets the same digest. */
const docker: Format = {
  manifest: dockerManifest,
  config: "application/vnd.docker.container.image.v1+json",
  layer: (compression) => `application/vnd.docker.image.rootfs.diff.tar${compression === "gzip" ? ".gzip" : ""}`,
  indent: 3,
  describe: (mediaType, { size, digest }) => ({ mediaType, size, digest }),
};

/** For images with a zstd layer, which schema 2 has no media type for. */
const oci: Format = {
  manifest: ociManifest,
  config: "application/vnd.oci.image.config.v1+json",
  layer: (compression) => `application/vnd.oci.image.layer.v1.tar${compression === "none" ? "" : `+${compression}`}`,
  indent: 0,
  describe: (mediaType, { digest, size }) => ({ mediaType, digest, size }),
};

function manifestOf(config: Content, layers: readonly Layer[]): { mediaType: string; bytes: Uint8Array } {
  const format = layers.some(({ compression }) => compression === "zstd") ? oci : docker;
  const manifest = {
    schemaVersion: 2,
    mediaType: format.manifest,
    config: format.describe(format.config, config),
    layers: layers.map((layer) => format.describe(format.layer(layer.compression), layer)),
  };
  return { mediaType: format.manifest, bytes: new TextEncoder().encode(JSON.stringify(manifest, null, format.indent)) };
}
