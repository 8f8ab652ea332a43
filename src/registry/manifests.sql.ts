// SQL of manifests, their edges and their referrers.
import { inList, insertRows, type Transaction } from "#db";
import type { Digest } from "#lib/digest";
import { Fault } from "#lib/fault";
import type { RepositoryName, Tag } from "#lib/reference";
import { findNamed, missingOf, referenceBlobs } from "./blobs.sql.ts";
import type { RegistrySettings } from "./context.ts";
import { appendEvent, type Stamp } from "./events.sql.ts";
import type { Edge, ManifestContent } from "./manifest-content.ts";
import { ensureRepository, idOf } from "./repositories.sql.ts";
import { moveTag, removeTag } from "./tags.sql.ts";
import { type Face, saveFace } from "./v1-images/faces.sql.ts";

export interface ManifestRow {
  readonly digest: Digest;
  readonly media_type: string;
  readonly size: number;
}

export interface ManifestBytesRow extends ManifestRow {
  readonly bytes: Uint8Array;
}

const columns = "m.digest, m.media_type, m.size";
const byDigest = "from live_repositories r join live_manifests m on m.repository_id = r.id";
const byTag = `from live_repositories r join live_tags t on t.repository_id = r.id
  join live_manifests m on m.id = t.manifest_id`;
const withBytes = "join manifest_contents c on c.manifest_id = m.id";

export const selectByDigest = `select ${columns} ${byDigest} where r.path = ? and m.digest = ?`;
export const selectByTag = `select ${columns} ${byTag} where r.path = ? and t.name = ?`;
export const selectBytesByDigest = `select ${columns}, c.bytes ${byDigest} ${withBytes} where r.path = ? and m.digest = ?`;
export const selectBytesByTag = `select ${columns}, c.bytes ${byTag} ${withBytes} where r.path = ? and t.name = ?`;

export interface ReferrerRow extends ManifestRow {
  readonly artifact_type: string | null;
  readonly annotations: string | null;
}

const referrerColumns = `${columns}, m.artifact_type, m.annotations`;
const ofType = "and m.digest > ? and (cast(? as text) is null or m.artifact_type = ?)";

/**
 * Manifests whose subject is a digest, and those that an index names which is tagged for it by the referrers tag schema.
 * https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#referrers-tag-schema
 */
export const selectReferrers = `select ${referrerColumns} ${byDigest} where r.path = ? and m.subject_digest = ? ${ofType}
  union
  select ${referrerColumns} from live_repositories r join live_tags t on t.repository_id = r.id
  join manifest_edges e on e.manifest_id = t.manifest_id and e.kind = 'child'
  join live_manifests m on m.repository_id = r.id and m.digest = e.digest
  where r.path = ? and t.name = ? ${ofType} order by digest limit ?`;

export interface PutManifestInput {
  readonly name: RepositoryName;
  readonly digest: Digest;
  readonly bytes: Uint8Array;
  readonly content: ManifestContent;
  readonly tags: readonly Tag[];
  readonly missing: RegistrySettings["manifestsMissing"];
  /** What it is to a v1 client. */
  readonly face: Face;
  readonly stamp: Stamp;
}

/** Stores a manifest and moves its tags; returns its id. Fault: unknown manifest-blob, with the digests that are missing. */
export function* putManifest(input: PutManifestInput): Transaction<number> {
  const { name, digest, content, tags, missing, face, stamp } = input;
  const repositoryId = yield* ensureRepository(name, stamp);
  const blobs = digestsOf(content.edges, ["config", "layer"]);
  const named = yield* findNamed(repositoryId, blobs);
  yield* requireEdges(repositoryId, content.edges, missing, missingOf(blobs, named));
  const made = yield* insertManifest(input, repositoryId);
  const manifestId = made ?? (yield* findManifest(input, repositoryId));
  yield* referenceBlobs(repositoryId, named);
  const present = named.flatMap((each) => (each.isPresent ? [each.digest] : []));
  yield* saveFace(face, { manifestId, repositoryId, stamp, isNew: made !== undefined, present });
  for (const tag of tags) yield* moveTag({ repositoryId, path: name.path, tag, manifestId, digest }, stamp);
  return manifestId;
}

