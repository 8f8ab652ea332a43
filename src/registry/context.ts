// What the nouns of the registry share: the cellar, the decision, the clock, and its settings.
import type { Access, Actor } from "#access";
import type { Store } from "#blobs";
import type { Db } from "#db";
import type { Clock } from "#lib/clock";
import type { Stamp } from "./events.sql.ts";

export interface RegistrySettings {
  /** Whether a manifest may name what is not in its repository: never, only indexes their children, or anything. */
  readonly manifestsMissing: "refuse" | "indexes" | "any";
  /** How long an upload may be idle before it ends, in milliseconds. */
  readonly uploadIdleMilliseconds: number;
  /** How long unreferenced content stays, in milliseconds. */
  readonly graceMilliseconds: number;
}

export const defaultSettings: RegistrySettings = {
  manifestsMissing: "refuse",
  uploadIdleMilliseconds: 24 * 3_600_000,
  graceMilliseconds: 24 * 3_600_000,
};

export interface Context {
  readonly db: Db;
  readonly store: Store;
  readonly access: Access;
  readonly clock: Clock;
  readonly settings: RegistrySettings;
}

/** What is written down of work that nobody asked for, now. */
export function jobStampOf({ clock }: Context): Stamp {
  return { at: clock.now(), actor: null, protocol: "job", address: "", requestId: "" };
}

/** What is written down of `actor`, now. */
export function stampOf(context: Context, actor: Actor): Stamp {
  const { id, protocol, address, requestId } = actor;
  return { at: context.clock.now(), actor: id, protocol, address, requestId };
}
