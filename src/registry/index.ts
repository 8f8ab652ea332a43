// The registry: keeps content by digest and gives it names. Its nouns, each with its verbs.
import { fingerprint } from "#lib/id";
import { openBlobs } from "./blobs.ts";
import { type Context, defaultSettings, type RegistrySettings } from "./context.ts";
import { openManifests } from "./manifests.ts";
import { openReferrers } from "./referrers.ts";
import { openRepositories } from "./repositories.ts";
import { selectStore } from "./store.sql.ts";
import { openTags } from "./tags.ts";
import { expireUploads, recoverUploads } from "./upload-recovery.ts";
import { countOpen } from "./uploads.sql.ts";
import { openUploads } from "./uploads.ts";
import { openFaces } from "./v1-images/faces.ts";
import { openImages } from "./v1-images/images.ts";
import { openLayers } from "./v1-images/layers.ts";
import { openIndex } from "./v1-images/repositories.ts";
import { openImageTags, settleForgottenTags } from "./v1-images/tags.ts";

export type { RegistrySettings } from "./context.ts";
export { maxManifestBytes } from "./manifest-content.ts";
export { type ManifestHead, tooLarge } from "./manifests.ts";
export type { Page } from "./repositories.ts";
export type {
  Asking,
  Platform,
  TagInfo,
  V1Images,
  V1Repositories,
  V1Tags,
} from "./v1-images/nouns.ts";
export { platformOf } from "./v1-images/platforms.ts";

export type Registry = Awaited<ReturnType<typeof openRegistry>>;

/** Opens the registry. Faults: full, busy store. */
export async function openRegistry(
  options: Omit<Context, "settings"> & { readonly settings?: Partial<RegistrySettings> },
) {
  const context: Context = { ...options, settings: { ...defaultSettings, ...options.settings } };
  const [store] = await context.db.read<{ id: string }>(selectStore);
  if (store === undefined) throw new Error("the database has no store");
  const faces = openFaces(context);
  const layers = openLayers(context, store.id);
  return {
    repositories: openRepositories(context),
    manifests: openManifests(context, faces),
    tags: openTags(context),
    referrers: openReferrers(context),
    blobs: openBlobs(context),
    uploads: openUploads(context, store.id),
    v1Images: openImages(context, layers),
    v1Tags: openImageTags(context, { faces, layers }),
    v1Repositories: openIndex(context, faces),
    /** A secret of this store, the same in every process, that tells nothing of the others. */
    keyFor: (purpose: string) => fingerprint(store.id, purpose, 64),
    /** Looks at a page of the manifests that were pushed before v1 was spoken; false when there are no more. */
    backfill: faces.backfill,
    /** Builds what is left of v1 pushes that were given up. Faults: full, busy store. */
    settleTags: () => settleForgottenTags(context),
    /** Puts right what a kill left unfinished: once, before the first request, by one process. Faults: full, busy store. */
    recover: () => recoverUploads(context),
    /** Ends uploads that nobody goes on with. */
    expireUploads: () => expireUploads(context),
    /** How many uploads have bytes and are not finished. */
    countUploads: async () => (await context.db.read<{ open: number }>(countOpen))[0]?.open ?? 0,
    /** How much the database has written. */
    writes: () => context.db.writes(),
    /** Fulfilled when the database and the blob store answer. Faults: full, busy store. */
    async check() {
      await context.db.read(selectStore);
      await context.store.uploads.list();
    },
  };
}