/** The id of a manifest that is there; its media type is what this push says. */
function* findManifest({ digest, content }: PutManifestInput, repositoryId: number): Transaction<number> {
  const [known] = yield {
    sql: "select id, media_type from live_manifests where repository_id = ? and digest = ?",
    args: [repositoryId, digest],
  };
  const id = idOf(known?.["id"]);
  if (known?.["media_type"] !== content.mediaType) {
    yield { sql: "update manifests set media_type = ? where id = ?", args: [content.mediaType, id], unread: true };
  }
  return id;
}

/** The id of a new manifest; undefined when it is there. Not looked for first: see storeBlob. */
function* insertManifest(
  { name, digest, bytes, content, stamp }: PutManifestInput,
  repositoryId: number,
): Transaction<number | undefined> {
  const { mediaType, artifactType, subject, annotations, edges } = content;
  const [made] = yield {
    sql: `insert into manifests (repository_id, digest, media_type, artifact_type, subject_digest, annotations, size, pushed_at, pushed_by)
          values (?, ?, ?, ?, ?, ?, ?, ?, ?)
          on conflict (repository_id, digest) where deleted_at is null do nothing returning id`,
    args: [
      repositoryId,
      digest,
      mediaType,
      artifactType,
      subject,
      annotations,
      bytes.byteLength,
      stamp.at,
      stamp.actor,
    ],
  };
  if (made === undefined) return undefined;
  const id = idOf(made["id"]);
  yield { sql: "insert into manifest_contents (manifest_id, bytes) values (?, ?)", args: [id, bytes], unread: true };
  yield* insertRows(
    "insert into manifest_edges (manifest_id, kind, digest) values",
    edges.map(({ kind, digest: named }) => [id, kind, named]),
  );
  yield* appendEvent("manifest.push", stamp, { id: repositoryId, path: name.path }, digest, { mediaType });
  return id;
}

function* requireEdges(
  repositoryId: number,
  edges: readonly Edge[],
  policy: RegistrySettings["manifestsMissing"],
  missingBlobs: readonly string[],
): Transaction<void> {
  if (policy === "any") return;
  const missing = [...missingBlobs];
  if (policy === "refuse") missing.push(...(yield* missingManifests(repositoryId, digestsOf(edges, ["child"]))));
  if (missing.length === 0) return;
  throw new Fault("unknown", "manifest-blob", "the manifest names content that is not in this repository", {
    digests: missing,
  });
}

function* missingManifests(repositoryId: number, digests: readonly string[]): Transaction<string[]> {
  if (digests.length === 0) return [];
  const { marks, args } = inList(digests);
  const rows = yield {
    sql: `select digest from live_manifests where repository_id = ? and digest in (${marks})`,
    args: [repositoryId, ...args],
  };
  const known = new Set(rows.map((row) => row["digest"]));
  return digests.filter((digest) => !known.has(digest));
}

function digestsOf(edges: readonly Edge[], kinds: readonly string[]): string[] {
  return [
    ...new Set(
      edges.filter(({ kind, isElsewhere }) => kinds.includes(kind) && !isElsewhere).map(({ digest }) => digest),
    ),
  ];
}

export interface DeleteManifestInput {
  readonly path: string;
  readonly repositoryId: number;
  readonly digest: Digest;
  readonly stamp: Stamp;
}

/** Marks a manifest and its tags as deleted; false when it is not there. */
export function* deleteManifest({ path, repositoryId, digest, stamp }: DeleteManifestInput): Transaction<boolean> {
  const [row] = yield {
    sql: "select id from live_manifests where repository_id = ? and digest = ?",
    args: [repositoryId, digest],
  };
  if (row === undefined) return false;
  const id = idOf(row["id"]);
  const tags = yield { sql: "select name from live_tags where manifest_id = ?", args: [id] };
  for (const tag of tags) yield* removeTag({ repositoryId, path, tag: String(tag["name"]) as Tag }, stamp);
  yield { sql: "update manifests set deleted_at = ? where id = ?", args: [stamp.at, id] };
  yield* appendEvent("manifest.delete", stamp, { id: repositoryId, path }, digest, null);
  return true;
}
