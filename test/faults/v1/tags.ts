// What both protocols must say of a tag, by what was done to it. A state is `IMAGE TARGET`: the image that v1 shows, and what
// /v2/ has: the digest of a manifest that was pushed there, or `built:IMAGE` for the one that was built from a chain. `-` is
// nothing, and null is a tag that is nowhere.
import type { Ledger, State } from "../ledger.ts";
import { chainOf, isTranslatable, type KnownImage } from "./images.ts";

/** What v1 shows of an image that was pushed over /v2/ and can be run: an id that was derived from it. */
export const derived = "derived";
export const nothing = "-";

export const imageKey = ({ home, id }: Pick<KnownImage, "home" | "id">) => `v1-image ${home ?? nothing} ${id}`;
export const v1TagKey = (repository: string, tag: string) => `v1-tag ${repository} ${tag}`;
export const builtFrom = (id: string) => `built:${id}`;

export function stateOf(image: string, target: string): State {
  return image === nothing && target === nothing ? null : `${image} ${target}`;
}

export function partsOf(state: State): readonly [image: string, target: string] {
  const [image = nothing, target = nothing] = state === null ? [] : state.split(" ");
  return [image, target];
}

/** The one state that a key can have; undefined when there are several. A key that nobody wrote has none: null. */
export function knownState({ permitted, isWritten }: Ledger, key: string): State | undefined {
  if (!isWritten(key)) return null;
  const states = [...permitted(key)];
  return states.length === 1 ? states[0] : undefined;
}

export function isComplete(ledger: Ledger, image: KnownImage): boolean {
  return knownState(ledger, imageKey(image)) === "complete";
}

export function isWhole(ledger: Ledger, top: KnownImage): boolean {
  return chainOf(top).every((image) => isComplete(ledger, image));
}

export function mayBeWhole(ledger: Ledger, top: KnownImage): boolean {
  return chainOf(top).every((image) => ledger.permitted(imageKey(image)).has("complete"));
}

/** The state of a tag whose chain is whole: it is built, or v1 alone has it. */
export function settled(top: KnownImage): State {
  return stateOf(top.id, isTranslatable(top) ? builtFrom(top.id) : nothing);
}

/**
 * The state of a tag that has been put: what is not whole, or not yet meant, shows in v1 and changes nothing in /v2/.
 * Undefined when it depends on what is not known.
 */
export function put(ledger: Ledger, key: string, top: KnownImage, isPassing: boolean): State | undefined {
  if (chainOf(top).some((image) => knownState(ledger, imageKey(image)) === undefined)) return undefined;
  if (isWhole(ledger, top) && !isPassing) return settled(top);
  const before = knownState(ledger, key);
  return before === undefined ? undefined : stateOf(top.id, partsOf(before)[1]);
}

/** Whether a tag waits: v1 shows an image, and /v2/ has another or none. */
export function isWaiting(state: State, images: ReadonlyMap<string, KnownImage>): KnownImage | undefined {
  const [id, target] = partsOf(state);
  const top = images.get(id);
  return top === undefined || target === builtFrom(id) ? undefined : top;
}
