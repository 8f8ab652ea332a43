// v1 images that a seed decides: chains of JSON and layers in every form that pushers send, and what must become of them.
import { gzipSync } from "node:zlib";
import { file, writeTar } from "../../v1/archive.ts";
import { contentOf, digestOf, type Random } from "../random.ts";

/** `noise` is no archive, which v1 does not ask of a layer; `xz` is a form for which today's images have no name. */
type Form = "gzip" | "tar" | "noise" | "xz" | "empty";

export interface KnownLayer {
  readonly form: Form;
  readonly seed: number;
  /** Bytes of what is packed. */
  readonly content: number;
  readonly digest: string;
  /** Bytes as they are sent. */
  readonly size: number;
  /** The digest of what it unpacks to; null when that is not found out. */
  readonly diffId: string | null;
}

export interface KnownImage {
  readonly id: string;
  /** The repository that it is pushed for; undefined when a push names none. */
  readonly home: string | undefined;
  readonly parent: KnownImage | undefined;
  readonly layer: KnownLayer;
  /** What was sent last. */
  json: Uint8Array<ArrayBuffer>;
  /** The server has taken a JSON of it. */
  isAnnounced: boolean;
  /** The server has taken its layer since its JSON was sent last. */
  isUploaded: boolean;
}

const utf8 = new TextEncoder();
const xzMagic = [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00];

export function layerBytesOf({ form, seed, content }: Pick<KnownLayer, "form" | "seed" | "content">) {
  if (form === "empty") return Uint8Array.from(gzipSync(new Uint8Array(1024)));
  const noise = contentOf(seed, content);
  if (form === "noise") return noise;
  if (form === "xz") return Uint8Array.from([...xzMagic, ...noise]);
  const tar = writeTar([file(`file-${seed}`, noise)]);
  return Uint8Array.from(form === "tar" ? tar : gzipSync(tar, { level: 1 }));
}

function diffIdOf(form: Form, seed: number, content: number, bytes: Uint8Array): string | null {
  if (form === "xz") return null;
  if (form === "empty") return digestOf(new Uint8Array(1024));
  return form === "gzip" ? digestOf(layerBytesOf({ form: "tar", seed, content })) : digestOf(bytes);
}

/** Small ones live in the database, large ones in files that come in one part or in several. */
function inventLayer(random: Random): KnownLayer {
  const form = random.pick<Form>(["gzip", "gzip", "gzip", "tar", "tar", "noise", "empty", "xz"]) ?? "gzip";
  const most = form === "xz" ? [3_000] : [3_000, 16_390, 60_000, 400_000];
  const content = random.between(20, random.pick(most) ?? 20);
  const seed = random.below(2 ** 31);
  const bytes = layerBytesOf({ form, seed, content });
  const diffId = diffIdOf(form, seed, content, bytes);
  return { form, seed, content, digest: digestOf(bytes), size: bytes.byteLength, diffId };
}

export function inventImage(random: Random, home: string | undefined, parent: KnownImage | undefined): KnownImage {
  const id = Buffer.from(contentOf(random.below(2 ** 31), 32)).toString("hex");
  const image: KnownImage = {
    id,
    home,
    parent,
    layer: inventLayer(random),
    json: new Uint8Array(),
    isAnnounced: false,
    isUploaded: false,
  };
  image.json = inventJson(random, image);
  return image;
}

/** Its comment is its own: no two images of today that are built from such chains are one. */
export function inventJson(random: Random, { id, parent, layer }: KnownImage): Uint8Array<ArrayBuffer> {
  const members = [
    `"id":"${id}"`,
    ...(parent === undefined ? [] : [`"parent":"${parent.id}"`]),
    `"comment":"${id}"`,
    `"created":"2015-01-02T03:04:05.${random.below(1_000_000)}Z"`,
    `"container_config":{"Cmd":["/bin/sh","-c","#(nop) ${layer.form}"]}`,
    '"docker_version":"1.5.0","config":{"Env":null},"architecture":"amd64","os":"linux","Size":1.50',
  ];
  return utf8.encode(`{${members.join(random.pick([",", ", "]))}}${random.pick(["", "\n"])}`);
}

/** An image and its ancestors, base first. */
export function chainOf(top: KnownImage): KnownImage[] {
  const chain: KnownImage[] = [];
  for (let at: KnownImage | undefined = top; at !== undefined; at = at.parent) chain.unshift(at);
  return chain;
}

/** Whether an image of today can have the layers of a chain. */
export function isTranslatable(top: KnownImage): boolean {
  return chainOf(top).every(({ layer }) => layer.diffId !== null);
}

/** The layers that the image built from a chain has: those with something in them, or the base's. */
export function solidLayers(top: KnownImage): KnownLayer[] {
  const layers = chainOf(top).map(({ layer }) => layer);
  const solid = layers.filter(({ form }) => form !== "empty");
  return solid.length > 0 ? solid : layers.slice(0, 1);
}
