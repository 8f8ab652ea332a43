// Bodies that are no manifests, and manifests that say what they are not.
import { type Part, request } from "../wire.ts";
import { digestOf, imageType } from "../world.ts";
import type { Hostile, Hostiles } from "./hostile.ts";

const indexType = "application/vnd.oci.image.index.v1+json";
const absent = digestOf("absent");
const bytes = (...list: readonly (string | number)[]) =>
  Buffer.concat(list.map((each) => (typeof each === "string" ? Buffer.from(each) : Buffer.from([each]))));
const index = (more = "", manifests = "[]") => `{"schemaVersion":2,"manifests":${manifests}${more}}`;
const many = (count: number) =>
  Array.from({ length: count }, (_, i) => `{"digest":"${digestOf(`${i}`)}","size":1}`).join();

/** No JSON, or no object. */
const texts: readonly (readonly [what: string, body: Part])[] = [
  ["nothing", ""],
  ["a space", " "],
  ["a NUL", "\0"],
  ["100,000 brackets", "[".repeat(100_000)],
  ["100,000 brackets, closed", "[".repeat(100_000) + "]".repeat(100_000)],
  ["100,000 braces", '{"a":'.repeat(100_000)],
  ["a million brackets behind a manifest", index(`,"x":${"[".repeat(1_000_000)}`)],
  ["4 MiB of brackets", "[".repeat(4 * 1024 * 1024)],
  ["a list of a million numbers", `[${"1,".repeat(1_000_000)}1]`],
  ["a string of 4,000,000 characters", `"${"a".repeat(4_000_000)}"`],
  ["a number of a million digits", "1".repeat(1_000_000)],
  ["a string that does not end", '{"schemaVersion":2,"a":"'],
  ["a string that ends in a backslash", '{"a":"\\'],
  ["an escape that is none", '{"a":"\\x41"}'],
  ["half of an escape", '{"a":"\\u00"}'],
  ["a control character in a string", '{"a":"\n"}'],
  ["a comment", '{"a":1}//'],
  ["a comma too many", '{"a":1,}'],
  ["a comma in front", '{,"a":1}'],
  ["names without quotes", "{a:1}"],
  ["single quotes", "{'a':1}"],
  ["NaN", '{"a":NaN}'],
  ["Infinity", '{"schemaVersion":Infinity}'],
  ["a hexadecimal number", '{"schemaVersion":0x2}'],
  ["a leading zero", '{"schemaVersion":02}'],
  ["two objects", "{}{}"],
  ["a byte order mark", `\ufeff${index()}`],
  ["UTF-16", Buffer.from(index(), "utf16le")],
  ["invalid UTF-8", bytes('{"a":"', 0xff, '"}')],
  ["overlong UTF-8", bytes('{"a":"', 0xc0, 0xaf, '"}')],
  ["a surrogate in UTF-8", bytes('{"a":"', 0xed, 0xa0, 0x80, '"}')],
  ["UTF-8 that is cut off", bytes(index().slice(0, -1), 0xe2, 0x82)],
  ["gzip", Buffer.from(Bun.gzipSync(Buffer.from(index())))],
  ["YAML", "schemaVersion: 2\n"],
  ["null", "null"],
  ["true", "true"],
  ["a number", "2"],
  ["a list", "[]"],
  ["an object without a word", "{}"],
];

