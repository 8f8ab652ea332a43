// What a client of the kill driver does until the server dies: the verbs of the protocol, at random.
import { blobKey, manifestKey, tagKey } from "./ledger.ts";
import {
  finishUpload,
  inventBlob,
  type NewBlob,
  type PushedBlob,
  pushBlob,
  sendParts,
  startUpload,
} from "./pushing.ts";
import { contentOf, digestOf } from "./random.ts";
import { openBelongings as openV1Belongings, type Belongings as V1Belongings } from "./v1/pushing.ts";
import { v1Deeds } from "./v1/workload.ts";
import { change, Gone, type KnownManifest, type Session, send } from "./world.ts";

const imageType = "application/vnd.oci.image.manifest.v1+json";
const indexType = "application/vnd.oci.image.index.v1+json";
const contendedTags = ["latest", "stable", "edge"];
const maxOwn = 40;

/** What a client made in earlier rounds and alone changes. */
export interface Belongings {
  readonly manifests: KnownManifest[];
  readonly looseBlobs: { readonly repository: string; readonly digest: string; readonly blob: NewBlob }[];
  /** How many names its tags have had so far; at least one. */
  tags: number;
  readonly v1: V1Belongings;
}

/** A client that has made nothing yet. */
export function openBelongings(): Belongings {
  return { manifests: [], looseBlobs: [], tags: 1, v1: openV1Belongings() };
}

type Deed = (session: Session, own: Belongings) => Promise<void>;

const deeds: readonly { readonly weight: number; readonly deed: Deed }[] = [
  { weight: 6, deed: pushImage },
  { weight: 2, deed: pushSharedBlob },
  { weight: 3, deed: pushReferrer },
  { weight: 1, deed: pushIndex },
  { weight: 4, deed: moveOwnTag },
  { weight: 4, deed: moveContendedTag },
  { weight: 2, deed: deleteOwnTag },
  { weight: 1, deed: deleteContendedTag },
  { weight: 2, deed: deleteManifest },
  { weight: 3, deed: pushLooseBlob },
  { weight: 2, deed: deleteLooseBlob },
  { weight: 2, deed: mountBlob },
  { weight: 2, deed: beginUpload },
  { weight: 2, deed: continueUpload },
  ...v1Deeds.map(({ weight, deed }) => ({
    weight,
    deed: (session: Session, { v1 }: Belongings) => deed(session, v1),
  })),
];

/** Works until the server is gone. */
export async function work(session: Session, own: Belongings): Promise<void> {
  const wheel = deeds.flatMap(({ weight, deed }) => Array.from({ length: weight }, () => deed));
  try {
    while (!session.isOver()) {
      await session.random.pick(wheel)?.(session, own);
      if (own.manifests.length > maxOwn) own.manifests.splice(0, maxOwn / 2);
      if (own.looseBlobs.length > maxOwn) own.looseBlobs.splice(0, maxOwn / 2);
    }
  } catch (error) {
    if (!(error instanceof Gone)) throw error;
  }
}

function pickRepository({ world, random }: Session): string {
  return random.pick(world.repositories) ?? "";
}

function manifestOf(repository: string, mediaType: string, content: object): KnownManifest {
  const bytes = new TextEncoder().encode(JSON.stringify(content, null, 2));
  const subject =
    "subject" in content &&
    typeof content.subject === "object" &&
    content.subject !== null &&
    "digest" in content.subject
      ? String(content.subject.digest)
      : null;
  return { repository, digest: digestOf(bytes), mediaType, bytes, subject };
}

function describe({ digest, size }: PushedBlob, mediaType: string): object {
  return { mediaType, digest, size };
}

function imageOf(config: PushedBlob, layers: readonly PushedBlob[], more: object = {}): object {
  return {
    schemaVersion: 2,
    mediaType: imageType,
    config: describe(config, "application/vnd.oci.image.config.v1+json"),
    layers: layers.map((layer) => describe(layer, "application/vnd.oci.image.layer.v1.tar")),
    ...more,
  };
}

