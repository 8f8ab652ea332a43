// Referrers: manifests whose subject is another one.
// https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#listing-referrers
import type { Actor } from "#access";
import type { Digest } from "#lib/digest";
import { maxTagLength, type RepositoryName } from "#lib/reference";
import type { Context } from "./context.ts";
import { type ReferrerRow, selectReferrers } from "./manifests.sql.ts";
import { type Page, type PageRequest, pageOf } from "./repositories.ts";

export interface Referrer {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly size: number;
  readonly artifactType?: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** A page is not much larger than the largest manifest, whatever annotations its entries have. */
const maxPageBytes = 4 * 1024 * 1024;
const rowsAtOnce = 16;

export function openReferrers(context: Context) {
  return {
    /** The referrers of `subject`, of one artifact type or all; none when nobody knows the subject or the repository. Fault: denied. */
    async list(
      actor: Actor,
      name: RepositoryName,
      subject: Digest,
      { limit, after, artifactType }: PageRequest & { readonly artifactType: string | null },
    ): Promise<Page<Referrer>> {
      const { path } = name;
      context.access.require(actor, path, "pull");
      const tag = subject.replace(":", "-").slice(0, maxTagLength);
      const read = (from: string, count: number) => {
        const filter = [from, artifactType, artifactType];
        return context.db.read<ReferrerRow>(selectReferrers, path, subject, ...filter, path, tag, ...filter, count);
      };
      const entries: Referrer[] = [];
      let bytes = 0;
      while (entries.length <= limit) {
        const count = Math.min(rowsAtOnce, limit + 1 - entries.length);
        const rows = await read(entries.at(-1)?.digest ?? after, count);
        for (const row of rows) {
          bytes += (row.annotations?.length ?? 0) + (row.artifact_type?.length ?? 0);
          if (entries.length > 0 && bytes > maxPageBytes) return { entries: entries.slice(0, limit), more: true };
          entries.push(referrerOf(row));
        }
        if (rows.length < count) break;
      }
      return pageOf(entries, limit);
    },
  };
}

function referrerOf({ media_type, digest, size, artifact_type, annotations }: ReferrerRow): Referrer {
  return {
    mediaType: media_type,
    digest,
    size,
    ...(artifact_type === null ? {} : { artifactType: artifact_type }),
    ...(annotations === null ? {} : { annotations: JSON.parse(annotations) }),
  };
}