/** Objects that are no manifests. */
const objects: readonly (readonly [what: string, body: string])[] = [
  ["a name twice", '{"schemaVersion":2,"manifests":[],"manifests":[]}'],
  ["a name twice, once escaped", '{"schemaVersion":2,"manifests":[],"manifest\\u0073":[]}'],
  ["a media type twice", `{"schemaVersion":2,"mediaType":"${indexType}","mediaType":"text/html","manifests":[]}`],
  ["a digest twice", index("", `[{"digest":"${absent}","size":1,"digest":"${absent}"}]`)],
  ["a schemaVersion of 1e999", '{"schemaVersion":1e999,"manifests":[]}'],
  ["a schemaVersion that is a text", '{"schemaVersion":"2","manifests":[]}'],
  ["a schemaVersion that is null", '{"schemaVersion":null,"manifests":[]}'],
  ["a negative schemaVersion", '{"schemaVersion":-2,"manifests":[]}'],
  ["schema 1", '{"schemaVersion":1,"name":"a","tag":"b","fsLayers":[],"history":[]}'],
  ["an image without a config", `{"schemaVersion":2,"mediaType":"${imageType}","layers":[]}`],
  ["an image that is an index too", `{"schemaVersion":2,"config":{"digest":"${absent}"},"layers":[],"manifests":[]}`],
  ["an index without a list", `{"schemaVersion":2,"mediaType":"${indexType}"}`],
  ["an index of an object", index("", "{}")],
  ["an index of a text", index("", '"x"')],
  ["an index of nulls", index("", "[null]")],
  ["an index of lists", index("", "[[]]")],
  ["an index of texts", index("", `["${absent}"]`)],
  ["a child without a digest", index("", '[{"size":1}]')],
  ["a child whose digest is a list", index("", `[{"digest":["${absent}"],"size":1}]`)],
  ["a child whose digest is none", index("", '[{"digest":"sha256:../../etc/passwd","size":1}]')],
  ["a child whose digest is in capitals", index("", `[{"digest":"${absent.toUpperCase()}","size":1}]`)],
  ["a child of another algorithm", index("", '[{"digest":"md5:d41d8cd98f00b204e9800998ecf8427e","size":1}]')],
  ["a negative size", index("", `[{"digest":"${absent}","size":-1}]`)],
  ["half a byte", index("", `[{"digest":"${absent}","size":0.5}]`)],
  ["a size beyond all disks", index("", `[{"digest":"${absent}","size":1e300}]`)],
  ["a size that is a text", index("", `[{"digest":"${absent}","size":"1"}]`)],
  ["children that are not there", index("", `[{"digest":"${absent}","size":1}]`)],
  ["9,999 children that are not there", index("", `[${many(9_999)}]`)],
  ["10,001 children", index("", `[${many(10_001)}]`)],
  ["40,000 children", index("", `[${many(40_000)}]`)],
  ["a subject that is a text", index(`,"subject":"${absent}"`)],
  ["a subject without a digest", index(',"subject":{}')],
  ["a subject whose digest is none", index(',"subject":{"digest":"x","size":1}')],
  ["annotations that are a list", index(',"annotations":[]')],
  ["annotations that are no texts", index(',"annotations":{"a":{}}')],
  ["an artifact type with a NUL", index(',"artifactType":"a/b\\u0000c"')],
];

/** What is said of a manifest's type, in the header and in itself. */
const types: readonly (readonly [what: string, contentType: string, body: string])[] = [
  ["HTML in the header", "text/html", index()],
  ["HTML in itself", "application/json", index(',"mediaType":"text/html"')],
  ["a line break in itself", "application/json", index(',"mediaType":"a/b+json\\r\\nX-Evil: yes"')],
  ["no Latin letters in itself", "application/json", index(',"mediaType":"a/\\u4e2d+json"')],
  ["a lone surrogate in itself", "application/json", index(',"mediaType":"a/\\ud800+json"')],
  ["a number in itself", "application/json", index(',"mediaType":1')],
  ["another type in itself", indexType, index(`,"mediaType":"${imageType}"`)],
  ["nonsense in the header", "nonsense", index()],
  ["nothing in the header", "", index()],
  ["a slash in the header", "/", index()],
  ["two types in the header", `${indexType}, ${imageType}`, index()],
  ["a type of 30,000 letters", `application/${"a".repeat(30_000)}+json`, index()],
  ["a form", "application/x-www-form-urlencoded", index()],
  ["parts", "multipart/form-data; boundary=x", index()],
  ["an archive", "application/gzip", index()],
  ["high bytes in the header", "application/\xff+json", index()],
];

const put = (name: string, what: string, body: Part, headers: readonly string[] = []): Hostile => ({
  what: `the manifest: ${what}`,
  bytes: request("PUT", `/v2/${name}/manifests/refused`, headers, body),
});

export const manifests: Hostiles = ({ name, manifest }) => [
  ...texts.map(([what, body]) => ({ ...put(name, what, body), status: 400, code: "MANIFEST_INVALID" })),
  ...objects.map(([what, body]) => put(name, what, body)),
  ...types.map(([what, type, body]) => put(name, what, body, [`Content-Type: ${type}`])),
  { ...put(name, "larger than 4 MiB", " ".repeat(4 * 1024 * 1024 + 1)), status: 413 },
  { ...put(name, "of 32 MiB", Buffer.alloc(32 << 20)), status: 413 },
  { ...put("elsewhere", "of another repository", manifest), status: 404, code: "MANIFEST_BLOB_UNKNOWN" },
  {
    what: "the manifest: of another digest",
    bytes: request("PUT", `/v2/${name}/manifests/${absent}`, [], manifest),
    status: 400,
    code: "DIGEST_INVALID",
  },
  ...["tag=-x", "tag=", "tag=a&tag=%00", "tag=a/b", Array.from({ length: 65 }, (_, i) => `tag=t${i}`).join("&")].map(
    (query) => ({
      what: `the manifest: with ${query.slice(0, 20)}`,
      bytes: request("PUT", `/v2/${name}/manifests/${digestOf(manifest)}?${query}`, [], manifest),
      status: 400,
    }),
  ),
];
