// Layers and archives for tests. Those in `samples` were measured with programs of the time: their facts are known.
import { gunzipSync } from "node:zlib";
import { type Digest, parseDigest } from "../digest.ts";
import type { LayerFacts } from "../layer.ts";

export interface Sample {
  readonly bytes: Uint8Array;
  readonly digest: Digest;
  readonly facts: Omit<LayerFacts, "payload">;
}

const bytesOf = (base64: string) => new Uint8Array(Buffer.from(base64, "base64"));
const unpack = (base64: string) => new Uint8Array(gunzipSync(bytesOf(base64)));
const sha256 = (hex: string) => parseDigest(`sha256:${hex}`);

function plainSample(bytes: Uint8Array, hex: string, isEmpty: boolean): Sample {
  const digest = sha256(hex);
  const facts = { compression: "none", diffId: digest, diffSize: bytes.byteLength, isEmpty, reason: null } as const;
  return { bytes, digest, facts };
}

function gzipSample(
  base64: string,
  hex: string,
  diffHex: string,
  content: { diffSize: number; isEmpty: boolean },
): Sample {
  const facts = { compression: "gzip", diffId: sha256(diffHex), ...content, reason: null } as const;
  return { bytes: bytesOf(base64), digest: sha256(hex), facts };
}

export const samples: Readonly<Record<"L1" | "L2" | "L3" | "E1" | "E0" | "E2" | "N1", Sample>> = {
  /** `etc/` and `etc/hello.txt`, gzip. */
  L1: gzipSample(
    "H4sIAAAAAAAC/+3RMQqAMAxA0cyeoifQtE3b84gUHAqCRvD4ho4ibnVp3pKQJcPPvEzQGIoUQp3iOV/2GByCCfCD8+B5l5fQpyz911zKNvLFDftHoo/+EazznohSvVskS2BQ+zdX2w+glFKqMze7OKbEAAoAAA==",
    "693f2b6657a89c6de4122609899df595ea9fb42565355136584bfbe6fe6f4031",
    "2c42cb3715f817019e44b6b1484589e239cc077fe7fa39cbe386a47e2bd24065",
    { diffSize: 2560, isEmpty: false },
  ),
  /** `app` and `app/run.sh`, plain. */
  L2: plainSample(
    unpack(
      "H4sIAAAAAAACA+3RMQ6AIAwF0M6eAuMugkDPg8YEFjWi97fBxbirA33Lb/7S4ft1lfCyjqC1Ockz86103xtj8OqddQqEhQ8cafcbvYQyedp/O+Y2hR/31/q2v6IeUSGIjvd/XVPLIc4yhWoawyJCrIAxxlgBThsVEawACgAA",
    ),
    "ae036bb3c5a47bce6b0a3a23fc1e62df8815803ce1187e73d5919439a86636cc",
    false,
  ),
  /** `etc` and `etc/.wh.hello.txt`, gzip, without closing blocks. */
  L3: gzipSample(
    "H4sIAAAAAAAA/0stSdZnoDEwAAJzU1MwDQToNJhtaGRsbGJiYm5gYAQUNzM1NWNQMGWgAygtLkksAlrJMDJBKjD+9coz9DJSc3Ly9UoqSmgU/2aY8Y4S/yhsQ0MDY1MGBYPR+Kc5AADt3jXJAAQAAA==",
    "d077c7c1706a570bacd4d0cabd693c49e6ff628df171aa36abd84e52784b9f3b",
    "6ab9ee4d6a57b38578e9469496c73efc8a68ebb270f47ef9271eac42d1a3dd2c",
    { diffSize: 1024, isEmpty: false },
  ),
  /** An empty archive of old engines, gzip. */
  E1: gzipSample(
    "H4sIAAAJbogA/2IYBaNgFIxYAAgAAP//Lq+17wAEAAA=",
    "a3ed95caeb02ffe68cdd9fd84406680ae93d633cb16422d00e8a7c22955b46d4",
    "5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef",
    { diffSize: 1024, isEmpty: true },
  ),
  /** Nothing, gzip. */
  E0: gzipSample(
    "H4sIAAAAAAAA/wMAAAAAAAAAAAA=",
    "ac73670af3abed54ac6fb4695131f4099be9fbe39d6076c5d0264a6bbdae9d83",
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    { diffSize: 0, isEmpty: true },
  ),
  /** An empty archive of the tar program, plain. */
  E2: plainSample(new Uint8Array(10240), "84ff92691f909a05b224e1c56abb4864f01b4f8e3c854e4bb4c7baf1d3f6d652", true),
  /** Only `./`, plain. */
  N1: plainSample(
    unpack("H4sIAAAAAAACA9PTZ6A5MAACc1NTMA0E6DSYbWhkbGxiYmIOETczNDZjUDBloAMoLS5JLAJayTAKRsEoGAUjCwAAR/M1YQAGAAA="),
    "7da7edecb86b36df7712f30bfe76fcf53f56307227cd0755313669d9d629de53",
    false,
  ),
};

