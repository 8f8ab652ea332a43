// The rows of a store that has grown for years, as pushes would have written them: charts, each a manifest with a config of
// its own and the layer of its repository, under ten tags.
import { manifestType } from "../content.ts";

export interface Size {
  readonly repositories: number;
  readonly manifestsOfEach: number;
  readonly tagsOfEach: number;
}

/** What a store of 100,000 repositories, 1,000,000 manifests and 10,000,000 tags has, times `scale`. */
export function sizeOf(scale: number): Size {
  return { repositories: Math.max(1, Math.round(100_000 * scale)), manifestsOfEach: 10, tagsOfEach: 100 };
}

export type Value = string | number | null | Uint8Array;

export interface Table {
  readonly name: string;
  readonly columns: readonly string[];
  rows(): Iterable<readonly Value[]>;
}

export const repositoriesOfNamespace = 100;
const configType = "application/vnd.cncf.helm.config.v1+json";
const firstMoment = Date.UTC(2026, 0, 1);
const encoder = new TextEncoder();
const pad = (count: number, digits: number) => String(count).padStart(digits, "0");

export const namespaceOf = (repository: number) => `seed-${pad(Math.floor(repository / repositoriesOfNamespace), 4)}`;
export const pathOf = (repository: number) => `${namespaceOf(repository)}/app-${pad(repository, 6)}`;
export const tagOf = (count: number) => `v${pad(count, 3)}`;

interface Content {
  readonly bytes: Uint8Array;
  readonly digest: string;
}

function contentOf(text: string): Content {
  const bytes = encoder.encode(text);
  return { bytes, digest: `sha256:${new Bun.CryptoHasher("sha256").update(bytes).digest("hex")}` };
}

const layerOf = (repository: number) => contentOf(`layer of ${pathOf(repository)}`.padEnd(512, "."));
const configOf = (repository: number, manifest: number) =>
  contentOf(
    JSON.stringify({ name: pathOf(repository), version: `${manifest}.0.0`, apiVersion: "v2", type: "application" }),
  );

/** A manifest of a repository, by its number there. */
export function manifestOf(repository: number, manifest: number): Content & { readonly edges: readonly string[] } {
  const config = configOf(repository, manifest);
  const layer = layerOf(repository);
  const { bytes, digest } = contentOf(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: manifestType,
      config: { mediaType: configType, digest: config.digest, size: config.bytes.byteLength },
      layers: [
        {
          mediaType: "application/vnd.cncf.helm.chart.content.v1.tar+gzip",
          digest: layer.digest,
          size: layer.bytes.byteLength,
        },
      ],
    }),
  );
  return { bytes, digest, edges: [config.digest, layer.digest] };
}

function* eachOf(count: number): Generator<number> {
  for (let i = 0; i < count; i++) yield i;
}

