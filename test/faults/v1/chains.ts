// A v1 image that the tests push request by request, and whether it is still there.
import { expect } from "bun:test";
import { contentOf, digestOf } from "../random.ts";
import type { Client, Reply } from "../registry-client.ts";
import { checksumOf, openV1Client, type V1Client } from "./client.ts";
import type { KnownImage } from "./images.ts";

export interface Piece {
  readonly image: KnownImage;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** An image without a parent whose layer is `bytes`; `seed` decides its id. */
export function pieceOf(seed: number, bytes: Uint8Array<ArrayBuffer>): Piece {
  const id = Buffer.from(contentOf(seed, 32)).toString("hex");
  const json = new TextEncoder().encode(JSON.stringify({ id, comment: id, created: "2015-01-02T03:04:05Z" }));
  const digest = digestOf(bytes);
  const layer = {
    form: "noise",
    seed,
    content: bytes.byteLength,
    digest,
    size: bytes.byteLength,
    diffId: digest,
  } as const;
  return {
    image: { id, home: undefined, parent: undefined, layer, json, isAnnounced: false, isUploaded: false },
    bytes,
  };
}

export function putChecksum(v1: V1Client, { image, bytes }: Piece): Promise<Reply> {
  return v1.putChecksum(image, image.home, checksumOf(image, bytes, "payload"));
}

/** Pushes all of an image; every part must be taken. */
export async function pushPiece(client: Client, repository: string, tag: string, piece: Piece): Promise<void> {
  const v1 = openV1Client(client);
  const { image, bytes } = piece;
  const steps = [
    () => v1.putJson(image, undefined),
    () => v1.putLayer(image, undefined, bytes),
    () => putChecksum(v1, piece),
    () => v1.putTag(repository, tag, image.id),
  ];
  for (const step of steps) expect((await step()).status).toBe(200);
}

/** Fails unless both protocols have the image, and all its bytes are as they were pushed. */
export async function expectPiece(
  client: Client,
  repository: string,
  tag: string,
  { image, bytes }: Piece,
): Promise<void> {
  const v1 = openV1Client(client);
  expect(await errorOrText(await v1.getTag(repository, tag))).toBe(`"${image.id}"`);
  const json = await v1.get(image.id, "json", undefined);
  expect([json.status, Buffer.compare(json.bytes, image.json)]).toEqual([200, 0]);
  const layer = await v1.get(image.id, "layer", undefined);
  expect([layer.status, digestOf(layer.bytes)]).toEqual([200, digestOf(bytes)]);
  const manifest = await client.getManifest(repository, tag);
  expect(manifest.status).toBe(200);
  const { layers } = JSON.parse(errorOrText(manifest));
  expect(layers).toMatchObject([{ digest: digestOf(bytes), size: bytes.byteLength }]);
}

export function errorOrText({ bytes }: Reply): string {
  return new TextDecoder().decode(bytes);
}

/** Fails unless an answer is an error in the words of v1. */
export function expectError(reply: Reply, status: number): void {
  expect({ status: reply.status, text: errorOrText(reply) }).toMatchObject({ status });
  expect(reply.headers.get("content-type")).toBe("application/json");
  expect(JSON.parse(errorOrText(reply))).toEqual({ error: expect.stringMatching(/^[a-zA-Z].{5,}/) });
}
