// Names, references, digests and ids that are none, and paths that lead elsewhere.
import { request } from "../wire.ts";
import type { Hostile, Hostiles } from "./hostile.ts";

const hex = "0123456789abcdef".repeat(4);
const digest = `sha256:${hex}`;

/** Names as they stand in a path: no repository is called so. */
const names = [
  ...["A", "Team/image", "team/Image", "_a", "a_", "-a", "a-", ".a", "a.", "a..b", "a.-b", "a._b", "a___b", "a__b_"],
  ...["team//image", "team/", "/team", "//", "team/-/image", "a/_/b", "a+b", "a b", "a%20b", "a~b", "a@b", "a:b"],
  ...["a,b", "a;b", "a=b", "a'b", "a*b", "a!b", "a$b", "a(b)", "a&b", "a%26b", "a%23b", "a%3Fb", "a%25b", "a%2525b"],
  ...["a\\b", "a%5Cb", "a|b", "a^b", "a`b", "a{b}", "a[b]", 'a"b', "a<b>", "a%22b", "%3Cscript%3E", "a%7Fb"],
  ...["%C3%A9", "%E4%B8%AD", "a%C2%A0b", "a%E2%80%AEb", "a%EF%BC%8Fb", "%F0%9F%90%99", "a%00b", "%00", "a%0Db"],
  ...["a%0Ab", "a%0D%0Ab", "a%0D%0AX-Evil:%20yes", "a%09b", "a%08b", "a%1Bb", "a%C2%85b", "%FF", "%C0%AF", "%C1%81"],
  ...["%E0%80%AF", "%ED%A0%80", "%F4%90%80%80", "%F8%88%80%80%80", "%80", "a%", "a%2", "a%zz", "a%u0041", "a%-1"],
  ...["..", "%2e%2e", "%2E.", ".%2e", "%252e%252e", "..%2F..", "..%5C..", "a/../b", "a/./b", "a/%2e/b", "a/%2e%2e/b"],
  ...["../../../etc/passwd", "..%2f..%2f..%2fetc%2fpasswd", "%2Fetc%2Fpasswd", "a/..;/b", "....//", "C:%5Cwindows"],
  ...[
    "a".repeat(256),
    `${"a/".repeat(200)}a`,
    "a".repeat(20_000),
    "%61".repeat(8_000),
    "a-".repeat(127),
    "%2F".repeat(50),
  ],
] as const;

const tags = [
  ...[
    ".a",
    "-a",
    "a%20b",
    "a%2Bb",
    "%C3%A9",
    "a%00",
    "a%0D%0A",
    "a%FF",
    "a".repeat(129),
    "a,b",
    "a;b",
    "a@b",
    "~",
    "%25",
  ],
  ...["..", "%2e%2e", "a%", "%zz", "a%5Cb", "%22", "latest%00", "latest%0a", "latest%20", "%20latest", "latest@", "*"],
] as const;

const digests = [
  ...[
    "sha256:",
    "sha256:abc",
    `sha256:${hex}0`,
    `sha256:${hex.slice(1)}`,
    `sha256:${hex.toUpperCase()}`,
    `SHA256:${hex}`,
  ],
  ...[
    `sha256:${"g".repeat(64)}`,
    `sha256:${hex.slice(2)}%00a`,
    `sha256%3A${hex}%0A`,
    `sha256:${hex}%20`,
    `%20${digest}`,
  ],
  ...[
    `sha512:${hex}`,
    `md5:${hex.slice(0, 32)}`,
    `sha1:${hex.slice(0, 40)}`,
    `sha384:${hex}${hex.slice(0, 32)}`,
    `:${hex}`,
  ],
  ...[`sha256::${hex}`, `sha256:${digest}`, `sha256+b64:${hex}`, `sha256=${hex}:`, `%73ha256:${hex}%2e`, `${digest}:`],
  ...[
    `sha256:../../../${hex}`,
    `sha256:..%2F..%2Fetc`,
    `sha256:${"a".repeat(10_000)}`,
    "a:b",
    ":",
    "::",
    "%3A",
    `${digest}@`,
  ],
  ...[
    `constructor:${hex}`,
    `__proto__:${hex}`,
    `toString:${hex}`,
    `sha256:%EF%BC%90${hex.slice(1)}`,
    `sha256:${hex}%C0%80`,
  ],
] as const;

const uploads = [
  ...["1", "00000000-0000-0000-0000-000000000000", "a".repeat(48), "0".repeat(48), "%00", "..%00", "a%0D%0Ab", "%FF"],
  ...["%2e%2e", "..", "a%2Fb", "a".repeat(10_000), "constructor", "__proto__", "*", "%25", "'%20or%20''='"],
] as const;

const short = (text: string) => (text.length > 60 ? `${text.slice(0, 40)}… (${text.length})` : text);

function ask(method: string, path: string, code?: string): Hostile {
  const body = method === "GET" || method === "DELETE" || method === "HEAD" ? undefined : "{}";
  return {
    what: `${method} ${short(path)}`,
    bytes: request(method, path, [], body),
    ...(code === undefined ? {} : { code }),
  };
}

export const paths: Hostiles = ({ name, upload }) => [
  ...names.flatMap((each) => [
    ask("GET", `/v2/${each}/tags/list`),
    ask("PUT", `/v2/${each}/manifests/latest`),
    ask("POST", `/v2/${each}/blobs/uploads/`),
  ]),
  ...tags.flatMap((each) => [ask("GET", `/v2/${name}/manifests/${each}`), ask("PUT", `/v2/${name}/manifests/${each}`)]),
  ...digests.flatMap((each) => [
    ask("GET", `/v2/${name}/blobs/${each}`),
    ask("DELETE", `/v2/${name}/manifests/${each}`),
    ask("GET", `/v2/${name}/referrers/${each}`),
  ]),
  ...uploads.flatMap((each) => [
    ask("PATCH", `/v2/${name}/blobs/uploads/${each}`),
    ask("GET", `/v2/${name}/blobs/uploads/${each}`),
  ]),
  ask("PATCH", upload.replace(name, "hostile/other"), "BLOB_UPLOAD_UNKNOWN"),
  ask("PUT", `${upload.replace(name, "other")}?digest=${digest}`, "BLOB_UPLOAD_UNKNOWN"),
  ask("PATCH", `${upload}x`, "BLOB_UPLOAD_UNKNOWN"),
  ask("PATCH", upload.slice(0, -1), "BLOB_UPLOAD_UNKNOWN"),
  ask(
    "PATCH",
    upload.replace(/[^/]+$/, (id) => id.toUpperCase()),
    "BLOB_UPLOAD_UNKNOWN",
  ),
  ...["/v2/v2/", "/v2//", "/v2/_catalog/", "/v2/_other", "/v2/..", "/v2/../v2/", "/v2/./", "/v2/%2e%2e/", "/v2/%"].map(
    (path) => ask("GET", path),
  ),
  ...["/v2/?", "/v2/%00", "/v2/%ff", "/v2/%c0%ae%c0%ae/", "/v2/manifests/latest", "/v2/blobs/uploads/"].map((path) =>
    ask(path === "/v2/?" ? "PUT" : "GET", path),
  ),
];