/** The tables in an order in which they may be filled. Ids are counted from 1. */
export function tablesOf({ repositories, manifestsOfEach, tagsOfEach }: Size): readonly Table[] {
  const at = firstMoment;
  const idOf = (repository: number, manifest: number) => repository * manifestsOfEach + manifest + 1;
  const blobIdOf = (repository: number, blob: number) => repository * (manifestsOfEach + 1) + blob + 1;
  const manifests = function* <Row>(make: (repository: number, manifest: number) => Row): Generator<Row> {
    for (const r of eachOf(repositories)) for (const m of eachOf(manifestsOfEach)) yield make(r, m);
  };
  /** Blob 0 of a repository is its layer, the others are the configs. */
  const blobs = function* <Row>(make: (repository: number, blob: number) => Row): Generator<Row> {
    for (const r of eachOf(repositories)) for (const b of eachOf(manifestsOfEach + 1)) yield make(r, b);
  };
  const tags = function* <Row>(make: (tag: TagRow) => Row): Generator<Row> {
    for (const r of eachOf(repositories)) {
      const digests = [...eachOf(manifestsOfEach)].map((m) => manifestOf(r, m).digest);
      for (const t of eachOf(tagsOfEach)) {
        const m = t % manifestsOfEach;
        yield make({ id: r * tagsOfEach + t + 1, r, name: tagOf(t), manifestId: idOf(r, m), digest: digests[m] ?? "" });
      }
    }
  };
  return [
    {
      name: "namespaces",
      columns: ["id", "name", "created_at"],
      *rows() {
        for (const n of eachOf(Math.ceil(repositories / repositoriesOfNamespace)))
          yield [n + 1, namespaceOf(n * repositoriesOfNamespace), at];
      },
    },
    {
      name: "repositories",
      columns: ["id", "namespace_id", "name", "path", "created_at"],
      *rows() {
        for (const r of eachOf(repositories)) {
          const path = pathOf(r);
          yield [r + 1, Math.floor(r / repositoriesOfNamespace) + 1, path.slice(path.indexOf("/") + 1), path, at];
        }
      },
    },
    {
      name: "blobs",
      columns: ["id", "digest", "size", "content", "created_at"],
      rows: () =>
        blobs((r, b) => {
          const { bytes, digest } = b === 0 ? layerOf(r) : configOf(r, b - 1);
          return [blobIdOf(r, b), digest, bytes.byteLength, bytes, at];
        }),
    },
    {
      name: "repository_blobs",
      columns: ["repository_id", "blob_id", "linked_at"],
      rows: () => blobs((r, b) => [r + 1, blobIdOf(r, b), at]),
    },
    ...manifestTables({ manifests, idOf }),
    ...tagTables(tags),
    {
      name: "events",
      columns: [...eventColumns],
      *rows() {
        for (const r of eachOf(repositories))
          yield [at, "repository.create", "oci", "127.0.0.1", "seed", r + 1, pathOf(r), null, null];
        yield* manifests((r, m) => {
          const detail = JSON.stringify({ mediaType: manifestType });
          return [at, "manifest.push", "oci", "127.0.0.1", "seed", r + 1, pathOf(r), manifestOf(r, m).digest, detail];
        });
        yield* tags(({ r, name, digest }) => {
          const detail = JSON.stringify({ old: null, new: digest });
          return [at, "tag.move", "oci", "127.0.0.1", "seed", r + 1, pathOf(r), name, detail];
        });
      },
    },
  ];
}

interface TagRow {
  readonly id: number;
  readonly r: number;
  readonly name: string;
  readonly manifestId: number;
  readonly digest: string;
}

const eventColumns = [
  ...["at", "kind", "protocol", "address", "request_id", "repository_id", "repository_path", "subject", "detail"],
];

interface Walk {
  manifests<Row>(make: (repository: number, manifest: number) => Row): Iterable<Row>;
  idOf(repository: number, manifest: number): number;
}

function manifestTables({ manifests, idOf }: Walk): readonly Table[] {
  return [
    {
      name: "manifests",
      columns: ["id", "repository_id", "digest", "media_type", "artifact_type", "size", "pushed_at"],
      rows: () =>
        manifests((r, m) => {
          const { bytes, digest } = manifestOf(r, m);
          return [idOf(r, m), r + 1, digest, manifestType, configType, bytes.byteLength, firstMoment];
        }),
    },
    {
      name: "manifest_contents",
      columns: ["manifest_id", "bytes"],
      rows: () => manifests((r, m) => [idOf(r, m), manifestOf(r, m).bytes]),
    },
    {
      name: "manifest_edges",
      columns: ["manifest_id", "kind", "digest"],
      *rows() {
        for (const rows of manifests((r, m) =>
          manifestOf(r, m).edges.map((digest, i): readonly Value[] => [
            idOf(r, m),
            i === 0 ? "config" : "layer",
            digest,
          ]),
        ))
          yield* rows;
      },
    },
    {
      name: "v1_manifests",
      columns: ["manifest_id", "reason"],
      rows: () => manifests((r, m) => [idOf(r, m), "it is an artifact and not an image"]),
    },
  ];
}

function tagTables(tags: <Row>(make: (tag: TagRow) => Row) => Iterable<Row>): readonly Table[] {
  return [
    {
      name: "tags",
      columns: ["id", "repository_id", "name", "manifest_id", "created_at", "updated_at"],
      rows: () => tags(({ id, r, name, manifestId }) => [id, r + 1, name, manifestId, firstMoment, firstMoment]),
    },
    {
      name: "tag_history",
      columns: ["id", "repository_id", "name", "protocol", "new_digest", "at"],
      rows: () => tags(({ id, r, name, digest }) => [id, r + 1, name, "oci", digest, firstMoment]),
    },
  ];
}
