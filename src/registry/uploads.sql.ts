// SQL of uploads.
import type { Row, Transaction, Value } from "#db";
import { type Algorithm, algorithmOf, type Digest, digestOf } from "#lib/digest";
import { Fault } from "#lib/fault";
import type { RepositoryName } from "#lib/reference";
import { concat } from "#lib/stream";
import { linkBlob, type Placed, storeBlob } from "./blobs.sql.ts";
import type { Stamp } from "./events.sql.ts";
import { ensureRepository } from "./repositories.sql.ts";

export type UploadState = "open" | "finishing" | "finished" | "cancelled" | "discarded";

export interface UploadRow {
  readonly state: UploadState;
  readonly digest: Digest | null;
  readonly content: Uint8Array | null;
  readonly touched_at: number;
}

/** Also of a repository that has been deleted since: an upload that goes on makes a new one. */
export const selectUpload = `select u.state, u.digest, u.content, u.touched_at from uploads u
  join repositories r on r.id = u.repository_id where u.id = ? and r.path = ?`;

/** As the index `uploads_unfinished` says it: a start must not read the uploads that ended. */
const unfinished = "state in ('open', 'finishing', 'discarded')";

export const selectUnsettled = `select id from uploads where ${unfinished} and (state <> 'open' or digest is not null)`;

export const selectState = "select state, digest from uploads where id = ?";

export const countOpen = `select count(*) as open from uploads where ${unfinished} and state <> 'discarded'`;

export const selectIdle = "select id, state from uploads where touched_at < ? order by touched_at limit 500";

export interface SaveUploadInput {
  readonly id: string;
  readonly name: RepositoryName;
  readonly algorithm: Algorithm;
  /** The bytes so far, when they are few; null when they are in the blob store. */
  readonly content: Uint8Array | null;
  /** The digest under which the bytes may stand in the blob store from now on. */
  readonly finishing: Digest | null;
  readonly stamp: Stamp;
}

/** The row of an upload that has bytes. */
export function* saveUpload({ id, name, algorithm, content, finishing, stamp }: SaveUploadInput): Transaction<void> {
  const repositoryId = yield* ensureRepository(name, stamp);
  const state: UploadState = finishing === null ? "open" : "finishing";
  yield {
    sql: `insert into uploads (id, repository_id, actor_id, algorithm, state, digest, content, started_at, touched_at)
          values (?, ?, ?, ?, ?, ?, ?, ?, ?)
          on conflict (id) do update set state = excluded.state, digest = excluded.digest, content = excluded.content,
            touched_at = excluded.touched_at`,
    args: [id, repositoryId, stamp.actor, algorithm, state, finishing, content, stamp.at, stamp.at],
    unread: true,
  };
}

/** What a request brings to an upload whose bytes are all in the database, or that has none yet. */
export interface AppendContentInput {
  readonly id: string;
  readonly name: RepositoryName;
  readonly algorithm: Algorithm;
  readonly bytes: Uint8Array;
  /** The offset at which they begin, if the request says it. */
  readonly start: number | undefined;
  /** An upload that has no row has just begun; else it ended long ago. */
  readonly isNew: boolean;
  readonly maxBytes: number;
  readonly stamp: Stamp;
}

/**
 * Appends to the content in the row; returns the new offset. Undefined, and nothing happened: the bytes are in the blob
 * store, or too many for the row. Faults: unknown upload, range upload.
 */
export function* appendContent(input: AppendContentInput): Transaction<number | undefined> {
  const { id, name, algorithm, bytes, start, isNew, maxBytes, stamp } = input;
  if (isNew && (start ?? 0) === 0) {
    // Not looked for first: see storeBlob. No row comes back when it was there, and when the repository is not.
    const [made] = yield {
      sql: `insert into uploads (id, repository_id, actor_id, algorithm, state, content, started_at, touched_at)
            select ?, r.id, ?, ?, 'open', ?, ?, ? from live_repositories r where r.path = ?
            on conflict (id) do nothing returning id`,
      args: [id, stamp.actor, algorithm, bytes, stamp.at, stamp.at, name.path],
    };
    if (made !== undefined) return bytes.byteLength;
  }
  const [found] = yield { sql: selectContent, args: [name.path, id] };
  const before = contentOf(found, isNew);
  if (before === undefined) return undefined;
  const size = before.byteLength + bytes.byteLength;
  if (size > maxBytes) return undefined;
  requireStart(before.byteLength, start);
  if (isThere(found) && bytes.byteLength === 0) return size;
  yield* saveUpload({ id, name, algorithm, content: concat([before, bytes]), finishing: null, stamp });
  return size;
}

export interface FinishContentInput extends Omit<AppendContentInput, "algorithm"> {
  readonly digest: Digest;
}

/**
 * Appends the last bytes to the content in the row, which becomes a blob, also when that has happened before. Undefined, and
 * nothing happened: the bytes are in the blob store, or too many for the row. Faults: unknown upload, range upload, invalid
 * digest.
 */
export function* finishContent(input: FinishContentInput): Transaction<Finished | undefined> {
  const { id, name, digest, bytes, start, isNew, maxBytes, stamp } = input;
  const [found] = yield { sql: selectContent, args: [name.path, id] };
  const state = found?.["state"];
  if ((state === "finished" || state === "discarded") && found?.["digest"] === digest) {
    return { isDuplicate: false, replacedKey: null };
  }
  const before = contentOf(found, isNew);
  if (before === undefined || before.byteLength + bytes.byteLength > maxBytes) return undefined;
  requireStart(before.byteLength, start);
  const content = concat([before, bytes]);
  const actual = digestOf(content, algorithmOf(digest));
  if (actual !== digest) throw digestMismatch(digest, actual);
  const known = found?.["repository_id"];
  const repositoryId = typeof known === "number" ? known : yield* ensureRepository(name, stamp);
  return yield* becomeBlob({ id, digest, size: content.byteLength, placed: { content }, stamp }, repositoryId);
}