/** Pushes a manifest by tag (new, or one of this client's) or by its digest. */
async function putManifest(session: Session, manifest: KnownManifest, tag: string | undefined): Promise<boolean> {
  const { repository, digest, mediaType, bytes } = manifest;
  session.world.manifests.set(manifestKey(repository, digest), manifest);
  return change(session, {
    what: `PUT of a manifest by ${tag === undefined ? "digest" : "tag"}`,
    writes: {
      [manifestKey(repository, digest)]: "present",
      ...(tag === undefined ? {} : { [tagKey(repository, tag)]: digest }),
    },
    request: () => session.client.putManifest(repository, tag ?? digest, mediaType, bytes),
    done: 201,
  });
}

function pickOwnTag({ random, name }: Session, own: Belongings): string {
  return random.chance(0.5) ? `${name}-${own.tags++}` : `${name}-${random.below(Math.min(own.tags, 20))}`;
}

async function pushImage(session: Session, own: Belongings): Promise<void> {
  const { random, world } = session;
  const repository = pickRepository(session);
  const config = await pushBlob(session, repository, {
    seed: random.below(2 ** 31),
    size: random.between(100, 2_000),
    algorithm: "sha256",
  });
  const layer = await pushBlob(session, repository, inventBlob(random));
  if (config === undefined || layer === undefined) return;
  const manifest = manifestOf(repository, imageType, imageOf(config, [layer]));
  const isKeeper = random.chance(0.3);
  const isDone = await putManifest(session, manifest, random.chance(0.7) ? pickOwnTag(session, own) : undefined);
  if (isDone) (isKeeper ? world.keepers : own.manifests).push(manifest);
}

/** Several clients push the same few blobs at the same time. */
async function pushSharedBlob(session: Session): Promise<void> {
  const { random, world } = session;
  const size = random.pick([1_500, 16_384, 16_385, 400_000]) ?? 1;
  const seed = 1_000_000 + Math.floor(world.acknowledged / 500) * 10 + random.below(2);
  await pushBlob(session, pickRepository(session), { seed, size, algorithm: "sha256" });
}

async function pushReferrer(session: Session, own: Belongings): Promise<void> {
  const { random, world } = session;
  const subject = random.pick([...own.manifests, ...world.keepers]);
  const repository = subject?.repository ?? pickRepository(session);
  const blob = await pushBlob(session, repository, { seed: random.below(2 ** 31), size: 200, algorithm: "sha256" });
  if (blob === undefined) return;
  const missing = { mediaType: imageType, size: 3, digest: digestOf(contentOf(random.below(50), 3)) };
  const manifest = manifestOf(
    repository,
    imageType,
    imageOf(blob, [], {
      artifactType: "application/vnd.example.signature",
      annotations: { by: session.name },
      subject:
        subject === undefined || random.chance(0.2)
          ? missing
          : { mediaType: subject.mediaType, digest: subject.digest, size: subject.bytes.byteLength },
    }),
  );
  if (await putManifest(session, manifest, undefined)) own.manifests.push(manifest);
}

async function pushIndex(session: Session, own: Belongings): Promise<void> {
  const { random, world } = session;
  const first = random.pick(world.keepers);
  if (first === undefined) return;
  const children = world.keepers.filter(({ repository }) => repository === first.repository).slice(-3);
  const manifest = manifestOf(first.repository, indexType, {
    schemaVersion: 2,
    mediaType: indexType,
    manifests: children.map(({ digest, mediaType, bytes }) => ({ mediaType, digest, size: bytes.byteLength })),
    annotations: { nonce: String(random.below(2 ** 31)) },
  });
  if (await putManifest(session, manifest, pickOwnTag(session, own))) own.manifests.push(manifest);
}

async function moveOwnTag(session: Session, own: Belongings): Promise<void> {
  const { random, world } = session;
  const manifest = random.pick(own.manifests);
  if (manifest === undefined) return;
  if (world.ledger.stateOf(manifestKey(manifest.repository, manifest.digest)) !== "present") return;
  await putManifest(session, manifest, pickOwnTag(session, own));
}

async function moveContendedTag(session: Session): Promise<void> {
  const manifest = session.random.pick(session.world.keepers.slice(-30));
  if (manifest === undefined) return;
  await putManifest(session, manifest, session.random.pick(contendedTags));
}

async function deleteOwnTag(session: Session, own: Belongings): Promise<void> {
  const { random, world, name, client } = session;
  const repository = pickRepository(session);
  const tag = `${name}-${random.below(own.tags)}`;
  const key = tagKey(repository, tag);
  if (world.ledger.stateOf(key) == null) return;
  await change(session, {
    what: "DELETE of a tag",
    writes: { [key]: null },
    request: () => client.deleteManifest(repository, tag),
    done: 202,
  });
}

