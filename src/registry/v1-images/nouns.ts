// The nouns of the v1 protocol as the registry keeps them: one image a layer, whose id its pusher chose. DESIGN.md beside
// this file says how they meet the content-addressed world.
import type { Actor } from "#access";
import type { RepositoryName, Tag } from "#lib/reference";
import type { ByteSource, Incoming } from "#lib/stream";

/** Who asks about an image, and for which repository when the request says so (a token, a session). */
export interface Asking {
  readonly actor: Actor;
  readonly repository: RepositoryName | undefined;
}

/** The machine of a client, in Go's words: an index has an image for each. */
export interface Platform {
  readonly os: string;
  readonly arch: string;
}

export interface V1Image {
  /** Byte for byte as pushed. */
  readonly json: Uint8Array;
  /** What was computed over JSON and layer: `sha256:…`, then `tarsum+sha256:…` when it was asked for. May be empty. */
  readonly checksums: readonly string[];
  /** How many bytes a GET of the layer gives; undefined when there is no layer. */
  readonly layerSize: number | undefined;
  /** Another repository has other bytes under this id: shared caches must not keep it. */
  readonly isAmbiguous: boolean;
}

export interface V1Layer {
  readonly source: ByteSource;
  readonly isAmbiguous: boolean;
}

/** The checksums that a client sent for an image, as they came. */
export interface SentChecksums {
  readonly payload: string | undefined;
  readonly tarsum: string | undefined;
}

export interface V1Tag {
  readonly name: string;
  readonly imageId: string;
}

/** What was known of the client that set a tag: JSON object keys as the protocol names them. */
export type TagInfo = Readonly<Record<string, string | number | null>>;

export interface V1Images {
  /**
   * Stores the JSON of an image that is being pushed. `checksum`: the one that clients of 2013 send ahead.
   * Faults: denied; invalid image (each with the protocol's words), invalid checksum, conflict image, too-large image.
   */
  putJson(asking: Asking, imageId: string, json: Uint8Array, checksum: string | undefined): Promise<void>;
  /** Stores the layer. Faults: denied, unknown image, conflict image, invalid checksum, full, busy store. */
  putLayer(asking: Asking, imageId: string, body: Incoming): Promise<void>;
  /** Completes an image. Faults: denied, unknown image, conflict checksum, invalid checksum. */
  putChecksum(asking: Asking, imageId: string, sent: SentChecksums): Promise<void>;
  /** A complete image. Faults: denied, unknown image, conflict arriving-image. */
  get(asking: Asking, imageId: string): Promise<V1Image>;
  /** Its layer; the caller closes it. Faults: those of get. */
  openLayer(asking: Asking, imageId: string): Promise<V1Layer>;
  /** Its id and those of its ancestors, newest first. Faults: those of get. */
  ancestry(
    asking: Asking,
    imageId: string,
  ): Promise<{ readonly ids: readonly string[]; readonly isAmbiguous: boolean }>;
  /** JSON text of the members of its layer. Faults: those of get, unsupported image (no archive). */
  files(asking: Asking, imageId: string): Promise<{ readonly text: string; readonly isAmbiguous: boolean }>;
}

export interface V1Tags {
  /** Tags in byte order. `isByPlatform`: another client may get others. Faults: denied, unknown repository. */
  list(
    actor: Actor,
    name: RepositoryName,
    platform: Platform,
  ): Promise<{ readonly tags: readonly V1Tag[]; readonly isByPlatform: boolean }>;
  /** Faults: denied, unknown tag. */
  get(
    actor: Actor,
    name: RepositoryName,
    tag: string,
    platform: Platform,
  ): Promise<{ readonly imageId: string; readonly isByPlatform: boolean }>;
  /** Faults: denied, unknown image. */
  put(
    actor: Actor,
    name: RepositoryName,
    tag: Tag,
    target: { readonly imageId: string; readonly info: TagInfo },
  ): Promise<void>;
  /** Faults: denied, unknown tag. */
  delete(actor: Actor, name: RepositoryName, tag: string): Promise<void>;
  /** What was kept of the client that set the tag; undefined when nothing was. Never a Fault of the name. Fault: denied. */
  info(actor: Actor, name: RepositoryName, tag: string): Promise<TagInfo | undefined>;
}

/** What was found, best first, and how many there are in all. `name` is always `namespace/name`. */
export interface Found {
  readonly total: number;
  readonly results: readonly { readonly name: string; readonly description: string }[];
}

export interface V1Repositories {
  /** Takes the list that a push begins with. `list` is its JSON. Faults: denied, invalid image-list. */
  announce(actor: Actor, name: RepositoryName, list: Uint8Array): Promise<void>;
  /** Takes the list that a push ends with. Faults: those of announce. */
  finish(actor: Actor, name: RepositoryName, list: Uint8Array): Promise<void>;
  /** JSON of the images of a repository. Faults: denied, unknown repository. */
  images(actor: Actor, name: RepositoryName): Promise<Uint8Array>;
  /** Marks a repository, its tags and manifests as deleted; its v1 images stay. Faults: denied, unknown repository. */
  delete(actor: Actor, name: RepositoryName): Promise<void>;
  /** `public` when nothing was said. Fault: denied. */
  access(actor: Actor, name: RepositoryName): Promise<"public" | "private">;
  setAccess(actor: Actor, name: RepositoryName, access: "public" | "private"): Promise<void>;
  /** Repositories that `actor` may see whose name holds `term`, whatever its case. */
  search(actor: Actor, term: string, page: { readonly limit: number; readonly offset: number }): Promise<Found>;
}
