// What the clients of the kill driver know of what they pushed over v1.
import type { KnownImage } from "./images.ts";

export interface V1World {
  /** By id. */
  readonly images: Map<string, KnownImage>;
  /** Images of today that v1 shows under ids that are derived from them: by their digest, those of their unpacked layers. */
  readonly runnable: Map<string, readonly string[]>;
  /** The repositories whose tags v1 clients set. */
  readonly repositories: Set<string>;
  /** The tops of chains that several clients push at the same time, by their seed. */
  readonly shared: Map<number, readonly KnownImage[]>;
}

export function openV1World(): V1World {
  return { images: new Map(), runnable: new Map(), repositories: new Set(), shared: new Map() };
}
