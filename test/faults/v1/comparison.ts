// What v1 and /v2/ say of the same images and tags after a kill, against what the ledger permits.
import type { State } from "../ledger.ts";
import { manifestKey } from "../ledger.ts";
import { digestOf } from "../random.ts";
import type { Client, Reply } from "../registry-client.ts";
import type { World } from "../world.ts";
import { openV1Client, type V1Client } from "./client.ts";
import { chainOf, type KnownImage, solidLayers } from "./images.ts";
import { builtFrom, derived, imageKey, isWhole, mayBeWhole, nothing, partsOf, stateOf, v1TagKey } from "./tags.ts";

interface Looking {
  readonly world: World;
  readonly client: Client;
  readonly v1: V1Client;
  /** What was looked at already: manifests and derived chains, which never change. */
  readonly seen: Set<string>;
}

const textOf = ({ bytes }: Reply) => new TextDecoder().decode(bytes);
const parse = (reply: Reply): unknown => JSON.parse(textOf(reply));

/** Looks at keys of v1: what each holds now, or undefined when the answer is none that may be, which has been noted. */
export function lookOverV1(world: World, client: Client): (key: string) => Promise<State | undefined> {
  const looking: Looking = { world, client, v1: openV1Client(client), seen: new Set() };
  return async (key) => {
    const [kind, place = "", name = ""] = key.split(" ");
    if (kind === "v1-tag") return lookAtTag(looking, place, name);
    const image = world.v1.images.get(name);
    return image === undefined ? undefined : lookAtImage(looking, image);
  };
}

async function lookAtImage({ world: { wrongs }, v1 }: Looking, image: KnownImage): Promise<State | undefined> {
  const { id, home, json, layer } = image;
  const key = imageKey(image);
  const reply = await v1.get(id, "json", home);
  if (reply.status === 404 && !image.isAnnounced) return null;
  if (reply.status === 400 && textOf(reply) === '{"error": "Image is being uploaded, retry later"}') return null;
  if (reply.status !== 200) {
    wrongs.push(`GET of ${key} answered ${reply.status}: ${textOf(reply).slice(0, 100)}`);
    return undefined;
  }
  if (Buffer.compare(reply.bytes, json) !== 0) wrongs.push(`${key} has another JSON`);
  const size = reply.headers.get("x-docker-size");
  if (size !== String(layer.size)) wrongs.push(`${key} has ${size} bytes and not ${layer.size}`);
  const bytes = await v1.get(id, "layer", home);
  if (bytes.status !== 200 || digestOf(bytes.bytes) !== layer.digest)
    wrongs.push(`${key} has another layer: ${bytes.status}, ${bytes.bytes.byteLength} bytes`);
  const ids = chainOf(image).map((each) => each.id);
  if (textOf(await v1.get(id, "ancestry", home)) !== `["${ids.toReversed().join('", "')}"]`)
    wrongs.push(`${key} has other ancestors`);
  return "complete";
}

async function lookAtTag(looking: Looking, repository: string, tag: string): Promise<State | undefined> {
  const { world, client, v1 } = looking;
  const key = v1TagKey(repository, tag);
  const [old, today] = [await v1.getTag(repository, tag), await client.getManifest(repository, tag)];
  for (const { status } of [old, today]) {
    if (status === 200 || status === 404) continue;
    world.wrongs.push(`GET of ${key} answered ${old.status} over v1 and ${today.status} over OCI`);
    return undefined;
  }
  const id = old.status === 404 ? nothing : String(parse(old));
  const target = today.status === 404 ? nothing : await nameTarget(looking, key, repository, today);
  const isDerived = id !== nothing && world.v1.runnable.has(target);
  if (isDerived) await checkDerived(looking, key, repository, { id, digest: target });
  const state = stateOf(isDerived ? derived : id, target);
  checkHalves(looking, key, state);
  return state;
}

