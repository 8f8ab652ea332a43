// What a kill left of uploads, put right at start; and uploads that nobody goes on with, ended.

import type { Digest } from "#lib/digest";
import type { Context } from "./context.ts";
import {
  forgetUpload,
  selectIdle,
  selectOpenIds,
  selectUnsettled,
  settleUpload,
  type UploadState,
} from "./uploads.sql.ts";

interface Unsettled {
  readonly id: string;
  readonly state: UploadState;
  readonly digest: Digest;
}

/**
 * Brings every upload that a kill interrupted to a known state: a commit that was not acknowledged is an upload again, what
 * a duplicate left is removed, bytes without a row are removed. Call it before the first request, as the only process.
 * The cost is that of the uploads under way, not of the store.
 */
export async function recoverUploads({ db, store }: Context): Promise<void> {
  for (const { id, state, digest } of await db.read<Unsettled>(selectUnsettled)) {
    if (state === "discarded") await store.blobs.remove(store.uploads.key(id, digest));
    else await store.uploads.revert(id, digest);
    await db.write(settleUpload, { id, from: state, to: state === "discarded" ? "finished" : "open" });
  }
  const known = new Set((await db.read<{ id: string }>(selectOpenIds)).map(({ id }) => id));
  for (const id of await store.uploads.list()) {
    if (!known.has(id)) await store.uploads.remove(id);
  }
}

/** Ends uploads that have been idle for longer than the set time, and forgets those that ended so long ago. */
export async function expireUploads({ db, store, clock, settings }: Context): Promise<void> {
  const idleSince = clock.now() - settings.uploadIdleMilliseconds;
  for (const { id, state } of await db.read<{ id: string; state: UploadState }>(selectIdle, idleSince)) {
    await db.exclusive(`upload:${id}`, async () => {
      if (!(await db.write(forgetUpload, { id, idleSince }))) return;
      if (state === "open" || state === "finishing") await store.uploads.remove(id);
    });
  }
}
