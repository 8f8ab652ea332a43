// What a kill left of uploads, put right at start; and uploads that nobody goes on with, ended.

import type { Digest } from "#lib/digest";
import type { Context } from "./context.ts";
import {
  forgetUpload,
  selectIdle,
  selectState,
  selectUnsettled,
  settleUpload,
  type UploadState,
} from "./uploads.sql.ts";

interface Unsettled {
  readonly state: UploadState;
  readonly digest: Digest | null;
}

/**
 * Brings every upload that a kill interrupted to a known state: a commit that was not acknowledged is an upload again, what
 * a duplicate left is removed, bytes without a row are removed. Each is held while it is put right, so that what another
 * node is at work on is left alone. The cost is that of the uploads under way, not of the store.
 */
export async function recoverUploads(context: Context): Promise<void> {
  const { db, store } = context;
  for (const { id } of await db.read<{ id: string }>(selectUnsettled)) {
    await db.exclusive(`upload:${id}`, () => settle(context, id));
  }
  for (const id of await store.uploads.list()) {
    await db.exclusive(`upload:${id}`, async () => {
      const [row] = await db.read<Unsettled>(selectState, id);
      if (row?.state !== "open" && row?.state !== "finishing") await store.uploads.remove(id);
    });
  }
}

async function settle({ db, store }: Context, id: string): Promise<void> {
  const [row] = await db.read<Unsettled>(selectState, id);
  if (row?.state === "discarded" && row.digest !== null) {
    await store.blobs.remove(store.uploads.key(id, row.digest));
    await db.write(settleUpload, { id, from: "discarded", to: "finished" });
  } else if (row?.state === "finishing" || row?.state === "open") {
    await db.write(settleUpload, { id, from: "finishing", to: "open" });
    if (row.digest !== null) await store.uploads.revert(id, row.digest);
  }
}

/** Ends uploads that have been idle for longer than the set time, and forgets those that ended so long ago. */
export async function expireUploads(context: Context): Promise<void> {
  const { db, store, clock, settings } = context;
  const idleSince = clock.now() - settings.uploadIdleMilliseconds;
  for (const { id, state } of await db.read<{ id: string; state: UploadState }>(selectIdle, idleSince)) {
    await db.exclusive(`upload:${id}`, async () => {
      // Its bytes may stand under a final key: when its commit was lost with the database, and nobody came back.
      await settle(context, id);
      if (!(await db.write(forgetUpload, { id, idleSince }))) return;
      if (state === "open" || state === "finishing") await store.uploads.remove(id);
    });
  }
}
