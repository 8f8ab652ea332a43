// A push over v1, request by request, with all that it makes true at the moment when it is acknowledged.
import type { State } from "../ledger.ts";
import { inParts } from "../pushing.ts";
import type { Random } from "../random.ts";
import type { Body } from "../registry-client.ts";
import { type Change, change, type Session, send } from "../world.ts";
import { checksumOf, openV1Client } from "./client.ts";
import { chainOf, inventJson, type KnownImage, layerBytesOf } from "./images.ts";
import { imageKey, isComplete, isWaiting, isWhole, knownState, mayBeWhole, put, settled, v1TagKey } from "./tags.ts";

/**
 * How a push says where it belongs: by tokens; by an announcement; not at all until the tag; or announced, with the tag set on
 * every ancestor in turn, as clients of 2013 do. `shared`: by tokens, while others push the same images.
 */
export type Way = "token" | "announced" | "nameless" | "ancestors" | "shared";

export interface Push {
  readonly way: Way;
  readonly repository: string;
  /** The new ones, base first. */
  readonly images: readonly KnownImage[];
  readonly tag: string;
}

/** What a client made in earlier rounds and alone changes. */
export interface Belongings {
  readonly pushes: Push[];
  /** Its tags, by their keys in the ledger. */
  readonly tags: Map<string, { readonly repository: string; readonly tag: string }>;
  /** How many names its tags have had so far. */
  names: number;
}

export function openBelongings(): Belongings {
  return { pushes: [], tags: new Map(), names: 1 };
}

/** Pushes what is missing of a chain, or stops somewhere. */
export async function pushImages(session: Session, own: Belongings, push: Push): Promise<void> {
  const { random, world } = session;
  const { way, images, repository } = push;
  if (images.some((image) => isEntangled(session, own, image))) return;
  const isListed = way === "announced" || way === "ancestors";
  if (isListed) await announce(session, push);
  const missing: KnownImage[] = [];
  for (const image of images) {
    const isKnownToLack = knownState(world.ledger, imageKey(image)) === null;
    if (way !== "shared" && isKnownToLack && image.isUploaded && random.chance(0.5)) {
      missing.push(image);
    } else if (await putJson(session, own, push, image)) missing.push(image);
    if (random.chance(0.04)) return;
  }
  const top = images.at(-1);
  if (top === undefined) return;
  const isTaggedFirst = way !== "shared" && random.chance(0.3);
  if (isTaggedFirst) await putTag(session, own, push, top);
  const isInOrder = way === "ancestors" || random.chance(0.5);
  for (const image of isInOrder ? missing : missing.toSorted(() => random.below(3) - 1)) {
    if (random.chance(0.08)) return;
    if (!isComplete(world.ledger, image) && !(await complete(session, own, push, image))) return;
    if (way === "ancestors" && image !== top) await putTag(session, own, push, image);
  }
  if (way === "shared") return;
  if (!random.chance(isTaggedFirst ? 0.3 : 0.9)) return;
  await putTag(session, own, push, top);
  if (isListed) await finish(session, own, repository);
}

/** A tag of an image of this chain has several states: what becomes of it could not be told. */
function isEntangled({ world: { ledger, v1 } }: Session, own: Belongings, image: KnownImage): boolean {
  const isOver = (id: string | undefined) => chainOf(v1.images.get(id ?? "") ?? image).includes(image);
  return [...own.tags.keys()].some(
    (key) =>
      knownState(ledger, key) === undefined &&
      [...ledger.permitted(key)].some((state) => state !== null && isOver(state.split(" ")[0])),
  );
}

function tokenOf({ way, repository }: Push): string | undefined {
  return way === "token" || way === "shared" ? repository : undefined;
}

async function announce(session: Session, { way, images, repository, tag }: Push): Promise<void> {
  const top = images.at(-1);
  const list = images.map((image) => ({ id: image.id, ...(way === "ancestors" && image === top ? { Tag: tag } : {}) }));
  const client = openV1Client(session.client);
  await send(session, "PUT of an image list", () => client.announce(repository, list), [200]);
}

/** The push has ended: tags that it passed over are what they say, and so may be those of which it is not known. */
async function finish(session: Session, own: Belongings, repository: string): Promise<void> {
  const { world, client } = session;
  const writes: Record<string, State> = {};
  for (const [key, place] of own.tags) {
    if (place.repository !== repository) continue;
    const top = waitingTop(session, key);
    if (top !== undefined && isWhole(world.ledger, top)) writes[key] = settled(top);
    if (knownState(world.ledger, key) === undefined) beginOpenEnds(session, key);
  }
  const request = () => openV1Client(client).finish(repository);
  await change(session, { what: "PUT of the last list", writes, request, done: 204 });
}

/** Whatever a tag may wait for may be built. Nobody will know before the next look: it is never acknowledged. */
function beginOpenEnds({ world: { ledger, v1 } }: Session, key: string): void {
  for (const state of ledger.permitted(key)) {
    const top = isWaiting(state, v1.images);
    if (top !== undefined && mayBeWhole(ledger, top)) ledger.begin(key, settled(top));
  }
}

function waitingTop({ world: { ledger, v1 } }: Session, key: string): KnownImage | undefined {
  const state = knownState(ledger, key);
  return state === undefined ? undefined : isWaiting(state, v1.images);
}

