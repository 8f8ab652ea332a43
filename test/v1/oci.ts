// Images of today for the same tests: random ones whose layers are gzip, plain and zstd, for one platform or several; pushed
// by plain requests; and what crane pulled, read back.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import type { Random } from "../faults/random.ts";
import { openClient } from "../faults/registry-client.ts";
import { writeTar } from "./archive.ts";
import { digestOf } from "./checksums.ts";
import { makeMembers } from "./random-chains.ts";

type Bytes = Uint8Array<ArrayBuffer>;

export interface OciImage {
  readonly config: Bytes;
  readonly layers: readonly Bytes[];
  /** The archives in the layers. */
  readonly archives: readonly Bytes[];
  readonly manifest: Bytes;
  readonly digest: string;
}

export interface Platform {
  readonly os: string;
  readonly architecture: string;
}

const imageType = "application/vnd.oci.image.manifest.v1+json";
const indexType = "application/vnd.oci.image.index.v1+json";
const layerType = "application/vnd.oci.image.layer.v1.tar";
const here: Platform = { os: "linux", architecture: "amd64" };

function packLayer(random: Random, tar: Bytes): { readonly bytes: Bytes; readonly mediaType: string } {
  const form = random.below(3);
  if (form === 0) return { bytes: tar, mediaType: layerType };
  if (form === 1) return { bytes: new Uint8Array(gzipSync(tar)), mediaType: `${layerType}+gzip` };
  return { bytes: new Uint8Array(Bun.zstdCompressSync(tar)), mediaType: `${layerType}+zstd` };
}

function describe(bytes: Uint8Array, mediaType: string) {
  return { mediaType, digest: digestOf(bytes), size: bytes.byteLength };
}

function encode(value: unknown): Bytes {
  return new TextEncoder().encode(JSON.stringify(value));
}

/** An image of up to eight layers; its history sometimes fits them, and sometimes does not. */
export function makeOciImage(random: Random, platform: Platform = here): OciImage {
  const tars = Array.from({ length: random.between(1, 8) }, () => new Uint8Array(writeTar(makeMembers(random))));
  const layers = tars.map((tar) => packLayer(random, tar));
  const history = tars.flatMap((_, i) => [
    { created: "2024-05-06T07:08:09.5Z", created_by: `COPY ${i} <é>`, comment: "buildkit" },
    ...(random.chance(0.5) ? [{ created: "2024-05-06T07:08:09Z", created_by: "ENV A=b", empty_layer: true }] : []),
  ]);
  const config = encode({
    ...platform,
    created: "2024-05-06T07:08:10Z",
    config: { Cmd: ["/bin/sh"], Env: ["A=<&>é"], Labels: { seed: String(random.below(2 ** 31)) } },
    rootfs: { type: "layers", diff_ids: tars.map((tar) => digestOf(tar)) },
    ...(random.chance(0.7) ? { history: random.chance(0.8) ? history : history.slice(1) } : {}),
  });
  const manifest = encode({
    schemaVersion: 2,
    mediaType: imageType,
    config: describe(config, "application/vnd.oci.image.config.v1+json"),
    layers: layers.map(({ bytes, mediaType }) => describe(bytes, mediaType)),
  });
  return { config, layers: layers.map(({ bytes }) => bytes), archives: tars, manifest, digest: digestOf(manifest) };
}

export interface Place {
  readonly url: string;
  readonly repository: string;
}

/** Pushes an image by `reference`, a tag or its digest. */
export async function pushOci({ url, repository }: Place, image: OciImage, reference = image.digest): Promise<void> {
  const client = openClient(url);
  for (const bytes of [image.config, ...image.layers]) {
    expectStatus(await client.putWhole(repository, digestOf(bytes), bytes), 201);
  }
  expectStatus(await client.putManifest(repository, reference, imageType, image.manifest), 201);
}

/** Pushes images and an index of them; returns its digest. */
export async function pushIndex(
  place: Place,
  tag: string,
  members: readonly { readonly platform: Platform; readonly image: OciImage }[],
): Promise<string> {
  for (const { image } of members) await pushOci(place, image);
  const index = encode({
    schemaVersion: 2,
    mediaType: indexType,
    manifests: members.map(({ platform, image }) => ({ ...describe(image.manifest, imageType), platform })),
  });
  expectStatus(await openClient(place.url).putManifest(place.repository, tag, indexType, index), 201);
  return digestOf(index);
}

/** The digest that a tag leads to on the OCI side; undefined when it leads nowhere. */
export async function resolveTag({ url, repository }: Place, tag: string): Promise<string | undefined> {
  const { status, bytes } = await openClient(url).getManifest(repository, tag);
  return status === 200 ? digestOf(bytes) : undefined;
}

function expectStatus({ status, bytes }: { readonly status: number; readonly bytes: Uint8Array }, wanted: number) {
  if (status !== wanted) throw new Error(`expected ${wanted}, got ${status}: ${new TextDecoder().decode(bytes)}`);
}

export interface Layout {
  readonly digest: string;
  readonly mediaType: string;
  readonly config: { readonly rootfs: { readonly diff_ids: readonly string[] } };
  readonly layers: readonly Buffer[];
}

/** The one image of an OCI layout, as crane writes it. */
export async function readLayout(folder: string): Promise<Layout> {
  const blob = (digest: string) => readFile(join(folder, "blobs", "sha256", digest.slice("sha256:".length)));
  const index = JSON.parse(await readFile(join(folder, "index.json"), "utf8"));
  const [{ digest, mediaType }] = index.manifests;
  const manifest = JSON.parse(await blob(digest).then(String));
  const config = JSON.parse(await blob(manifest.config.digest).then(String));
  const layers = await Promise.all(manifest.layers.map((layer: { readonly digest: string }) => blob(layer.digest)));
  return { digest, mediaType, config, layers };
}