/** The digest of a manifest that was pushed, or which chain it was built from. */
async function nameTarget(looking: Looking, key: string, repository: string, reply: Reply): Promise<string> {
  const { world } = looking;
  const digest = reply.headers.get("docker-content-digest") ?? "";
  const pushed = world.manifests.get(manifestKey(repository, digest));
  if (pushed !== undefined) {
    if (Buffer.compare(pushed.bytes, reply.bytes) !== 0) world.wrongs.push(`${key}: ${digest} has other bytes`);
    return digest;
  }
  const { config, layers } = JSON.parse(textOf(reply)) as {
    readonly config: { readonly digest: string };
    readonly layers: readonly { readonly digest: string; readonly size: number }[];
  };
  const found = await looking.client.getBlob(repository, config.digest);
  if (found.status !== 200 || digestOf(found.bytes) !== config.digest || digestOf(reply.bytes) !== digest) {
    world.wrongs.push(`${key}: the config of ${digest} answered ${found.status}`);
    return digest;
  }
  const { comment, rootfs } = JSON.parse(textOf(found)) as {
    readonly comment: string;
    readonly rootfs: { readonly diff_ids: readonly string[] };
  };
  const top = world.v1.images.get(comment);
  const expected = top === undefined ? [] : solidLayers(top);
  const isRight =
    layers.map((each) => `${each.digest} ${each.size}`).join() ===
      expected.map((each) => `${each.digest} ${each.size}`).join() &&
    rootfs.diff_ids.join() === expected.map(({ diffId }) => diffId).join();
  if (!isRight) world.wrongs.push(`${key}: the layers of ${digest} are not those of ${comment}`);
  if (!looking.seen.has(`${repository} ${digest}`)) await checkLayers(looking, key, repository, layers);
  looking.seen.add(`${repository} ${digest}`);
  return builtFrom(comment);
}

async function checkLayers(
  { world, client }: Looking,
  key: string,
  repository: string,
  layers: readonly { readonly digest: string }[],
): Promise<void> {
  for (const { digest } of layers) {
    const { status, bytes } = await client.getBlob(repository, digest);
    if (status !== 200 || digestOf(bytes) !== digest)
      world.wrongs.push(`${key}: its layer ${digest} answered ${status}`);
  }
}

/** The chain of an image of today: its layers, then one for its config. */
async function checkDerived(
  { world, v1, seen }: Looking,
  key: string,
  repository: string,
  { id, digest }: { readonly id: string; readonly digest: string },
): Promise<void> {
  if (seen.has(`${repository} ${id}`)) return;
  seen.add(`${repository} ${id}`);
  const ancestry = await v1.get(id, "ancestry", repository);
  const ids = ancestry.status === 200 ? (parse(ancestry) as readonly string[]) : [];
  const diffIds = world.v1.runnable.get(digest) ?? [];
  if (ids.length !== diffIds.length + 1) {
    world.wrongs.push(`${key}: the ancestry of ${id} answered ${ancestry.status} with ${ids.length} ids`);
    return;
  }
  for (const [i, diffId] of diffIds.entries()) {
    const { status, bytes } = await v1.get(ids[ids.length - 1 - i] ?? "", "layer", repository);
    if (digestOf(bytes) !== diffId) world.wrongs.push(`${key}: layer ${i} of ${id} answered ${status}`);
  }
}

/** There is no manifest of a chain that is not whole. */
function checkHalves({ world }: Looking, key: string, state: State): void {
  const [, target] = partsOf(state);
  const top = target.startsWith("built:") ? world.v1.images.get(target.slice("built:".length)) : undefined;
  if (top === undefined) return;
  if (!mayBeWhole(world.ledger, top)) world.wrongs.push(`${key} has the manifest of a chain that is not whole`);
}

/** Both lists are exactly the tags that there are; a chain that is whole is an image of today, and no other is. */
export async function compareV1Tags(world: World, client: Client, repository: string): Promise<void> {
  const { ledger, wrongs } = world;
  const reply = await openV1Client(client).listTags(repository);
  const old = new Map(Object.entries(reply.status === 200 ? (parse(reply) as Record<string, string>) : {}));
  const today = new Set(((await client.listTags(repository)) ?? []).map(String));
  const prefix = v1TagKey(repository, "");
  for (const key of ledger.keys()) {
    const state = ledger.stateOf(key);
    if (!key.startsWith(prefix) || state === undefined) continue;
    const [image, target] = partsOf(state);
    const tag = key.slice(prefix.length);
    const shown = old.get(tag) ?? nothing;
    if (image === derived ? shown === nothing : shown !== image) wrongs.push(`${key} is ${state}; v1 lists ${shown}`);
    if (today.has(tag) !== (target !== nothing)) wrongs.push(`${key} is ${state}; the list of OCI says otherwise`);
    old.delete(tag);
    today.delete(tag);
    const top = world.v1.images.get(target.slice("built:".length));
    if (top !== undefined && !isWhole(ledger, top)) wrongs.push(`${key} is ${state}, and its chain is not whole`);
  }
  for (const tag of [...old.keys(), ...today]) wrongs.push(`${prefix}${tag} is listed and was never pushed`);
}