/** True when its layer is wanted next; false when the image is there already. */
async function putJson(session: Session, own: Belongings, push: Push, image: KnownImage): Promise<boolean> {
  const { random, world } = session;
  const client = openV1Client(session.client);
  const before = knownState(world.ledger, imageKey(image));
  // What may have been completed has the JSON that it was completed with.
  if (push.way !== "shared" && before === null && random.chance(0.2)) image.json = inventJson(random, image);
  if (before !== "complete") image.isUploaded = false;
  const isAhead = push.way !== "shared" && before !== "complete" && random.chance(0.1);
  const ahead = isAhead ? checksumOf(image, layerBytesOf(image.layer), "payload") : undefined;
  const request = () => client.putJson(image, tokenOf(push), ahead);
  const { status } = await send(session, "PUT of an image's JSON", request, [200, 409]);
  if (push.way !== "shared") {
    const isThere = status === 409;
    if (before === (isThere ? null : "complete")) world.wrongs.push(`JSON of ${imageKey(image)}, ${before}: ${status}`);
  }
  if (status !== 200) {
    // Whoever completed it, and whether they were told: it is complete.
    world.ledger.begin(imageKey(image), "complete").acknowledge();
    return false;
  }
  image.isAnnounced = true;
  if (ahead === undefined) return true;
  await putLayer(session, push, image, completion(session, own, image));
  return false;
}

/** Layer and checksum; true when the image is there. */
async function complete(session: Session, own: Belongings, push: Push, image: KnownImage): Promise<boolean> {
  const { random, world, client } = session;
  if (push.way === "shared") {
    if (!(await putLayer(session, push, image, {}))) return isComplete(world.ledger, image);
  } else if (!image.isUploaded || random.chance(0.2)) {
    if (random.chance(0.1)) await putOtherLayer(session, push, image);
    await putLayer(session, push, image, {});
  }
  const layer = layerBytesOf(image.layer);
  const isArchive = image.layer.form === "gzip" || image.layer.form === "tar";
  if (push.way !== "shared" && random.chance(0.05)) {
    const wrong = () =>
      openV1Client(client).putChecksum(image, tokenOf(push), checksumOf(image, layer.slice(1), "payload"));
    await send(session, "PUT of a wrong checksum", wrong, [400]);
  }
  const checksum = checksumOf(image, layer, isArchive && random.chance(0.3) ? "tarsum" : "payload");
  return change(session, {
    what: `PUT of a checksum of ${image.layer.form}`,
    writes: completion(session, own, image),
    request: () => openV1Client(client).putChecksum(image, tokenOf(push), checksum),
    done: 200,
    refused: push.way === "shared" ? [400, 409] : [],
  });
}

/** The image is complete, and so are the tags that waited for it. */
function completion(session: Session, own: Belongings, image: KnownImage): Record<string, State> {
  const { ledger } = session.world;
  const writes: Record<string, State> = { [imageKey(image)]: "complete" };
  for (const key of own.tags.keys()) {
    const top = waitingTop(session, key);
    if (top === undefined) continue;
    const chain = chainOf(top);
    const isLast = chain.includes(image) && chain.every((each) => each === image || isComplete(ledger, each));
    if (isLast) writes[key] = settled(top);
  }
  return writes;
}

function bodyOf(random: Random, bytes: Uint8Array<ArrayBuffer>): Body {
  return random.chance(0.6) ? inParts(bytes, random.between(1_000, 100_000)) : bytes;
}

async function putLayer(session: Session, push: Push, image: KnownImage, writes: Change["writes"]): Promise<boolean> {
  const { random, client } = session;
  const body = bodyOf(random, layerBytesOf(image.layer));
  const isDone = await change(session, {
    what: `PUT of a layer of ${image.layer.size} bytes of ${image.layer.form}`,
    writes,
    request: () => openV1Client(client).putLayer(image, tokenOf(push), body),
    done: 200,
    refused: push.way === "shared" ? [400, 409] : [],
  });
  if (isDone) image.isUploaded = true;
  return isDone;
}

/** An earlier attempt, of another layer. */
async function putOtherLayer(session: Session, push: Push, image: KnownImage): Promise<void> {
  const { random, client } = session;
  const other = layerBytesOf({ form: "tar", seed: random.below(2 ** 31), content: random.between(10, 40_000) });
  image.isUploaded = false;
  const request = () => openV1Client(client).putLayer(image, tokenOf(push), bodyOf(random, other));
  await send(session, "PUT of another layer", request, [200]);
}

/** Sets the tag of a push on one of its images. */
export async function putTag(session: Session, own: Belongings, push: Push, image: KnownImage): Promise<void> {
  const { world, client } = session;
  const { repository, tag, way, images } = push;
  const key = v1TagKey(repository, tag);
  const isPassing = way === "ancestors" && image !== images.at(-1);
  const state = put(world.ledger, key, image, isPassing);
  if (state === undefined) return;
  own.tags.set(key, { repository, tag });
  const request = () => openV1Client(client).putTag(repository, tag, image.id);
  await change(session, { what: "PUT of a v1 tag", writes: { [key]: state }, request, done: 200 });
}
