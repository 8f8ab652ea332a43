// What the registry holds after a kill, against what the ledger permits. What is found is settled: from here on it is so.
import { blobKey, manifestKey, type State, tagKey } from "./ledger.ts";
import { contentOf, digestOf, type Random } from "./random.ts";
import type { Client, Reply } from "./registry-client.ts";
import { compareV1Tags, lookOverV1 } from "./v1/comparison.ts";
import type { KnownUpload, World } from "./world.ts";

const concurrency = 16;
const sampledKeys = 300;

/**
 * Compares every key that was written since the last comparison, a sample of the older ones (or all of them), every tag
 * list, the referrers of all that was looked at, and every upload. Returns how many things it looked at.
 */
export async function compare(world: World, client: Client, random: Random, isWhole: boolean): Promise<number> {
  const { ledger, repositories } = world;
  const touched = ledger.touchedKeys();
  const keys = ledger.keys();
  const share = sampledKeys / Math.max(1, keys.length);
  const looked = keys.filter((key) => isWhole || touched.has(key) || random.chance(share));
  const lookOver = lookOverV1(world, client);
  await eachOf(looked, async (key) => {
    const found = key.startsWith("v1-") ? await lookOver(key) : await look(world, client, key);
    if (found === undefined) return;
    const permitted = ledger.permitted(key);
    if (!permitted.has(found)) world.wrongs.push(`${key} is ${found}; permitted: ${[...permitted].join(" or ")}`);
    ledger.settle(key, found);
  });
  await eachOf(repositories, (repository) => compareTags(world, client, repository));
  await eachOf([...world.v1.repositories], (repository) => compareV1Tags(world, client, repository));
  const subjects = new Map(looked.flatMap((key) => subjectOf(world, key)));
  await eachOf([...subjects.values()], (subject) => compareReferrers(world, client, subject));
  const uploads = [...world.uploads];
  await eachOf(uploads, (upload) => compareUpload(world, client, upload, random.chance(0.3)));
  return looked.length + subjects.size + uploads.length;
}

async function eachOf<Item>(list: readonly Item[], work: (item: Item) => Promise<void>): Promise<void> {
  const left = list.values();
  const workers = Array.from({ length: concurrency }, async () => {
    for (const item of left) await work(item);
  });
  await Promise.all(workers);
}

/** What a key holds now; undefined when the answer is none that may be, which has been noted. */
async function look(world: World, client: Client, key: string): Promise<State | undefined> {
  const [kind = "", repository = "", name = ""] = key.split(" ");
  const reply = kind === "blob" ? await client.getBlob(repository, name) : await client.getManifest(repository, name);
  if (reply.status === 404) return null;
  if (reply.status !== 200) {
    world.wrongs.push(`GET of ${key} answered ${reply.status}`);
    return undefined;
  }
  if (kind === "blob") {
    checkDigest(world, key, name, reply.bytes);
    return "present";
  }
  const digest = reply.headers.get("docker-content-digest") ?? "";
  checkManifest(world, manifestKey(repository, digest), reply);
  return kind === "tag" ? digest : "present";
}

function checkDigest(world: World, key: string, digest: string, bytes: Uint8Array): void {
  const algorithm = digest.startsWith("sha512:") ? "sha512" : "sha256";
  if (digestOf(bytes, algorithm) !== digest) world.wrongs.push(`${key} has other bytes (${bytes.byteLength} of them)`);
}

function checkManifest(world: World, key: string, { bytes, headers }: Reply): void {
  const known = world.manifests.get(key);
  if (known === undefined) world.wrongs.push(`${key} is served and was never pushed`);
  else if (Buffer.compare(bytes, known.bytes) !== 0) world.wrongs.push(`${key} has other bytes`);
  else if (headers.get("content-type") !== known.mediaType) world.wrongs.push(`${key} has another media type`);
}

/** The list is exactly the tags that there are, and each of them leads to a manifest. */
async function compareTags({ ledger, wrongs }: World, client: Client, repository: string): Promise<void> {
  const listed = new Set(((await client.listTags(repository)) ?? []).map(String));
  const prefix = tagKey(repository, "");
  for (const key of ledger.keys()) {
    if (!key.startsWith(prefix)) continue;
    const tag = key.slice(prefix.length);
    const target = ledger.stateOf(key);
    if (listed.delete(tag) !== (target !== null)) wrongs.push(`${key} is ${target}, and the list says otherwise`);
    if (target != null && ledger.stateOf(manifestKey(repository, target)) === null) {
      wrongs.push(`${key} leads to ${target}, which is deleted`);
    }
  }
  for (const tag of listed) wrongs.push(`${tagKey(repository, tag)} is listed and was never pushed`);
}

interface Subject {
  readonly repository: string;
  readonly digest: string;
}

function subjectOf(world: World, key: string): [string, Subject][] {
  const manifest = world.manifests.get(key);
  if (manifest === undefined) return [];
  const { repository, digest, subject } = manifest;
  return [digest, ...(subject === null ? [] : [subject])].map((each) => [
    `${repository} ${each}`,
    { repository, digest: each },
  ]);
}

/** The list is exactly the manifests that name the subject. */
async function compareReferrers(world: World, client: Client, { repository, digest }: Subject): Promise<void> {
  const listed = new Set(
    ((await client.listReferrers(repository, digest)) ?? []).map((entry) =>
      typeof entry === "object" && entry !== null && "digest" in entry ? entry.digest : entry,
    ),
  );
  for (const [key, manifest] of world.manifests) {
    if (manifest.subject !== digest || manifest.repository !== repository) continue;
    const isPresent = world.ledger.stateOf(key) === "present";
    if (listed.delete(manifest.digest) !== isPresent) {
      world.wrongs.push(`${key} is ${isPresent ? "there" : "gone"}, and the referrers of ${digest} say otherwise`);
    }
  }
  for (const each of listed) world.wrongs.push(`${each} is a referrer of ${digest} and was never pushed`);
}

/** An upload goes on at, or behind, what was acknowledged; some are finished now, which proves their bytes. */
async function compareUpload(world: World, client: Client, upload: KnownUpload, isFinished: boolean): Promise<void> {
  const { repository, location, digest, acknowledged, sent, mayHaveEnded, seed, size } = upload;
  const what = `upload of ${size} bytes at ${acknowledged} to ${sent}`;
  const reply = await client.getUpload(location);
  if (reply.status === 404 && mayHaveEnded) {
    world.uploads.delete(upload);
    return;
  }
  const offset = Number(/^0-(\d+)$/.exec(reply.headers.get("range") ?? "")?.[1]) + 1;
  const isEmpty = acknowledged === 0 && offset === 1;
  if (reply.status !== 204 || !(isEmpty || (offset >= acknowledged && offset <= sent))) {
    world.wrongs.push(`${what}: ${reply.status}, range ${reply.headers.get("range")}`);
    world.uploads.delete(upload);
    return;
  }
  Object.assign(upload, { acknowledged: isEmpty ? 0 : offset, sent: offset, mayHaveEnded: false, isTaken: false });
  if (isEmpty) {
    world.uploads.delete(upload);
    return;
  }
  if (!isFinished) return;
  const finished = await client.putUpload(location, digest, contentOf(seed, size).slice(offset));
  if (finished.status !== 201) world.wrongs.push(`${what}: finished at ${offset} it answered ${finished.status}`);
  else world.ledger.settle(blobKey(repository, digest), "present");
  world.uploads.delete(upload);
}
