// Images made here, without a base and without the network.
import { createHash, randomBytes } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import type { Programs } from "./programs.ts";

/** The digest of bytes as registries write it. */
export function sha256(bytes: string | Uint8Array): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

/** A tar archive with one file of random bytes; returns its path. */
export async function makeTar({ folder, run }: Programs, name: string, size: number): Promise<string> {
  const content = join(folder, `${name}.content`);
  await mkdir(content, { recursive: true });
  await writeFile(join(content, name), randomBytes(size));
  const tar = join(folder, `${name}.tar`);
  await run("tar", "--create", "--file", tar, "--directory", content, name);
  return tar;
}

export interface Layout {
  /** The folder of the OCI layout; its one image is tagged `latest`. */
  readonly path: string;
  readonly digest: string;
  readonly manifest: string;
  readonly layers: readonly string[];
}

/** An image of layers of the given sizes as an OCI layout. https://github.com/opencontainers/image-spec */
export async function makeLayout(programs: Programs, name: string, sizes: readonly number[]): Promise<Layout> {
  const path = join(programs.folder, name);
  await mkdir(join(path, "blobs", "sha256"), { recursive: true });
  const put = async (bytes: Uint8Array, mediaType: string) => {
    const digest = sha256(bytes);
    await writeFile(join(path, "blobs", "sha256", digest.slice("sha256:".length)), bytes);
    return { mediaType, digest, size: bytes.byteLength };
  };
  const tars = await Promise.all(sizes.map(async (size, i) => readFile(await makeTar(programs, `${name}-${i}`, size))));
  const layers = await Promise.all(
    tars.map((tar) => put(gzipSync(tar), "application/vnd.oci.image.layer.v1.tar+gzip")),
  );
  const config = {
    architecture: "amd64",
    os: "linux",
    config: { Cmd: ["/hello"] },
    rootfs: { type: "layers", diff_ids: tars.map((tar) => sha256(tar)) },
  };
  const text = JSON.stringify({
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    config: await put(Buffer.from(JSON.stringify(config)), "application/vnd.oci.image.config.v1+json"),
    layers,
  });
  const manifest = await put(Buffer.from(text), "application/vnd.oci.image.manifest.v1+json");
  const tagged = { ...manifest, annotations: { "org.opencontainers.image.ref.name": "latest" } };
  await writeFile(join(path, "oci-layout"), JSON.stringify({ imageLayoutVersion: "1.0.0" }));
  await writeFile(join(path, "index.json"), JSON.stringify({ schemaVersion: 2, manifests: [tagged] }));
  return { path, digest: manifest.digest, manifest: text, layers: layers.map(({ digest }) => digest) };
}
