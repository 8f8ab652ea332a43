// From today to v1: an image manifest and its config become a chain of v1 images, one for each layer, then one for the config
// on an empty layer, so that images on the same base share its ids. An id fixes the JSON, the parents and the layer's bytes,
// and is the same on every server: what changes here needs another prefix.
import { type Digest, digestOf, hexOf, isDigest } from "#lib/digest";
import type { Compression } from "#lib/layer";
import { dockerManifest, ociManifest } from "#lib/media-type";
import { historyEntryOf, maxJsonBytes, type Untranslatable } from "./build.ts";
import {
  canonical,
  compact,
  encodeString,
  encodeTime,
  itemsOf,
  listMembers,
  type Members,
  membersOf,
  readObject,
  textOf,
  textsOf,
} from "./raw-json.ts";

/** One v1 image of a derived chain. */
export interface DerivedImage {
  readonly id: string;
  readonly json: Uint8Array;
  /** Its entry in the history of a config. */
  readonly history: string;
  readonly parent: string | null;
  readonly layerDigest: Digest;
  /** Bytes of the layer as its descriptor says. */
  readonly size: number;
  /** As the media type says; null when it says nothing known. */
  readonly compression: Compression | null;
  readonly diffId: Digest;
}

/** The gzip of an empty archive that every engine of the v1 days wrote: the layer of each config image. */
export const emptyLayerBytes = Uint8Array.fromHex("1f8b080000096e8800ff621805a360148c5800080000ffff2eafb5ef00040000");
export const emptyLayerDigest = digestOf(emptyLayerBytes);
/** Of 1024 zero bytes, which is what it unpacks to. */
export const emptyLayerDiffId = digestOf(new Uint8Array(1024));

const idPrefix = "berth-v1-image/1";
const epoch = "1970-01-01T00:00:00Z";

/** Real ones have less than twenty characters, and each is written into every JSON of its chain. */
const maxPlatformLength = 128;

/** What the config of an image is called; any other is that of an artifact. */
export const configTypes: ReadonlySet<string> = new Set([
  "application/vnd.docker.container.image.v1+json",
  "application/vnd.oci.image.config.v1+json",
]);

/**
 * The chain of an image manifest, base first; the last is the config's. Reads nothing but the two: whether the blobs are
 * there is for the caller to know. Artifacts, encrypted layers and configs that do not fit their manifest have none.
 */
export function deriveChain(
  manifest: { readonly mediaType: string; readonly bytes: Uint8Array },
  config: Uint8Array,
): { readonly images: readonly DerivedImage[] } | Untranslatable {
  const layers = layersOf(manifest);
  if ("reason" in layers) return layers;
  const members = readObject(config)?.members;
  if (members === undefined) return { reason: "the config of the image is not a JSON object" };
  const diffIds = diffIdsOf(members);
  if (diffIds === undefined) return { reason: "the config of the image has no list of digests as its diff_ids" };
  if (diffIds.length !== layers.length) {
    return { reason: `the config of the image has ${diffIds.length} diff_ids for ${layers.length} layers` };
  }
  const platform = platformOf(members);
  if (platform === undefined) return { reason: "the config of the image names no real platform" };
  const history = historyOf(members, layers.length);
  const images: DerivedImage[] = [];
  for (const [k, diffId] of diffIds.entries()) {
    const layer = layers[k];
    if (layer === undefined) break;
    const body = new Map([...platform, ...stepOf(history.layers[k])]);
    images.push({ ...nameImage(body, layer.layerDigest, images.at(-1)), ...layer, diffId });
  }
  const top = new Map([...platform, ...configImageOf(members, history.last)]);
  images.push({ ...nameImage(top, emptyLayerDigest, images.at(-1)), ...emptyDescriptor });
  const isTooLarge = images.some(({ json }) => json.length > maxJsonBytes);
  return isTooLarge ? { reason: "its config is larger than the JSON of a v1 image may be" } : { images };
}

const emptyDescriptor = {
  layerDigest: emptyLayerDigest,
  size: emptyLayerBytes.length,
  compression: "gzip",
  diffId: emptyLayerDiffId,
} as const;