/** The JSON of the image in the checksum vectors. */
export const sampleJson = new TextEncoder().encode(`{"id":"${"1".repeat(64)}","created":"2014-06-24T11:54:49Z"}`);

/** The same JSON as a prefix of the payload checksum. */
export const samplePrefix = new Uint8Array([...sampleJson, 0x0a]);

const places = {
  name: [0, 100],
  mode: [100, 8],
  uid: [108, 8],
  gid: [116, 8],
  size: [124, 12],
  mtime: [136, 12],
  sum: [148, 8],
  type: [156, 1],
  linkname: [157, 100],
  magic: [257, 8],
  uname: [265, 32],
  gname: [297, 32],
  devmajor: [329, 8],
  devminor: [337, 8],
  prefix: [345, 155],
} as const;

type Field = keyof typeof places;
type Fields = Partial<Record<Field, string>>;
const fieldNames = Object.keys(places) as Field[];

export interface Member {
  readonly name: string;
  readonly content?: string;
  /** Fields of the header as they stand in it: by name, text. */
  readonly fields?: Fields;
}

/** A member as it stands in an archive: header, content, padding. Texts are bytes, one character each. */
export function memberOf({ name, content = "", fields = {} }: Member): Uint8Array {
  const header = Buffer.alloc(512);
  const size = content.length.toString(8).padStart(11, "0");
  const texts: Fields = {
    name,
    mode: "0000644",
    uid: "0",
    gid: "0",
    size,
    mtime: "0",
    type: "0",
    magic: "ustar\x0000",
    ...fields,
  };
  const put = ([start, length]: readonly [number, number], text = "") => {
    header.fill(0, start, start + length);
    header.write(text.slice(0, length), start, "latin1");
  };
  for (const field of fieldNames) put(places[field], texts[field]);
  header.fill(0x20, 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  put(places.sum, fields.sum ?? `${sum.toString(8).padStart(6, "0")}\0 `);
  const padding = Buffer.alloc((512 - (content.length % 512)) % 512);
  return Buffer.concat([header, Buffer.from(content, "latin1"), padding]);
}

/** An archive of `members`, with its closing blocks. */
export function tarOf(...members: readonly Member[]): Uint8Array {
  return Buffer.concat([...members.map(memberOf), Buffer.alloc(1024)]);
}

/** A record of a pax header. */
export function recordOf(key: string, value: string): string {
  const bare = ` ${key}=${value}\n`;
  const guess = bare.length + String(bare.length).length;
  return `${bare.length + String(guess).length}${bare}`;
}

/** Copies of `bytes` in parts that end at `cuts`. */
export async function* inParts(bytes: Uint8Array, cuts: readonly number[] = []): AsyncGenerator<Uint8Array> {
  const ends = [...cuts.map((cut) => cut % (bytes.byteLength + 1)), bytes.byteLength].sort((a, b) => a - b);
  for (const [i, end] of ends.entries()) yield new Uint8Array(bytes.subarray(ends[i - 1] ?? 0, end));
}
