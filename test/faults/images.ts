// Small images that the tests push, and whether they are still there.
import { expect } from "bun:test";
import { contentOf, digestOf } from "./random.ts";
import type { Client, Reply } from "./registry-client.ts";

const imageType = "application/vnd.oci.image.manifest.v1+json";

export interface Image {
  readonly config: Uint8Array<ArrayBuffer>;
  readonly layer: Uint8Array<ArrayBuffer>;
  readonly manifest: Uint8Array<ArrayBuffer>;
  readonly digest: string;
}

/** An image that `seed` decides. */
export function imageOf(seed: number, layerBytes: number): Image {
  const config = contentOf(seed, 500);
  const layer = contentOf(seed + 1, layerBytes);
  const describe = (bytes: Uint8Array) => ({
    mediaType: "application/octet-stream",
    digest: digestOf(bytes),
    size: bytes.byteLength,
  });
  const manifest = new TextEncoder().encode(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: imageType,
      config: describe(config),
      layers: [describe(layer)],
    }),
  );
  return { config, layer, manifest, digest: digestOf(manifest) };
}

/** Pushes all of an image; every part must be taken. */
export async function pushImage(client: Client, repository: string, tag: string, image: Image): Promise<void> {
  for (const blob of [image.config, image.layer]) {
    expect((await client.putWhole(repository, digestOf(blob), blob)).status).toBe(201);
  }
  expect((await putTag(client, repository, tag, image)).status).toBe(201);
}

export function putTag(client: Client, repository: string, tag: string, { manifest }: Image): Promise<Reply> {
  return client.putManifest(repository, tag, imageType, manifest);
}

/** Fails unless the tag leads to the image and all its bytes are as they were pushed. */
export async function expectImage(client: Client, repository: string, tag: string, image: Image): Promise<void> {
  const reply = await client.getManifest(repository, tag);
  expect({ status: reply.status, digest: digestOf(reply.bytes) }).toEqual({ status: 200, digest: image.digest });
  for (const blob of [image.config, image.layer]) {
    const { status, bytes } = await client.getBlob(repository, digestOf(blob));
    expect({ status, digest: digestOf(bytes) }).toEqual({ status: 200, digest: digestOf(blob) });
  }
}

/** Fails unless an answer is an error as the specification words it. */
export function expectEnvelope({ status, headers, bytes }: Reply, expected: number): void {
  const text = new TextDecoder().decode(bytes);
  expect({ status, text }).toMatchObject({ status: expected });
  expect(headers.get("content-type")).toBe("application/json");
  expect(JSON.parse(text)).toMatchObject({ errors: [{ code: expect.any(String), message: expect.any(String) }] });
}
