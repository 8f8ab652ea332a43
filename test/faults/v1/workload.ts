// What a client of the kill driver does over v1: chains pushed in the ways of every year, in any order, broken off, taken up
// again; and tags that both protocols set.
import { openRandom, type Random } from "../random.ts";
import type { Session } from "../world.ts";
import { chainOf, inventImage, type KnownImage } from "./images.ts";
import { type Belongings, type Push, pushImages, putTag, type Way } from "./pushing.ts";
import {
  deleteTag,
  deleteTagOverOci,
  moveTag,
  moveTagToArtifact,
  moveTagToBuilt,
  moveTagToRunnable,
} from "./tagging.ts";
import { isComplete, isWhole } from "./tags.ts";

const maxPushes = 30;
const maxDepth = 8;
const sharedRepositories = ["old", "aged/app", "deep/er/name"];
const ways: readonly Way[] = ["token", "token", "announced", "nameless", "ancestors"];

export const v1Deeds: readonly {
  readonly weight: number;
  readonly deed: (session: Session, own: Belongings) => Promise<void>;
}[] = [
  { weight: 7, deed: pushChain },
  { weight: 4, deed: takeUpPush },
  { weight: 2, deed: pushShared },
  { weight: 2, deed: moveTag },
  { weight: 1, deed: moveTagToArtifact },
  { weight: 1, deed: moveTagToRunnable },
  { weight: 2, deed: moveTagToBuilt },
  { weight: 1, deed: deleteTag },
  { weight: 1, deed: deleteTagOverOci },
];

function inventPush(random: Random, place: Omit<Push, "images">, base: KnownImage | undefined): Push {
  const { way, repository } = place;
  const images: KnownImage[] = [];
  for (let i = random.between(1, 5), parent = base; i > 0; i--) {
    parent = inventImage(random, way === "nameless" ? undefined : repository, parent);
    images.push(parent);
  }
  return { ...place, images };
}

/** A new chain, often on top of one that is there. */
async function pushChain(session: Session, own: Belongings): Promise<void> {
  const { random, world, name } = session;
  const way = random.pick(ways) ?? "token";
  const repository = way === "ancestors" ? `solo/${name}` : (random.pick(sharedRepositories) ?? "");
  const bases = own.pushes
    .flatMap(({ images }) => images)
    .filter((image) => chainOf(image).length < maxDepth && isWhole(world.ledger, image));
  const base = random.chance(0.4) ? random.pick(bases) : undefined;
  const push = inventPush(random, { way, repository, tag: `v-${name}-${own.names++}` }, base);
  world.v1.repositories.add(repository);
  for (const image of push.images) world.v1.images.set(image.id, image);
  own.pushes.push(push);
  if (own.pushes.length > maxPushes) own.pushes.splice(0, maxPushes / 2);
  await pushImages(session, own, push);
}

/** Goes on with a push that broke off, or sends one again that is done. */
async function takeUpPush(session: Session, own: Belongings): Promise<void> {
  const { random, world } = session;
  const open = own.pushes.filter(({ images }) => !images.every((image) => isComplete(world.ledger, image)));
  const push = random.pick(random.chance(0.8) ? open : own.pushes);
  if (push !== undefined) await pushImages(session, own, push);
}

/** Several clients push the same chain at the same time; whoever finds it whole tags it. */
async function pushShared(session: Session, own: Belongings): Promise<void> {
  const { random, world, name } = session;
  const seed = 1_000_000 + Math.floor(world.acknowledged / 800) * 10 + random.below(2);
  const repository = sharedRepositories[seed % sharedRepositories.length] ?? "";
  const images =
    world.v1.shared.get(seed) ?? inventPush(openRandom(seed), { way: "token", repository, tag: "" }, undefined).images;
  world.v1.shared.set(seed, images);
  world.v1.repositories.add(repository);
  for (const image of images) world.v1.images.set(image.id, image);
  const push: Push = { way: "shared", repository, images, tag: `v-${name}-${own.names++}` };
  await pushImages(session, own, push);
  const top = images.at(-1);
  if (top !== undefined && isWhole(world.ledger, top)) await putTag(session, own, push, top);
}
