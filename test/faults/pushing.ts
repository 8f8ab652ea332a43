// The ways in which a client pushes a blob: in one request, after a POST, in parts, with and without a known length.
import { blobKey } from "./ledger.ts";
import { type Algorithm, contentOf, digestOf, type Random } from "./random.ts";
import type { Body } from "./registry-client.ts";
import { change, Gone, type KnownUpload, type Session, send } from "./world.ts";

export interface NewBlob {
  readonly seed: number;
  readonly size: number;
  readonly algorithm: Algorithm;
}

export interface PushedBlob {
  readonly digest: string;
  readonly size: number;
}

/** Small ones live in the database, large ones in files, some at the very limit between the two. */
export function inventBlob(random: Random): NewBlob {
  const size =
    random.pick([
      random.between(2, 4_000),
      random.between(16_380, 16_390),
      random.between(20_000, 300_000),
      random.between(300_000, 1_500_000),
    ]) ?? 2;
  return { seed: random.below(2 ** 31), size, algorithm: random.chance(0.15) ? "sha512" : "sha256" };
}

/** Pushes a blob; undefined when the server did not take it, which has been noted as wrong. */
export async function pushBlob(session: Session, repository: string, blob: NewBlob): Promise<PushedBlob | undefined> {
  const { random, client } = session;
  const bytes = contentOf(blob.seed, blob.size);
  const digest = digestOf(bytes, blob.algorithm);
  const body = random.chance(0.3) ? inParts(bytes, random.between(1_000, 100_000)) : bytes;
  if (random.chance(0.3)) {
    const isDone = await change(session, {
      what: `POST ?digest= of ${blob.size} bytes`,
      writes: { [blobKey(repository, digest)]: "present" },
      request: () => client.putWhole(repository, digest, body),
      done: 201,
    });
    return isDone ? { digest, size: blob.size } : undefined;
  }
  const upload = await startUpload(session, repository, blob, digest);
  if (random.chance(0.5)) await sendParts(session, upload, upload.size - random.below(2) * random.below(upload.size));
  return (await finishUpload(session, upload, body)) ? { digest, size: blob.size } : undefined;
}

export async function startUpload(
  session: Session,
  repository: string,
  { seed, size, algorithm }: NewBlob,
  digest: string,
): Promise<KnownUpload> {
  const { client, world } = session;
  const reply = await send(session, "POST of an upload", () => client.startUpload(repository, algorithm), [202]);
  const location = reply.headers.get("location");
  if (location === null) throw new Gone();
  const empty = { acknowledged: 0, sent: 0, mayHaveEnded: false, isTaken: true };
  const upload = { repository, location, digest, seed, size, ...empty };
  world.uploads.add(upload);
  return upload;
}

/** PATCHes the upload up to `end`. */
export async function sendParts(session: Session, upload: KnownUpload, end: number): Promise<void> {
  const { client, random, world } = session;
  const bytes = contentOf(upload.seed, upload.size);
  while (upload.acknowledged < end) {
    const start = upload.acknowledged;
    const size = Math.min(end - start, random.pick([3_000, 17_000, 120_000, 500_000]) ?? end);
    const part = bytes.slice(start, start + size);
    const body = random.chance(0.3) ? inParts(part, 50_000) : part;
    if (session.isOver()) throw new Gone();
    upload.sent = start + size;
    const what = `PATCH ${start}+${size} of ${upload.size} bytes`;
    const reply = await send(session, what, () => client.patch(upload.location, body, start, size), [202]);
    if (reply.status !== 202) throw new Gone();
    if (reply.headers.get("range") !== `0-${start + size - 1}`) {
      world.wrongs.push(`${what}: the range is ${reply.headers.get("range")}`);
    }
    upload.acknowledged = start + size;
    world.acknowledged++;
  }
}

/** PUT with what is missing; `whole` is sent when nothing has been sent before. */
export async function finishUpload(session: Session, upload: KnownUpload, whole?: Body): Promise<boolean> {
  const { client, world } = session;
  const { repository, digest, location, acknowledged, size, seed } = upload;
  const rest = acknowledged === 0 && whole !== undefined ? whole : contentOf(seed, size).slice(acknowledged);
  if (session.isOver()) throw new Gone();
  upload.sent = size;
  upload.mayHaveEnded = true;
  const isDone = await change(session, {
    what: `PUT of the last ${size - acknowledged} of ${size} bytes`,
    writes: { [blobKey(repository, digest)]: "present" },
    request: () => client.putUpload(location, digest, acknowledged === size ? undefined : rest),
    done: 201,
  });
  world.uploads.delete(upload);
  return isDone;
}

/** A body without a Content-Length. */
export function inParts(bytes: Uint8Array, partBytes: number): ReadableStream<Uint8Array> {
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at >= bytes.byteLength) return controller.close();
      controller.enqueue(bytes.slice(at, at + partBytes));
      at += partBytes;
    },
  });
}
