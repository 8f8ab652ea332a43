// Requests to /v1/ that must be refused: names, ids and tags that are none, tokens and cookies that prove nothing, and bodies
// that are not what they should be.
import { type Part, request } from "../wire.ts";
import type { Hostile, Hostiles } from "./hostile.ts";

const absent = "0123456789abcdef".repeat(4);
const docker6 = "User-Agent: docker/0.6.7 go/go1.2 kernel/3.8 os/linux arch/amd64";
const short = (text: string) => (text.length > 60 ? `${text.slice(0, 40)}… (${text.length})` : text);

const names = [
  ...["-", ".", "..", "_", "._-", "team/-", "-/team", "a/../b", "a/./b", "team//app", "//", "%2e%2e", "%252e%252e"],
  ...["..%2F..%2Fetc", "%2Fetc%2Fpasswd", "..%5C..", "a%00b", "%00", "a%0D%0AX-Evil:%20yes", "a%0a", "a%20b", "a%2Bb"],
  ...["%C3%A9", "%FF", "%C0%AF", "%ED%A0%80", "a%", "a%zz", "a%u0041", "a@b", "a:b", "a;b", "a*b", "a'b", 'a"b'],
  ...["%3Cscript%3E", "a\\b", "a|b", "a{b}", "a[b]", "a~b", "a!b", "a$b", "a(b)", "a,b", "a=b", "a&b", "a^b", "a`b"],
  ...["a".repeat(256), `${"a/".repeat(200)}a`, "a".repeat(20_000), "%61".repeat(8_000), "%2F".repeat(50)],
] as const;

const ids = [
  ...[
    "a",
    "g".repeat(64),
    absent.toUpperCase(),
    `${absent}0`,
    absent.slice(1),
    `${absent.slice(0, 32)}`,
    "..",
    "%2e%2e",
  ],
  ...[
    "%00",
    `${absent}%00`,
    `${absent}%0a`,
    `%20${absent}`,
    "..%2F..%2Fetc%2Fpasswd",
    "%FF",
    "constructor",
    "__proto__",
  ],
  ...["'%20or%20''='", "*", "%25", "a".repeat(20_000), `sha256:${absent}`, "%EF%BC%90".repeat(64)],
] as const;

const tags = [
  ...[
    "-a",
    ".a",
    "a%20b",
    "a%2Bb",
    "%C3%A9",
    "%00",
    "a%00",
    "a%0D%0A",
    "%FF",
    "a".repeat(129),
    "a,b",
    "a@b",
    "~",
    "%25",
  ],
  ...["%2e%2e", "a%", "%zz", "a%5Cb", "%22", "latest%00", "latest%20", "*", "a%2Fb", "a".repeat(20_000)],
] as const;

const credentials = [
  ...["Token", "Token ", "Token  x", "Token signature", "Token signature=", "Token =,=,=", "Token Token Token a=b"],
  ...['Token signature=x,repository="../..",access=write', 'Token signature=x,repository="a\\"b",access=write'],
  ...['Token signature=x,repository="",access=', 'Token repository="/",access=read', "Token repository=\xff"],
  ...[
    `Token signature=${"a".repeat(3_900)}`,
    `Token ${"a=b,".repeat(4_000)}`,
    `Token repository="${"a/".repeat(1_500)}"`,
  ],
  ...[
    `Token ${'"'.repeat(3_000)}`,
    `Token ${"a:".repeat(2_000)}`,
    `Token ${"=".repeat(4_000)}`,
    `Token a=${" ".repeat(4_000)}`,
  ],
  ...["Basic", "Basic ", "Basic !", "Basic Og==", "Basic /w==", `Basic ${"A".repeat(20_000)}`, "Bearer x", "", "\t"],
] as const;

const cookies = [
  ...[
    "session",
    "session=",
    "session=.",
    "session=a.b",
    `session=.${absent}`,
    `session=e30.${absent}`,
    '"',
    ";;;",
    "=;=",
  ],
  ...[
    `session=${"a".repeat(3_900)}.${absent}`,
    `session=${"a".repeat(30_000)}`,
    `${"session=;".repeat(400)}`,
    "session=\xff",
  ],
  ...[`session="e30.${absent}"; session=e30.${absent}`, "__proto__=x; session=__proto__"],
] as const;

const checksums = [
  ...[
    "",
    " ",
    "x",
    ":",
    "sha256:",
    `sha256:${absent}0`,
    `sha256:${absent.toUpperCase()}`,
    "tarsum+sha256:",
    "tarsum:x",
  ],
  ...[`tarsum+sha256:${absent}`, `tarsum.v1+sha256:${absent}`, `sha256:${"a".repeat(10_000)}`, "sha256:\xff", "a:b:c"],
] as const;

const bytes = (...list: readonly (string | number)[]) =>
  Buffer.concat(list.map((each) => (typeof each === "string" ? Buffer.from(each) : Buffer.from([each]))));

