// What holds between the two tongues, for all tests here.
import { expect } from "bun:test";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { Programs } from "../clients/programs.ts";
import { unpack } from "./archive.ts";
import { digestOf } from "./checksums.ts";
import type { Chain } from "./dances.ts";
import { type Layout, readLayout } from "./oci.ts";
import { isEmpty } from "./random-chains.ts";

/** Fails unless two chains have the same ids, JSON and layers. */
export function expectChain(found: Chain, pushed: Chain): void {
  const show = (chain: Chain) =>
    chain.map(({ id, json, layer }) => ({ id, json: json.toString("latin1"), layer: digestOf(layer) }));
  expect(show(found)).toEqual(show(pushed));
}

/** The layers that an image of a chain has: all that are not empty, and the base of a chain that has no other. */
export function solidLayers(chain: Chain): Buffer[] {
  const solid = chain.map(({ layer }) => layer).filter((layer) => !isEmpty(layer));
  return solid.length > 0 ? solid : chain.slice(0, 1).map(({ layer }) => layer);
}

/** Digests of the archives in layers. */
export function diffIds(layers: readonly Uint8Array[]): string[] {
  return layers.map((layer) => digestOf(unpack(layer)));
}

/** Pulls an image with crane, which holds every byte against its digest. */
export async function craneLayout(programs: Programs, reference: string): Promise<Layout> {
  const folder = join(programs.folder, "pulled");
  await rm(folder, { recursive: true, force: true });
  await programs.run("crane", "pull", "--insecure", "--format", "oci", reference, folder);
  return readLayout(folder);
}

/** Fails unless crane pulls the layers of a chain byte for byte. */
export async function expectCranePulls(programs: Programs, reference: string, chain: Chain): Promise<void> {
  const { layers, config } = await craneLayout(programs, reference);
  expect(layers.map(digestOf)).toEqual(solidLayers(chain).map(digestOf));
  expect(config.rootfs.diff_ids).toEqual(diffIds(layers));
}
