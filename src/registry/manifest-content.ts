// What a manifest says: its media type, what it names, and what kind of artifact it is. Bytes are never changed.
// https://github.com/opencontainers/image-spec/blob/v1.1.1/manifest.md, image-index.md
import { type Digest, parseDigest } from "#lib/digest";
import { Fault } from "#lib/fault";
import { isObject, type JsonObject, parseObject, stringOf } from "#lib/json";
import {
  dockerList,
  dockerManifest,
  isForeignLayer,
  isJsonType,
  isSchema1,
  ociIndex,
  ociManifest,
  parseMediaType,
} from "#lib/media-type";

export const maxManifestBytes = 4 * 1024 * 1024;

/** How many digests one manifest may name: images have less than two hundred, and each is a row that the writer writes. */
const maxEdges = 10_000;

export type EdgeKind = "config" | "layer" | "child" | "subject";

/** A manifest names a digest. `isElsewhere`: a foreign layer, whose bytes no registry holds. */
export interface Edge {
  readonly kind: EdgeKind;
  readonly digest: Digest;
  readonly isElsewhere: boolean;
}

export interface ManifestContent {
  readonly mediaType: string;
  readonly artifactType: string | null;
  readonly subject: Digest | null;
  /** JSON of its annotations, or null. */
  readonly annotations: string | null;
  readonly edges: readonly Edge[];
}

/** What `bytes` say, sent as `contentType`. Faults: invalid manifest, unsupported manifest, unsupported media-type. */
export function readManifest(bytes: Uint8Array, contentType: string | undefined): ManifestContent {
  const sent = contentType === undefined ? undefined : requireJsonType(contentType);
  const manifest = parseObject(bytes);
  if (manifest["schemaVersion"] === 1 || (sent !== undefined && isSchema1(sent))) throw schema1();
  const mediaType = mediaTypeOf(manifest, sent);
  requireShape(manifest, mediaType);
  const subject = manifest["subject"] == null ? null : digestOfDescriptor(manifest["subject"], "subject");
  const edges: Edge[] = [];
  if (manifest["config"] != null) edges.push(edgeOf("config", manifest["config"]));
  for (const key of ["layers", "blobs"] as const)
    for (const each of listOf(manifest, key)) edges.push(edgeOf("layer", each));
  for (const each of listOf(manifest, "manifests")) edges.push(edgeOf("child", each));
  if (subject !== null) edges.push({ kind: "subject", digest: subject, isElsewhere: true });
  if (edges.length > maxEdges) throw invalid(`a manifest names at most ${maxEdges} others`, { found: edges.length });
  return {
    mediaType,
    artifactType: artifactTypeOf(manifest),
    subject,
    annotations: annotationsOf(manifest),
    edges: unique(edges),
  };
}

function invalid(message: string, detail = {}): Fault {
  return new Fault("invalid", "manifest", message, detail);
}

function schema1(): Fault {
  return new Fault(
    "unsupported",
    "manifest",
    "Docker image manifest schema 1 is not accepted: push the image with Docker 1.10 or later, or convert it with skopeo copy --format v2s2",
  );
}

function requireJsonType(contentType: string): string {
  const type = parseMediaType(contentType);
  if (type === undefined) throw invalid("the Content-Type is not a media type");
  if (!isJsonType(type) && !isSchema1(type)) {
    throw new Fault("unsupported", "media-type", "a manifest is JSON: its media type ends in json", {
      mediaType: type,
    });
  }
  return type;
}

function mediaTypeOf(manifest: JsonObject, sent: string | undefined): string {
  const own = manifest["mediaType"];
  if (own !== undefined && typeof own !== "string") throw invalid("mediaType is not a string");
  const said = sent === "application/json" ? undefined : sent;
  if (own !== undefined && own !== "" && said !== undefined && own !== said) {
    throw invalid("the manifest's mediaType is not its Content-Type", { mediaType: own, contentType: said });
  }
  const type = said ?? (own === "" ? undefined : own);
  if (type !== undefined) return requireJsonType(type);
  if ("manifests" in manifest) return ociIndex;
  if ("config" in manifest || "layers" in manifest) return ociManifest;
  throw invalid("the manifest has neither a media type, nor a config, layers or manifests");
}

/** https://github.com/opencontainers/image-spec/security/advisories/GHSA-77vh-xpmg-72qh: one document, one meaning. */
function requireShape(manifest: JsonObject, mediaType: string): void {
  const isImage = mediaType === ociManifest || mediaType === dockerManifest;
  const isIndex = mediaType === ociIndex || mediaType === dockerList;
  if ((isImage || isIndex) && manifest["schemaVersion"] !== 2) throw invalid("schemaVersion is not 2");
  if (isImage && manifest["config"] == null) throw invalid("an image manifest has a config");
  if (isImage && "manifests" in manifest) throw invalid("an image manifest has no manifests");
  if (isIndex && ("config" in manifest || "layers" in manifest)) throw invalid("an index has no config and no layers");
  if (isIndex && !Array.isArray(manifest["manifests"])) throw invalid("an index has a list of manifests");
}

function listOf(manifest: JsonObject, key: string): readonly unknown[] {
  const list = manifest[key];
  if (list == null) return [];
  if (!Array.isArray(list)) throw invalid(`${key} is not a list`);
  return list;
}

function digestOfDescriptor(value: unknown, kind: EdgeKind): Digest {
  if (!isObject(value)) throw invalid(`a ${kind} is not a descriptor`);
  const { digest, size } = value;
  if (typeof digest !== "string") throw invalid(`the descriptor of a ${kind} has no digest`);
  if (size !== undefined && !(typeof size === "number" && Number.isSafeInteger(size) && size >= 0)) {
    throw invalid(`the descriptor of a ${kind} has a size that is none`, { digest });
  }
  try {
    return parseDigest(digest);
  } catch {
    throw invalid(`the descriptor of a ${kind} has a digest that is none`, { digest: digest.slice(0, 256) });
  }
}

function edgeOf(kind: EdgeKind, value: unknown): Edge {
  const digest = digestOfDescriptor(value, kind);
  const mediaType = isObject(value) ? (stringOf(value["mediaType"]) ?? "") : "";
  return { kind, digest, isElsewhere: kind === "layer" && isForeignLayer(mediaType) };
}

function artifactTypeOf(manifest: JsonObject): string | null {
  const config = manifest["config"];
  const fallback = isObject(config) ? (stringOf(config["mediaType"]) ?? null) : null;
  const type = stringOf(manifest["artifactType"]) || fallback;
  // Not every database can hold it, and no media type does.
  if (type?.includes("\0")) throw invalid("the artifact type is no media type");
  return type;
}

function annotationsOf(manifest: JsonObject): string | null {
  const annotations = manifest["annotations"];
  if (annotations == null) return null;
  if (!isObject(annotations) || Object.values(annotations).some((value) => typeof value !== "string")) {
    throw invalid("annotations are not a map of strings");
  }
  return JSON.stringify(annotations);
}

function unique(edges: readonly Edge[]): Edge[] {
  return [...new Map(edges.map((edge) => [`${edge.kind} ${edge.digest}`, edge])).values()];
}