/** Neither the JSON of an image nor a list. */
const texts: readonly (readonly [what: string, body: Part])[] = [
  ["nothing", ""],
  ["a space", " "],
  ["a NUL", "\0"],
  ["a number", "1"],
  ["null", "null"],
  ["true", "true"],
  ["text", '"x"'],
  ["an empty object", "{}"],
  ["half an object", '{"id":'],
  ["100,000 brackets", "[".repeat(100_000)],
  ["100,000 brackets, closed", "[".repeat(100_000) + "]".repeat(100_000)],
  ["100,000 braces", '{"a":'.repeat(100_000)],
  ["a megabyte of brackets", "[".repeat(1_000_000)],
  ["a string without an end", '{"id":"'],
  ["a string that ends in a backslash", '{"id":"\\'],
  ["an escape that is none", '{"id":"\\x41"}'],
  ["half of an escape", '{"id":"\\u00"}'],
  ["a control character", '{"id":"\n"}'],
  ["a comma too many", '{"id":"a",}'],
  ["names without quotes", "{id:1}"],
  ["NaN", '{"id":NaN}'],
  ["two values", "{} {}"],
  ["bytes that are not UTF-8", bytes('{"id":"', 0xff, 0xfe, '"}')],
  ["an overlong slash", bytes('{"id":"', 0xc0, 0xaf, '"}')],
  ["a surrogate in UTF-8", bytes('{"id":"', 0xed, 0xa0, 0x80, '"}')],
  ["half a character", bytes('{"id":"', 0xe2, 0x82, '"}')],
  ["UTF-16", Buffer.from('{"id":"a"}', "utf16le")],
  ["a byte order mark", bytes(0xef, 0xbb, 0xbf, '{"id":"a"}')],
  ["a form", "id=a&parent=b"],
];

/** JSON of an image, and of none. */
const images: readonly (readonly [what: string, body: string, status: number])[] = [
  ["no id", '{"parent":"x"}', 400],
  ["a number as id", '{"id":1}', 400],
  ["another id", `{"id":"${"a".repeat(64)}"}`, 400],
  ["two ids", `{"id":"${absent}","id":"${absent}"}`, 400],
  ["two ids, one in escapes", `{"id":"${absent}","\\u0069d":"${absent}"}`, 400],
  ["a parent that is not there", `{"id":"${absent}","parent":"${"b".repeat(64)}"}`, 400],
  ["itself as parent", `{"id":"${absent}","parent":"${absent}"}`, 400],
  ["a list as parent", `{"id":"${absent}","parent":[]}`, 400],
  ["a number as parent", `{"id":"${absent}","parent":1}`, 400],
  ["a parent of a megabyte", `{"id":"${absent}","parent":"${"a".repeat(1_000_000)}"}`, 400],
  ["a parent with a NUL", `{"id":"${absent}","parent":"\\u0000"}`, 400],
  ["more than a megabyte", `{"id":"${absent}","x":"${"a".repeat(1024 * 1024)}"}`, 413],
];

/** Lists of images, and of none. */
const lists: readonly (readonly [what: string, body: string, status: number])[] = [
  ["an object", '{"id":"a"}', 400],
  ["numbers", "[1]", 400],
  ["lists", "[[]]", 400],
  ["null", "[null]", 400],
  ["no id", '[{"checksum":"x"}]', 400],
  ["a number as id", '[{"id":1}]', 400],
  ["100,000 of them", `[${`{"id":"a"},`.repeat(100_000)}{"id":"a"}]`, 400],
];

const put = (what: string, path: string, body: Part, status?: number): Hostile => ({
  what: `PUT ${short(path)}: ${what}`,
  bytes: request("PUT", path, [], body),
  ...(status === undefined ? {} : { status }),
});
const ask = (method: string, path: string, headers: readonly string[] = [], status?: number): Hostile => ({
  what: `${method} ${short(path)} ${short(headers.join())}`,
  bytes: request(method, path, headers, method === "GET" || method === "DELETE" ? undefined : "{"),
  ...(status === undefined ? {} : { status }),
});

const imagePath = (id: string, part: string) => `/v1/images/${id}/${part}`;
const repositoryPath = (rest: string) => `/v1/repositories/hostile/v1${rest}`;

