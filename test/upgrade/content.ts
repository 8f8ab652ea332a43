// What a kept data folder holds, made the same way every time: an image, an index, a referrer, a moved and a deleted tag,
// content in the database and in files, an unfinished upload.
import { createHash } from "node:crypto";
import { compareV1, type KeptV1 } from "./v1-content.ts";

export interface Kept {
  /** `repository reference` to the digest that it gave. */
  readonly manifests: Readonly<Record<string, string>>;
  /** `repository digest` to the size. */
  readonly blobs: Readonly<Record<string, number>>;
  readonly tags: Readonly<Record<string, readonly string[]>>;
  /** `repository subject` to its referrers. */
  readonly referrers: Readonly<Record<string, readonly string[]>>;
  /** The path of an upload that is not finished, and its offset. */
  readonly upload: { readonly location: string; readonly offset: number; readonly digest: string };
  /** What v1 clients see; formats of the time before v1 may hold no image that they could use. */
  readonly v1?: KeptV1;
}

const image = "application/vnd.oci.image.manifest.v1+json";
const index = "application/vnd.oci.image.index.v1+json";
const layer = "application/vnd.oci.image.layer.v1.tar";
const repository = "team/app";

export function digestOf(bytes: Uint8Array | string): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

/** `size` bytes that are the same every time. */
export function bytesOf(seed: string, size: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size);
  for (let at = 0, block = Buffer.from(seed); at < size; at += block.byteLength) {
    block = createHash("sha512").update(block).digest();
    bytes.set(block.subarray(0, Math.min(block.byteLength, size - at)), at);
  }
  return bytes;
}

type Ask = (method: string, path: string, body?: Uint8Array<ArrayBuffer> | string, type?: string) => Promise<Response>;

function openAsk(url: string): Ask {
  return async (method, path, body, type = "application/octet-stream") => {
    const answer = await fetch(url + path, {
      method,
      headers: { "Content-Type": type },
      ...(body === undefined ? {} : { body }),
    });
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    return answer;
  };
}

/** Fills the registry at `url`. */
export async function fill(url: string): Promise<Kept> {
  const ask = openAsk(url);
  const blobs: Record<string, number> = {};
  const manifests: Record<string, string> = {};
  const putBlob = async (where: string, seed: string, size: number, mediaType: string) => {
    const bytes = bytesOf(seed, size);
    const digest = digestOf(bytes);
    await ask("POST", `/v2/${where}/blobs/uploads/?digest=${digest}`, bytes);
    blobs[`${where} ${digest}`] = size;
    return { mediaType, digest, size };
  };
  const putManifest = async (where: string, reference: string, mediaType: string, content: object) => {
    const text = JSON.stringify({ schemaVersion: 2, mediaType, ...content });
    const digest = digestOf(text);
    await ask("PUT", `/v2/${where}/manifests/${reference === "" ? digest : reference}`, text, mediaType);
    manifests[`${where} ${reference === "" ? digest : reference}`] = digest;
    return { mediaType, digest, size: text.length };
  };
  const config = await putBlob(repository, "config", 700, "application/vnd.oci.image.config.v1+json");
  const small = await putBlob(repository, "small", 9_000, layer);
  const large = await putBlob(repository, "large", 40_000, layer);
  const old = await putManifest(repository, "moved", image, { config, layers: [small] });
  const app = await putManifest(repository, "moved", image, { config, layers: [small, large] });
  manifests[`${repository} ${old.digest}`] = old.digest;
  await putManifest(repository, "index", index, { manifests: [old, app] });
  const signature = { artifactType: "application/vnd.example.signature", config, layers: [small], subject: app };
  const referrer = await putManifest(repository, "", image, { ...signature, annotations: { signed: "yes" } });
  await putManifest(repository, "gone", image, { config, layers: [large] });
  await ask("DELETE", `/v2/${repository}/manifests/gone`);
  delete manifests[`${repository} gone`];
  const official = await putBlob("ubuntu", "ubuntu", 20_000, layer);
  const officialConfig = await putBlob("ubuntu", "config", 700, "application/vnd.oci.image.config.v1+json");
  await putManifest("library/ubuntu", "22.04", image, { config: officialConfig, layers: [official] });

  const location = (await ask("POST", `/v2/${repository}/blobs/uploads/`)).headers.get("location") ?? "";
  const half = bytesOf("upload", 50_000);
  await ask("PATCH", location, half.slice(0, 30_000));
  return {
    manifests,
    blobs,
    tags: { [repository]: ["index", "moved"], ubuntu: ["22.04"] },
    referrers: { [`${repository} ${app.digest}`]: [referrer.digest] },
    upload: { location, offset: 30_000, digest: digestOf(half) },
  };
}

/** Everything that the registry at `url` gives otherwise than `kept` says, a line each. */
export async function compare(url: string, kept: Kept): Promise<string[]> {
  const wrong: string[] = [];
  const get = (path: string) => fetch(url + path);
  for (const [key, digest] of Object.entries(kept.manifests)) {
    const [where, reference] = key.split(" ");
    const bytes = await (await get(`/v2/${where}/manifests/${reference}`)).bytes();
    if (digestOf(bytes) !== digest) wrong.push(`manifest ${key}`);
  }
  for (const [key, size] of Object.entries(kept.blobs)) {
    const [where, digest] = key.split(" ");
    const bytes = await (await get(`/v2/${where}/blobs/${digest}`)).bytes();
    if (bytes.byteLength !== size || digestOf(bytes) !== digest) wrong.push(`blob ${key}`);
  }
  for (const [where, tags] of Object.entries(kept.tags)) {
    const listed = (await (await get(`/v2/${where}/tags/list`)).json()) as { tags: string[] };
    if (listed.tags.join() !== tags.join()) wrong.push(`tags of ${where}: ${listed.tags.join()}`);
  }
  for (const [key, digests] of Object.entries(kept.referrers)) {
    const [where, subject] = key.split(" ");
    const listed = (await (await get(`/v2/${where}/referrers/${subject}`)).json()) as {
      manifests: { digest: string }[];
    };
    if (listed.manifests.map(({ digest }) => digest).join() !== digests.join()) wrong.push(`referrers of ${key}`);
  }
  const wrongV1 = kept.v1 === undefined ? [] : await compareV1(url, kept.v1);
  return [...wrong, ...wrongV1, ...(await resume(url, kept.upload))];
}

/** Finishes the upload that was left. It is a copy of the folder that this happens to. */
async function resume(url: string, { location, offset, digest }: Kept["upload"]): Promise<string[]> {
  const status = await fetch(url + location);
  if (status.headers.get("range") !== `0-${offset - 1}`)
    return [`upload: ${status.status} at ${status.headers.get("range")}`];
  const rest = bytesOf("upload", 50_000).slice(offset);
  const put = await fetch(`${url}${location}?digest=${digest}`, { method: "PUT", body: rest });
  return put.status === 201 ? [] : [`upload: ${put.status} when it was finished`];
}
