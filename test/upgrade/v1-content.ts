// What a kept data folder holds for v1 clients: images of today, which they see under derived ids; and, where the Berth that made
// the folder spoke v1, chains that were pushed over it: built, v1-only, nobody's, and one whose push is not finished.

import { openRandom } from "../faults/random.ts";
import { payloadChecksum } from "../v1/checksums.ts";
import { makeOciImage, pushIndex, pushOci } from "../v1/oci.ts";
import { makeChain } from "../v1/random-chains.ts";
import { digestOf } from "./content.ts";

export interface KeptV1 {
  /** By id. */
  readonly images: Readonly<Record<string, { readonly json: string; readonly layer: string; readonly size: number }>>;
  /** By repository, and by User-Agent: what is listed. */
  readonly tags: Readonly<Record<string, Readonly<Record<string, Readonly<Record<string, string>>>>>>;
  /** `repository tag` to the digest of the manifest that was built for it; null when there is none. */
  readonly built: Readonly<Record<string, string | null>>;
  /** An image that lacks its checksum alone, and the tag that waits for it. */
  readonly arriving?: {
    readonly id: string;
    readonly checksum: string;
    readonly repository: string;
    readonly tag: string;
  };
}

const agents = ["amd64", "arm64"].map((arch) => `docker/1.5.0 go/go1.4.1 kernel/3.16.0 os/linux arch/${arch}`);
const today = "team/real";
const old = "aged/app";

/** Images that a Berth of any age takes. */
export async function fillImages(url: string): Promise<void> {
  const random = openRandom(2014);
  const place = { url, repository: today };
  await pushOci(place, makeOciImage(random), "run");
  await pushIndex(
    place,
    "multi",
    ["amd64", "arm64"].map((architecture) => {
      const platform = { os: "linux", architecture };
      return { platform, image: makeOciImage(random, platform) };
    }),
  );
}

function openPut(url: string) {
  return async (path: string, body?: Uint8Array | string, headers: Readonly<Record<string, string>> = {}) => {
    const sent = body === undefined ? {} : { body: Uint8Array.from(Buffer.from(body)) };
    const answer = await fetch(`${url}/v1/${path}`, { method: "PUT", headers, ...sent });
    if (!answer.ok) throw new Error(`PUT ${path}: ${answer.status} ${await answer.text()}`);
  };
}

/** Chains that were pushed over v1. */
export async function fillChains(url: string): Promise<NonNullable<KeptV1["arriving"]>> {
  const put = openPut(url);
  const random = openRandom(1914);
  const pushAll = async (length: number, isWhole: boolean) => {
    const chain = await makeChain(random, { length, emptyAt: 1 });
    for (const { id, json, layer } of chain) {
      await put(`images/${id}/json`, json);
      await put(`images/${id}/layer`, layer);
      const checksum = { "X-Docker-Checksum-Payload": payloadChecksum(json, layer) };
      if (isWhole || id !== chain.at(-1)?.id) await put(`images/${id}/checksum`, undefined, checksum);
    }
    return chain;
  };
  const tag = (repository: string, name: string, id: string | undefined) =>
    put(`repositories/${repository}/tags/${name}`, JSON.stringify(id));
  const built = await pushAll(4, true);
  await put(`repositories/${old}/`, JSON.stringify(built.map(({ id }) => ({ id }))));
  await tag(old, "1.5", built.at(-1)?.id);
  await tag(old, "base", built.at(0)?.id);
  await put(`repositories/${old}/images`, "[]");
  const xz = {
    id: "f".repeat(64),
    json: `{"id":"${"f".repeat(64)}"}`,
    layer: Uint8Array.of(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0),
  };
  await put(`images/${xz.id}/json`, xz.json);
  await put(`images/${xz.id}/layer`, xz.layer);
  const sent = payloadChecksum(Buffer.from(xz.json), xz.layer);
  await put(`images/${xz.id}/checksum`, undefined, { "X-Docker-Checksum-Payload": sent });
  await tag(old, "v1-only", xz.id);
  await pushAll(2, true);
  const half = (await pushAll(3, false)).at(-1);
  if (half === undefined) throw new Error("a chain has images");
  await tag(old, "waiting", half.id);
  return { id: half.id, checksum: payloadChecksum(half.json, half.layer), repository: old, tag: "waiting" };
}

/** What the registry at `url` gives to v1 clients. `arriving`: what fillChains left; without it no chain was pushed. */
export async function readV1(url: string, arriving: KeptV1["arriving"]): Promise<KeptV1> {
  const tags: Record<string, Record<string, Record<string, string>>> = {};
  const built: Record<string, string | null> = {};
  const ids = new Set<string>();
  const get = (path: string, agent = "") => fetch(url + path, { headers: { "User-Agent": agent } });
  for (const repository of arriving === undefined ? [today] : [today, old]) {
    tags[repository] = {};
    for (const agent of agents) {
      const list = (await (await get(`/v1/repositories/${repository}/tags`, agent)).json()) as Record<string, string>;
      tags[repository][agent] = list;
      for (const [tag, id] of Object.entries(list)) {
        const manifest = await get(`/v2/${repository}/manifests/${tag}`);
        built[`${repository} ${tag}`] = manifest.ok ? digestOf(await manifest.bytes()) : null;
        const ancestry = await get(`/v1/images/${id}/ancestry`);
        for (const each of ancestry.ok ? ((await ancestry.json()) as string[]) : []) ids.add(each);
      }
    }
  }
  const images: Record<string, { json: string; layer: string; size: number }> = {};
  for (const id of [...ids].sort()) images[id] = await readImage(url, id);
  return { images, tags, built, ...(arriving === undefined ? {} : { arriving }) };
}

async function readImage(url: string, id: string): Promise<{ json: string; layer: string; size: number }> {
  const json = digestOf(await (await fetch(`${url}/v1/images/${id}/json`)).bytes());
  const layer = await (await fetch(`${url}/v1/images/${id}/layer`)).bytes();
  return { json, layer: digestOf(layer), size: layer.byteLength };
}

/** Everything that the registry at `url` gives to v1 clients otherwise than `kept` says. Finishes the push that was left. */
export async function compareV1(url: string, kept: KeptV1): Promise<string[]> {
  const wrong: string[] = [];
  // By its id an image is there once the back-fill has come to it, before anybody asks for a tag.
  for (const [id, expected] of Object.entries(kept.images)) {
    while ((await fetch(`${url}/v1/images/${id}/json`, { method: "HEAD" })).status === 404) await Bun.sleep(50);
    const found = await readImage(url, id);
    if (!Bun.deepEquals(found, expected)) wrong.push(`image ${id}: ${JSON.stringify(found)}`);
  }
  const { tags, built } = await readV1(url, kept.arriving);
  if (!Bun.deepEquals(tags, kept.tags)) wrong.push(`tags: ${JSON.stringify(tags)}`);
  if (!Bun.deepEquals(built, kept.built)) wrong.push(`manifests: ${JSON.stringify(built)}`);
  if (kept.arriving === undefined) return wrong;
  const { id, checksum, repository, tag } = kept.arriving;
  await openPut(url)(`images/${id}/checksum`, undefined, { "X-Docker-Checksum-Payload": checksum });
  const { status } = await fetch(`${url}/v2/${repository}/manifests/${tag}`);
  return status === 200 ? wrong : [...wrong, `the tag that waited: ${status}`];
}
