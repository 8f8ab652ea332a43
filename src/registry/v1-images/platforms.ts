// Which image of an index a v1 client gets: old clients know no indexes, and say what machine they are in the User-Agent.
// https://github.com/opencontainers/image-spec/blob/v1.1.1/image-index.md
import { type Digest, isDigest } from "#lib/digest";
import { isObject, type JsonObject, stringOf } from "#lib/json";
import { dockerManifest, ociManifest } from "#lib/media-type";
import { configTypes } from "./derive.ts";
import type { Platform } from "./nouns.ts";

/** An image that an index has for a platform. */
export interface RankedImage extends Platform {
  /** 0 is the best for this platform; each number comes once. */
  readonly rank: number;
  readonly digest: Digest;
}

interface Candidate extends Platform {
  readonly digest: Digest;
  /** Lower is better. */
  readonly preference: number;
}

/** What a client can say that it is. */
const word = /^[a-z0-9]{1,32}$/;

const imageTypes = new Set([dockerManifest, ociManifest]);

/**
 * The images of an index for each platform that it names, best first. Left out are entries without a platform or for an
 * unknown one, those that say that they are no image, and variants that no v1 client runs.
 */
export function rankPlatforms(index: JsonObject): readonly RankedImage[] {
  const entries: readonly unknown[] = Array.isArray(index["manifests"]) ? index["manifests"] : [];
  const platforms = Map.groupBy(entries.flatMap(candidateOf), ({ os, arch }) => `${os}/${arch}`);
  return [...platforms.values()].flatMap((candidates) => {
    const sorted = candidates.toSorted((a, b) => a.preference - b.preference);
    const digests = new Map(sorted.toReversed().map((each) => [each.digest, each]));
    return sorted
      .filter((each) => digests.get(each.digest) === each)
      .map(({ os, arch, digest }, rank) => ({ os, arch, rank, digest }));
  });
}

function candidateOf(entry: unknown): Candidate[] {
  if (!isObject(entry) || !isObject(entry["platform"])) return [];
  const { mediaType, artifactType, digest, platform } = entry;
  if (mediaType !== undefined && !(typeof mediaType === "string" && imageTypes.has(mediaType))) return [];
  if (artifactType && !(typeof artifactType === "string" && configTypes.has(artifactType))) return [];
  if (typeof digest !== "string" || !isDigest(digest)) return [];
  const [os, arch] = [stringOf(platform["os"]) ?? "", stringOf(platform["architecture"]) ?? ""];
  if (!word.test(os) || !word.test(arch) || os === "unknown" || arch === "unknown") return [];
  const preference = preferenceOf(arch, stringOf(platform["variant"]) ?? "");
  return preference === undefined ? [] : [{ os, arch, digest, preference }];
}

const exactVariants: ReadonlyMap<string, readonly (readonly string[])[]> = new Map([
  // Every engine for arm runs the earlier ones; not every machine runs v7.
  ["arm", [["v6"], ["v5"], [""], ["v7"]]],
  ["arm64", [["v8", ""]]],
]);

/** How early a variant comes for an architecture; undefined when it does not come at all. */
function preferenceOf(arch: string, variant: string): number | undefined {
  const order = exactVariants.get(arch);
  if (order !== undefined) {
    const place = order.findIndex((variants) => variants.includes(variant));
    return place < 0 ? undefined : place;
  }
  if (variant === "" || (arch === "amd64" && variant === "v1")) return 0;
  const level = /(\d{1,4})$/.exec(variant);
  return level === null ? 10_000 : 1 + Number(level[1]);
}

/** The machine of a client, from the words `os/…` and `arch/…` of its User-Agent; linux/amd64 where it does not say. */
export function platformOf(userAgent: string | undefined): Platform {
  // What follows is the words of the program that asked the engine.
  const own = (userAgent ?? "").slice(0, 1024).split("UpstreamClient(", 1)[0] ?? "";
  return {
    os: wordOf(/(?:^|\s)os\/([a-z0-9]{1,32})(?!\S)/i, own) ?? "linux",
    arch: wordOf(/(?:^|\s)arch\/([a-z0-9]{1,32})(?!\S)/i, own) ?? "amd64",
  };
}

function wordOf(pattern: RegExp, text: string): string | undefined {
  return pattern.exec(text)?.[1]?.toLowerCase();
}
