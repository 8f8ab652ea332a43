// Tags that v1 set, moved and deleted over either protocol.
import { zstdCompressSync } from "node:zlib";
import { manifestKey } from "../ledger.ts";
import { pushBlob } from "../pushing.ts";
import { contentOf, digestOf } from "../random.ts";
import { change, type Session, send } from "../world.ts";
import { openV1Client } from "./client.ts";
import { layerBytesOf } from "./images.ts";
import type { Belongings } from "./pushing.ts";
import { builtFrom, derived, isWhole, knownState, nothing, partsOf, put, settled, stateOf, v1TagKey } from "./tags.ts";

const imageType = "application/vnd.oci.image.manifest.v1+json";
const configType = "application/vnd.oci.image.config.v1+json";
const layerType = "application/vnd.oci.image.layer.v1.tar";

interface Place {
  readonly key: string;
  readonly repository: string;
  readonly tag: string;
}

/** A tag of this client's whose state is known, not in its own repository: there a push may pass over tags. */
function pickTag({ random, world, name }: Session, own: Belongings): Place | undefined {
  const known = [...own.tags].filter(
    ([key, { repository }]) => repository !== `solo/${name}` && knownState(world.ledger, key) !== undefined,
  );
  const [key, place] = random.pick(known.slice(-40)) ?? [];
  return key === undefined || place === undefined ? undefined : { key, ...place };
}

/** Over v1, to another chain that is whole. */
export async function moveTag(session: Session, own: Belongings): Promise<void> {
  const { random, world, client } = session;
  const place = pickTag(session, own);
  const tops = own.pushes.flatMap(({ images }) => images).filter((image) => isWhole(world.ledger, image));
  const top = random.pick(tops);
  if (place === undefined || top === undefined) return;
  const state = put(world.ledger, place.key, top, false) ?? settled(top);
  await change(session, {
    what: "PUT of a v1 tag that is there",
    writes: { [place.key]: state },
    request: () => openV1Client(client).putTag(place.repository, place.tag, top.id),
    done: 200,
  });
}

export async function deleteTag(session: Session, own: Belongings): Promise<void> {
  const place = pickTag(session, own);
  if (place === undefined || knownState(session.world.ledger, place.key) === null) return;
  await change(session, {
    what: "DELETE of a v1 tag",
    writes: { [place.key]: null },
    request: () => openV1Client(session.client).deleteTag(place.repository, place.tag),
    done: 200,
  });
}

export async function deleteTagOverOci(session: Session, own: Belongings): Promise<void> {
  const place = pickTag(session, own);
  const state = place === undefined ? undefined : knownState(session.world.ledger, place.key);
  if (place === undefined || state == null) return;
  const request = () => session.client.deleteManifest(place.repository, place.tag);
  if (partsOf(state)[1] === nothing) {
    await send(session, "DELETE of a tag that only v1 has", request, [404]);
    return;
  }
  await change(session, { what: "DELETE of a v1 tag over OCI", writes: { [place.key]: null }, request, done: 202 });
}

/** What a manifest says of a blob. */
async function pushContent(session: Session, repository: string, mediaType: string, bytes: Uint8Array<ArrayBuffer>) {
  const digest = digestOf(bytes);
  const request = () => session.client.putWhole(repository, digest, bytes);
  const { status } = await send(session, "POST of a blob", request, [201]);
  return status === 201 ? { mediaType, digest, size: bytes.byteLength } : undefined;
}

function manifestOf(content: object): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(JSON.stringify({ schemaVersion: 2, mediaType: imageType, ...content }));
}

async function putManifest(session: Session, place: Place, content: object, image: string): Promise<void> {
  const { world, client } = session;
  const { repository, tag, key } = place;
  const bytes = manifestOf(content);
  const digest = digestOf(bytes);
  const manifest = { repository, digest, mediaType: imageType, bytes, subject: null };
  world.manifests.set(manifestKey(repository, digest), manifest);
  await change(session, {
    what: "PUT of a manifest by a v1 tag",
    writes: { [manifestKey(repository, digest)]: "present", [key]: stateOf(image, digest) },
    request: () => client.putManifest(repository, tag, imageType, bytes),
    done: 201,
  });
}

/** Over OCI, to what no v1 client can run: then v1 has no such tag. */
export async function moveTagToArtifact(session: Session, own: Belongings): Promise<void> {
  const { random } = session;
  const place = pickTag(session, own);
  if (place === undefined) return;
  const seed = random.below(2 ** 31);
  const blob = await pushBlob(session, place.repository, { seed, size: 300, algorithm: "sha256" });
  if (blob === undefined) return;
  const config = { mediaType: configType, ...blob };
  await putManifest(session, place, { config, layers: [] }, nothing);
}

/** Over OCI, to an image that v1 clients see under ids that are derived from it. */
export async function moveTagToRunnable(session: Session, own: Belongings): Promise<void> {
  const { random, world } = session;
  const place = pickTag(session, own);
  if (place === undefined) return;
  const tars = Array.from({ length: random.between(1, 3) }, () =>
    layerBytesOf({ form: "tar", seed: random.below(2 ** 31), content: random.between(10, 60_000) }),
  );
  const diffIds = tars.map((tar) => digestOf(tar));
  const layers = [];
  for (const tar of tars) {
    const isZstd = random.chance(0.3);
    const bytes = isZstd ? Uint8Array.from(zstdCompressSync(tar)) : tar;
    layers.push(await pushContent(session, place.repository, `${layerType}${isZstd ? "+zstd" : ""}`, bytes));
  }
  const rootfs = { type: "layers", diff_ids: diffIds };
  const text = JSON.stringify({ architecture: "amd64", os: "linux", config: {}, rootfs, history: [] });
  const config = await pushContent(session, place.repository, configType, new TextEncoder().encode(text));
  const annotations = { nonce: Buffer.from(contentOf(random.below(2 ** 31), 8)).toString("hex") };
  const content = { config, layers, annotations };
  world.v1.runnable.set(digestOf(manifestOf(content)), diffIds);
  await putManifest(session, place, content, derived);
}

/** Over OCI, to an image that was built from a chain: v1 has the chain itself. */
export async function moveTagToBuilt(session: Session, own: Belongings): Promise<void> {
  const { random, world, client } = session;
  const place = pickTag(session, own);
  if (place === undefined) return;
  const built = [...own.tags].filter(([key, { repository }]) => {
    const [image, target] = partsOf(knownState(world.ledger, key) ?? null);
    return repository === place.repository && image !== nothing && target === builtFrom(image);
  });
  const [from, source] = random.pick(built) ?? [];
  const state = from === undefined ? undefined : knownState(world.ledger, from);
  if (source === undefined || state == null) return;
  const what = "GET of a manifest that was built";
  const { headers, bytes } = await send(session, what, () => client.getManifest(source.repository, source.tag), [200]);
  await change(session, {
    what: "PUT of a manifest that was built",
    writes: { [v1TagKey(place.repository, place.tag)]: state },
    request: () =>
      client.putManifest(place.repository, place.tag, headers.get("content-type") ?? "", Uint8Array.from(bytes)),
    done: 201,
  });
}