/** Gives a body its parent, its id and its bytes. */
function nameImage(
  body: Map<string, string>,
  layer: Digest,
  parent: DerivedImage | undefined,
): Pick<DerivedImage, "id" | "json" | "history" | "parent"> {
  if (parent !== undefined) body.set("parent", `"${parent.id}"`);
  const utf8 = new TextEncoder();
  const id = hexOf(digestOf(utf8.encode(`${idPrefix}\n${layer}\n${canonical(body)}`)));
  const json = utf8.encode(canonical(new Map([...body, ["id", `"${id}"`]])));
  return { id, json, history: historyEntryOf(body), parent: parent?.id ?? null };
}

type Layer = Pick<DerivedImage, "layerDigest" | "size" | "compression">;

function layersOf({ mediaType, bytes }: { mediaType: string; bytes: Uint8Array }): readonly Layer[] | Untranslatable {
  if (mediaType !== dockerManifest && mediaType !== ociManifest)
    return { reason: "it is not the manifest of an image" };
  const manifest = readObject(bytes)?.members;
  if (manifest === undefined) return { reason: "the manifest is not a JSON object" };
  const configType = textOf(membersOf(manifest.get("config"))?.get("mediaType"));
  if (configType === undefined || !configTypes.has(configType)) return { reason: "it is an artifact and not an image" };
  const raw = manifest.get("layers") ?? "null";
  const layers: Layer[] = [];
  for (const each of raw === "null" ? [] : (itemsOf(raw) ?? [raw])) {
    const layer = layerOf(membersOf(each));
    if ("reason" in layer) return layer;
    layers.push(layer);
  }
  return layers;
}

function layerOf(descriptor: Members | undefined): Layer | Untranslatable {
  const layerDigest = textOf(descriptor?.get("digest"));
  const size = Number(descriptor?.get("size"));
  const mediaType = textOf(descriptor?.get("mediaType")) ?? "";
  if (layerDigest === undefined || !isDigest(layerDigest) || !Number.isSafeInteger(size) || size < 0) {
    return { reason: "the manifest has a layer that is not a descriptor" };
  }
  if (/\+encrypted\b/i.test(mediaType)) return { reason: "a layer of the image is encrypted" };
  // Signatures and attestations may have the config of an image; what they carry is no archive.
  const archive = /[./](?:x-)?tar(?:[.+]([a-z0-9]+))?$/i.exec(mediaType);
  if (archive === null) return { reason: "it carries something that is not a layer" };
  return { layerDigest, size, compression: compressions.get(archive[1]?.toLowerCase() ?? "") ?? null };
}

const compressions: ReadonlyMap<string, Compression> = new Map([
  ["", "none"],
  ["gzip", "gzip"],
  ["zstd", "zstd"],
  ["bzip2", "bzip2"],
  ["xz", "xz"],
]);

function diffIdsOf(config: Members): readonly Digest[] | undefined {
  const raw = membersOf(config.get("rootfs"))?.get("diff_ids") ?? "null";
  const texts = raw === "null" ? [] : textsOf(raw);
  return texts?.every(isDigest) ? texts : undefined;
}

function platformOf(config: Members): Members | undefined {
  const architecture = textOf(config.get("architecture")) || "amd64";
  const os = textOf(config.get("os")) || "linux";
  if (architecture.length > maxPlatformLength || os.length > maxPlatformLength) return undefined;
  return new Map([
    ["architecture", encodeString(architecture)],
    ["os", encodeString(os)],
  ]);
}

/** The entries that describe layers, and the last of all. Nothing when they do not fit the layers: nobody knows which is whose. */
function historyOf(config: Members, count: number): { layers: readonly Members[]; last: Members | undefined } {
  const entries = (itemsOf(config.get("history")) ?? []).map((raw): Members => membersOf(raw) ?? new Map());
  const layers = entries.filter((entry) => !isEmptyStep(entry));
  return layers.length === count ? { layers, last: entries.at(-1) } : { layers: [], last: undefined };
}

function isEmptyStep(entry: Members): boolean {
  return entry.get("empty_layer") === "true";
}

function stepOf(entry: Members | undefined): Members {
  return written({
    created: timeOf(entry) ?? epoch,
    author: textOf(entry?.get("author")),
    comment: textOf(entry?.get("comment")),
    containerConfig: commandOf(entry),
  });
}

