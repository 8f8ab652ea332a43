// SQL of uploads.
import type { Transaction } from "#db";
import type { Algorithm, Digest } from "#lib/digest";
import { Fault } from "#lib/fault";
import type { RepositoryName } from "#lib/reference";
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

export interface FinishUploadInput {
  readonly id: string;
  readonly name: RepositoryName;
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
export function* finishUpload({ id, name, digest, size, placed, stamp }: FinishUploadInput): Transaction<Finished> {
  if ("key" in placed) {
    const [row] = yield { sql: "select state, digest from uploads where id = ?", args: [id] };
    if (row?.["state"] !== "finishing" || row["digest"] !== digest) {
      throw new Fault("conflict", "upload", "another request has taken over the upload");
    }
  }
  const repositoryId = yield* ensureRepository(name, stamp);
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