async function deleteContendedTag(session: Session): Promise<void> {
  const repository = pickRepository(session);
  const tag = session.random.pick(contendedTags) ?? "";
  await change(session, {
    what: "DELETE of a tag that others move",
    writes: { [tagKey(repository, tag)]: null },
    request: () => session.client.deleteManifest(repository, tag),
    done: 202,
    refused: [404],
  });
}

/** Its tags go with it. Only this client's tags point at it. */
async function deleteManifest(session: Session, own: Belongings): Promise<void> {
  const { random, world, name, client } = session;
  const manifest = random.pick(own.manifests);
  if (manifest === undefined) return;
  const { repository, digest } = manifest;
  const key = manifestKey(repository, digest);
  if (world.ledger.stateOf(key) !== "present") return;
  own.manifests.splice(own.manifests.indexOf(manifest), 1);
  const tags = Array.from({ length: own.tags }, (_, i) => tagKey(repository, `${name}-${i}`));
  const gone = [key, ...tags.filter((each) => world.ledger.permitted(each).has(digest))];
  await change(session, {
    what: "DELETE of a manifest",
    writes: Object.fromEntries(gone.map((each) => [each, null])),
    request: () => client.deleteManifest(repository, digest),
    done: 202,
  });
  if (random.chance(0.3)) {
    if (await putManifest(session, manifest, undefined)) own.manifests.push(manifest);
  }
}

async function pushLooseBlob(session: Session, own: Belongings): Promise<void> {
  const blob = inventBlob(session.random);
  const repository = pickRepository(session);
  const pushed = await pushBlob(session, repository, blob);
  if (pushed !== undefined) own.looseBlobs.push({ repository, digest: pushed.digest, blob });
}

async function deleteLooseBlob(session: Session, own: Belongings): Promise<void> {
  const { random, world, client } = session;
  const loose = random.pick(own.looseBlobs);
  if (loose === undefined) return;
  const { repository, digest, blob } = loose;
  const key = blobKey(repository, digest);
  if (world.ledger.stateOf(key) === "present") {
    await change(session, {
      what: "DELETE of a blob",
      writes: { [key]: null },
      request: () => client.deleteBlob(repository, digest),
      done: 202,
    });
  }
  if (random.chance(0.4)) await pushBlob(session, repository, blob);
}

async function mountBlob(session: Session, own: Belongings): Promise<void> {
  const { random, world, client } = session;
  const loose = random.pick(own.looseBlobs);
  if (loose === undefined) return;
  if (world.ledger.stateOf(blobKey(loose.repository, loose.digest)) !== "present") return;
  const repository = pickRepository(session);
  const isDone = await change(session, {
    what: "POST ?mount=",
    writes: { [blobKey(repository, loose.digest)]: "present" },
    request: () => client.mount(repository, loose.digest, loose.repository),
    done: 201,
  });
  if (isDone && repository !== loose.repository) own.looseBlobs.push({ ...loose, repository });
}

/** Sends some of a blob and leaves it there. */
async function beginUpload(session: Session): Promise<void> {
  const { random, world } = session;
  if (world.uploads.size > 60) return continueUpload(session);
  const blob = inventBlob(random);
  const digest = digestOf(contentOf(blob.seed, blob.size), blob.algorithm);
  const upload = await startUpload(session, pickRepository(session), blob, digest);
  await sendParts(session, upload, random.between(1, upload.size));
  upload.isTaken = false;
}

/** Goes on with an upload of this or an earlier round, or cancels it. */
async function continueUpload(session: Session): Promise<void> {
  const { random, world, client } = session;
  const upload = random.pick([...world.uploads].filter(({ isTaken }) => !isTaken));
  if (upload === undefined) return;
  upload.isTaken = true;
  if (random.chance(0.3)) {
    upload.mayHaveEnded = true;
    await send(session, "DELETE of an upload", () => client.cancelUpload(upload.location), [204]);
    world.uploads.delete(upload);
    return;
  }
  await sendParts(session, upload, random.between(upload.acknowledged, upload.size));
  if (random.chance(0.6)) await finishUpload(session, upload);
  else upload.isTaken = false;
}