function configImageOf(config: Members, last: Members | undefined): Members {
  const step = last !== undefined && isEmptyStep(last) ? commandOf(last) : undefined;
  const body = new Map(
    written({
      created: timeOf(config) ?? timeOf(last) ?? epoch,
      author: textOf(config.get("author")) || textOf(last?.get("author")),
      comment: textOf(last?.get("comment")),
      containerConfig:
        guardConfig(config.get("container_config")) ?? step ?? '{"Cmd":["/bin/sh","-c","#(nop) image configuration"]}',
    }),
  );
  const settings = guardConfig(config.get("config"));
  if (settings !== undefined) body.set("config", settings);
  for (const key of ["container", "docker_version"]) {
    const text = textOf(config.get(key));
    if (text) body.set(key, encodeString(text));
  }
  return body;
}

function written(fields: {
  created: string;
  author: string | undefined;
  comment: string | undefined;
  containerConfig: string | undefined;
}): Members {
  const { created, author, comment, containerConfig } = fields;
  const members = new Map([["created", encodeString(created)]]);
  if (author) members.set("author", encodeString(author));
  if (comment) members.set("comment", encodeString(comment));
  if (containerConfig !== undefined) members.set("container_config", containerConfig);
  return members;
}

function timeOf(members: Members | undefined): string | undefined {
  return encodeTime(textOf(members?.get("created")) ?? "");
}

/** The settings of the container that made a step; undefined when the entry does not say how. */
function commandOf(entry: Members | undefined): string | undefined {
  const step = textOf(entry?.get("created_by"));
  return step ? `{"Cmd":[${encodeString(step)}]}` : undefined;
}

/** Settings without the members whose type an old client cannot read; undefined when they are not an object. */
function guardConfig(raw: string | undefined): string | undefined {
  const list = raw === undefined ? undefined : listMembers(raw);
  if (raw === undefined || list === undefined) return undefined;
  const kept = list.filter((member) => isReadable(member.name, member.raw));
  if (kept.length === list.length) return compact(raw);
  return compact(`{${kept.map((member) => `${member.rawName}:${member.raw}`).join(",")}}`);
}

type Check = (raw: string) => boolean;

const isText: Check = (raw) => raw.startsWith('"');
const isBoolean: Check = (raw) => raw === "true" || raw === "false";
const isNumber: Check = (raw) => /^-?\d+$/.test(raw);
const isObject: Check = (raw) => raw.startsWith("{");
const areTexts: Check = (raw) => textsOf(raw) !== undefined;
const isSet: Check = (raw) =>
  [...(membersOf(raw)?.values() ?? [""])].every((each) => each === "null" || isObject(each));
const isTextMap: Check = (raw) =>
  [...(membersOf(raw)?.values() ?? [""])].every((each) => each === "null" || isText(each));

/** The types of the engines from 1.0 to 17.11, which is all that speak v1. */
const checks: ReadonlyMap<string, Check> = new Map(
  [
    { check: areTexts, names: ["Cmd", "Env", "OnBuild", "Entrypoint", "PortSpecs", "Shell"] },
    { check: isSet, names: ["ExposedPorts", "Volumes"] },
    { check: isTextMap, names: ["Labels"] },
    { check: isObject, names: ["Healthcheck"] },
    {
      check: isText,
      names: ["Hostname", "Domainname", "User", "Image", "WorkingDir", "MacAddress", "Cpuset", "StopSignal"],
    },
    { check: isText, names: ["PublishService"] },
    { check: isBoolean, names: ["AttachStdin", "AttachStdout", "AttachStderr", "Tty", "OpenStdin", "StdinOnce"] },
    { check: isBoolean, names: ["NetworkDisabled", "ArgsEscaped"] },
    { check: isNumber, names: ["Memory", "MemorySwap", "CpuShares", "StopTimeout"] },
  ].flatMap(({ check, names }) => names.map((name) => [fold(name), check] as const)),
);

/** Null is what none of them minds. */
function isReadable(name: string, raw: string): boolean {
  return raw === "null" || (checks.get(fold(name))?.(raw) ?? true);
}

/** They match names whatever the case, with the letters that Unicode folds to k and s. */
function fold(name: string): string {
  return name.toUpperCase().toLowerCase();
}