export const v1Paths: Hostiles = () => [
  ...names.flatMap((name) => [
    ask("GET", `/v1/repositories/${name}/tags`),
    ask("PUT", `/v1/repositories/${name}/tags/latest`),
    ask("PUT", `/v1/repositories/${name}/`),
    ask("PUT", `/v1/repositories/${name}/images`),
    ask("DELETE", `/v1/repositories/${name}/`),
  ]),
  ...ids.flatMap((id) => [
    ...["json", "layer", "ancestry", "files", "diff"].map((part) => ask("GET", imagePath(id, part))),
    ...["json", "layer", "checksum"].map((part) => ask("PUT", imagePath(id, part))),
    put("an image that is none", repositoryPath("/tags/latest"), JSON.stringify(decodeSafely(id))),
  ]),
  ...tags.flatMap((tag) => [
    ...["GET", "PUT", "DELETE"].map((method) => ask(method, repositoryPath(`/tags/${tag}`))),
    ask("GET", `/v1/repositories/hostile/image/tags/${tag}`),
  ]),
  ...[
    "/v1",
    "/v1//",
    "/v1/x",
    "/v1/images",
    "/v1/images/",
    "/v1/images//json",
    "/v1/repositories",
    "/v1/repositories/",
  ].map((path) => ask("GET", path)),
  ...["/v1/..", "/v1/%2e%2e/", "/v1/%00", "/v1/%", "/v1/%ff", "/v1/_ping/", "/v1/users/a", "/v1/users/%00/"].map(
    (path) => ask("GET", path),
  ),
  ...["PROPFIND", "PATCH", "TRACE", "POST", "LOCK"].map((method) => ask(method, imagePath(absent, "json"), [], 405)),
  ...["PUT", "POST", "DELETE"].map((method) => ask(method, imagePath(absent, "ancestry"), [], 405)),
];

export const v1Headers: Hostiles = () => [
  ...credentials.flatMap((value) => [
    ask("GET", imagePath(absent, "json"), [`Authorization: ${value}`]),
    ask("PUT", imagePath(absent, "layer"), [`Authorization: ${value}`]),
    ask("PUT", imagePath(absent, "json"), [`Authorization: ${value}`, docker6]),
  ]),
  ...cookies.flatMap((value) =>
    ["json", "ancestry"].map((part) => ask("GET", imagePath(absent, part), [`Cookie: ${value}`, docker6])),
  ),
  ...checksums.flatMap((value) => [
    ask("PUT", imagePath(absent, "checksum"), [`X-Docker-Checksum: ${value}`]),
    ask("PUT", imagePath(absent, "checksum"), [`X-Docker-Checksum-Payload: ${value}`, `X-Docker-Checksum: ${value}`]),
    ask("PUT", imagePath(absent, "json"), [`X-Docker-Checksum: ${value}`]),
  ]),
  ...["docker/", "docker/0.6.7".repeat(1_000), "/ / / /", "os/ arch/", `os/${"a".repeat(9_000)}`, "\xff\xfe"].flatMap(
    (agent) => [
      ask("GET", `/v1/repositories/hostile/none/tags`, [`User-Agent: ${agent}`], 404),
      ask("PUT", repositoryPath("/tags/latest"), [`User-Agent: ${agent}`], 400),
    ],
  ),
  ...["x", "Thu, 01 Jan 1970 00:00:00 GMT", "\xff"].map((date) =>
    ask("GET", imagePath(absent, "layer"), [`If-Modified-Since: ${date}`], 404),
  ),
  ...["https://elsewhere.example", "null", "file://"].map((origin) =>
    ask("PUT", repositoryPath("/"), [`Origin: ${origin}`], 403),
  ),
];

export const v1Bodies: Hostiles = () => [
  ...texts.flatMap(([what, body]) => [
    put(what, imagePath(absent, "json"), body, 400),
    put(what, repositoryPath("/"), body, 400),
    put(what, repositoryPath("/images"), body, 400),
    put(what, repositoryPath("/properties"), body, 400),
  ]),
  ...texts.map(([what, body]) => put(what, repositoryPath("/tags/latest"), body)),
  ...images.map(([what, body, status]) => put(what, imagePath(absent, "json"), body, status)),
  ...lists.flatMap(([what, body, status]) => [
    put(what, repositoryPath("/"), body, status),
    put(what, repositoryPath("/images"), body, status),
  ]),
  ...["/", "/images", "/properties", "/tags/latest"].map((path) =>
    put("of 64 MiB", repositoryPath(path), Buffer.alloc(64 << 20, 0x20), 413),
  ),
  put("of 64 MiB", imagePath(absent, "json"), Buffer.alloc(64 << 20, 0x20), 413),
  put("of 64 MiB, for nothing", imagePath(absent, "layer"), Buffer.alloc(64 << 20), 404),
  put("of 64 MiB, for nothing", imagePath(absent, "checksum"), Buffer.alloc(64 << 20)),
  put("a tag of an image that is not there", repositoryPath("/tags/latest"), `"${absent}"`, 404),
  put("a list as a tag", repositoryPath("/tags/latest"), "[]", 400),
  {
    what: "a form",
    bytes: request("PUT", imagePath(absent, "json"), ["Content-Type: application/x-www-form-urlencoded"], "id=x"),
    status: 400,
  },
];

function decodeSafely(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