/** Where an upload belongs, and its row: one row in any case. */
const selectContent = `select r.id as repository_id, u.state, u.digest, u.content from (select 1 as one) o
  left join live_repositories r on r.path = ? left join uploads u on u.id = ?`;

const isThere = (found: Row | undefined) => found?.["state"] != null;

/** The bytes of an upload that are in its row; undefined when they are elsewhere. Fault: unknown upload. */
function contentOf(found: Row | undefined, isNew: boolean): Uint8Array | undefined {
  if (!isThere(found)) {
    if (!isNew) throw unknownUpload();
    return new Uint8Array();
  }
  if (!isOpen(found?.["state"])) throw unknownUpload();
  const content = found?.["content"];
  return content instanceof Uint8Array && found?.["digest"] === null ? content : undefined;
}

/** Whether more may come. */
export function isOpen(state: Value | undefined): boolean {
  return state === "open" || state === "finishing";
}

/** Fault: range upload, with the true offset. */
export function requireStart(offset: number, start: number | undefined): void {
  if (start === undefined || start === offset) return;
  throw new Fault("range", "upload", `the upload is at ${offset}, the part begins at ${start}`, { offset });
}

export function unknownUpload(): Fault {
  return new Fault("unknown", "upload", "blob upload unknown to registry");
}

export function digestMismatch(digest: Digest, actual: Digest): Fault {
  return new Fault("invalid", "digest", "provided digest did not match uploaded content", { digest, actual });
}

export interface FinishUploadInput extends Becoming {
  readonly name: RepositoryName;
}

/** What an upload becomes. */
interface Becoming {
  readonly id: string;
  readonly digest: Digest;
  readonly size: number;
  readonly placed: Placed;
  readonly stamp: Stamp;
}

export interface Finished {
  readonly isDuplicate: boolean;
  readonly replacedKey: string | null;
}

/**
 * The upload has become a blob of its repository. Fault: conflict upload (its bytes are in the blob store, and it is not, or
 * not any more, about to be finished as this digest: they may be elsewhere by now).
 */
export function* finishUpload({ name, ...becoming }: FinishUploadInput): Transaction<Finished> {
  const { id, digest, placed, stamp } = becoming;
  if ("key" in placed) {
    const [row] = yield { sql: "select state, digest from uploads where id = ?", args: [id] };
    if (row?.["state"] !== "finishing" || row["digest"] !== digest) {
      throw new Fault("conflict", "upload", "another request has taken over the upload");
    }
  }
  return yield* becomeBlob(becoming, yield* ensureRepository(name, stamp));
}

function* becomeBlob({ id, digest, size, placed, stamp }: Becoming, repositoryId: number): Transaction<Finished> {
  const { blobId, isDuplicate, replacedKey } = yield* storeBlob(digest, size, placed, stamp.at);
  yield* linkBlob(repositoryId, blobId, stamp.at);
  const state: UploadState = isDuplicate && "key" in placed ? "discarded" : "finished";
  yield {
    sql: `insert into uploads (id, repository_id, actor_id, algorithm, state, digest, started_at, touched_at)
          values (?, ?, ?, ?, ?, ?, ?, ?)
          on conflict (id) do update set state = excluded.state, digest = excluded.digest, content = null,
            touched_at = excluded.touched_at`,
    args: [id, repositoryId, stamp.actor, digest.slice(0, 6), state, digest, stamp.at, stamp.at],
    unread: true,
  };
  return { isDuplicate, replacedKey };
}

export interface CancelUploadInput {
  readonly id: string;
  readonly name: RepositoryName;
  readonly algorithm: Algorithm;
  readonly stamp: Stamp;
}

/** The upload has ended: its id is known no more. */
export function* cancelUpload({ id, name, algorithm, stamp }: CancelUploadInput): Transaction<void> {
  const repositoryId = yield* ensureRepository(name, stamp);
  yield {
    sql: `insert into uploads (id, repository_id, actor_id, algorithm, state, started_at, touched_at)
          values (?, ?, ?, ?, 'cancelled', ?, ?)
          on conflict (id) do update set state = 'cancelled', digest = null, content = null, touched_at = excluded.touched_at`,
    args: [id, repositoryId, stamp.actor, algorithm, stamp.at, stamp.at],
  };
}

export interface SettleUploadInput {
  readonly id: string;
  readonly from: UploadState;
  readonly to: UploadState;
}

/** Moves an upload from one state to another, if it is still in the first. */
export function* settleUpload({ id, from, to }: SettleUploadInput): Transaction<boolean> {
  const rows = yield {
    sql: "update uploads set state = ? where id = ? and state = ? returning id",
    args: [to, id, from],
  };
  return rows.length > 0;
}

export interface ForgetUploadInput {
  readonly id: string;
  readonly idleSince: number;
}

/** Removes the row of an upload that nobody touched after `idleSince`. */
export function* forgetUpload({ id, idleSince }: ForgetUploadInput): Transaction<boolean> {
  const rows = yield { sql: "delete from uploads where id = ? and touched_at < ? returning id", args: [id, idleSince] };
  return rows.length > 0;
}
