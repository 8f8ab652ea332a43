// What a bad request is, to those who list them.
import type { Part } from "../wire.ts";
import type { World } from "../world.ts";

export interface Hostile {
  readonly what: string;
  /** In parts, where it matters that they are written apart. */
  readonly bytes: Part | readonly Part[];
  /** What must be answered; without it any 4xx will do. */
  readonly status?: number;
  readonly code?: string;
}

/** A list of bad requests against a world. */
export type Hostiles = (world: World) => readonly Hostile[];
