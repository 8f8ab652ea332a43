// Random v1 images that a seed decides: archives with everything that layers hold, JSON with everything that engines and
// others ever wrote into it.
import { gzipSync } from "node:zlib";
import { contentOf, type Random } from "../faults/random.ts";
import { file, flushGzip, folder, hardLink, type Member, symbolicLink, unpack, writeTar } from "./archive.ts";
import type { Chain, V1Image } from "./dances.ts";

const stems = ["f", "ü", "файл", "with space", "日本", "-dash", "a&b<c>", "ｆ😀"];
const folders = ["", "d/", "d/é/", "usr/", "usr/lib/"];

/** Members of one layer: folders before what is in them, hard links after what they link to. */
export function makeMembers(random: Random, most = 6): Member[] {
  const members = new Map<string, Member>();
  for (let i = random.between(1, most); i > 0; i--) {
    const place = random.pick(folders) ?? "";
    for (let at = place.indexOf("/"); at >= 0; at = place.indexOf("/", at + 1)) {
      const path = place.slice(0, at + 1);
      if (!members.has(path)) members.set(path, folder(path));
    }
    const stem = `${random.pick(stems)}${random.below(4)}`;
    const member = makeMember(random, place, stem, [...members.values()]);
    if (!members.has(member.name)) members.set(member.name, { ...member, mtime: random.between(0, 2 ** 31 - 1) });
  }
  return [...members.values()];
}

function makeMember(random: Random, place: string, stem: string, before: readonly Member[]): Member {
  const kind = random.below(10);
  if (kind === 0) return symbolicLink(`${place}s-${stem}`, `../${stem}`);
  if (kind === 1) return file(`${place}.wh.${stem}`, "");
  const target = kind === 2 ? before.find(({ type }) => type === "0") : undefined;
  if (target !== undefined && !target.name.includes(".wh.")) return hardLink(`${place}h-${stem}`, target.name);
  const size = random.chance(0.1) ? random.between(0, 100_000) : random.between(0, 600);
  return file(`${place}${stem}`, contentOf(random.below(2 ** 31), size), random.pick([0o644, 0o755, 0o4755, 0o600]));
}

/** Layers without a member, in each of the forms in which they were pushed. */
const emptyArchives: readonly Buffer[] = [
  Buffer.alloc(1024),
  gzipSync(Buffer.alloc(1024)),
  gzipSync(Buffer.alloc(0)),
  Buffer.alloc(10_240),
  // What engines since 0.11 push: compressed by the Go of their time.
  Buffer.from("1f8b080000096e8800ff621805a360148c5800080000ffff2eafb5ef00040000", "hex"),
];

export interface ChainOptions {
  readonly length: number;
  /** Archives end with two zero blocks; without it, some do. */
  readonly isClosed?: boolean;
  /** Layers are gzip with flushes and nothing else, as engines push them. */
  readonly isGzip?: boolean;
  /** This layer, counted from the base, is empty in any case. */
  readonly emptyAt?: number;
}

async function makeLayer(random: Random, { isClosed, isGzip }: ChainOptions): Promise<Buffer> {
  const tar = writeTar(makeMembers(random), isClosed ?? random.chance(0.7));
  if (isGzip === true) return flushGzip(tar, random.between(100, 40_000));
  const form = random.below(4);
  if (form === 0) return tar;
  return form === 1 ? gzipSync(tar, { level: random.between(0, 9) }) : flushGzip(tar, random.between(512, 40_000));
}

/** A chain of images: about a quarter of the layers are empty, some are the same bytes as one before. */
export async function makeChain(random: Random, options: ChainOptions): Promise<Chain> {
  const chain: V1Image[] = [];
  for (let i = 0; i < options.length; i++) {
    const again = random.chance(0.1) ? random.pick(chain)?.layer : undefined;
    const empty = random.chance(0.25) || i === options.emptyAt ? pickEmpty(random, options) : undefined;
    const id = hexOf(random);
    chain.push({
      id,
      json: Buffer.from(makeJson(random, id, chain.at(-1)?.id)),
      layer: again ?? empty ?? (await makeLayer(random, options)),
    });
  }
  return chain;
}

function pickEmpty(random: Random, { isGzip }: ChainOptions): Buffer | undefined {
  return random.pick(isGzip === true ? emptyArchives.filter((bytes) => bytes[0] === 0x1f) : emptyArchives);
}

export function isEmpty(layer: Uint8Array): boolean {
  return unpack(layer).every((byte) => byte === 0);
}

function hexOf(random: Random): string {
  return Buffer.from(contentOf(random.below(2 ** 31), 32)).toString("hex");
}

const texts = [
  '"plain"',
  String.raw`"\u00e9 \/ \" \\ \n\t\u0001"`,
  "\"<a href='x'>&amp;\u2028\u2029 é 日本 😀\"",
  String.raw`"\ud83d\ude00"`,
  '""',
];
const oddMembers = [
  '"x-number":1.50',
  '"x-big":12345678901234567890',
  '"x-exponent":1e3',
  String.raw`"\u0041lpha<":true`,
  '"日本":{"b":1,"a":[ 1 ,2 ],"b":2}',
  '"2":null',
  '"throwaway":false',
  '"Size":4096',
];

/** JSON as text: its spelling is what must survive. */
function makeJson(random: Random, id: string, parent: string | undefined): string {
  const text = () => random.pick(texts) ?? '""';
  const command = `{"Hostname":"","Cmd":["/bin/sh","-c",${text()}],"Env":null,"Image":${JSON.stringify(parent ?? "")}}`;
  const members = [
    `"id":"${id}"`,
    ...(parent === undefined ? [] : [`"parent":"${parent}"`]),
    ...(random.chance(0.4) ? [`"comment":${text()}`] : []),
    `"created":"${random.pick(["2014-06-24T11:54:49Z", "2015-01-02T03:04:05.123456789Z", "2013-12-31T23:59:59.5+02:00"])}"`,
    `"container_config":${command}`,
    `"docker_version":"${random.pick(["0.6.7", "1.3.3", "1.5.0", "1.9.1", "dev"])}"`,
    ...(random.chance(0.4) ? [`"author":${text()}`] : []),
    ...(random.chance(0.7) ? [`"config":${command}`] : []),
    ...(random.chance(0.8) ? ['"architecture":"amd64"', '"os":"linux"'] : []),
    ...oddMembers.filter(() => random.chance(0.2)),
  ];
  const separator = random.pick([",", ", ", ",\n  "]) ?? ",";
  const end = random.pick(["", "\n"]) ?? "";
  return `{${members.join(separator)}}${end}`;
}
