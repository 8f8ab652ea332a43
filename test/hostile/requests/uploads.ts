// Uploads that begin, go on or end as none can, pages that are none, and ranges outside of what is there.
import { request } from "../wire.ts";
import { digestOf } from "../world.ts";
import type { Hostile, Hostiles } from "./hostile.ts";

const absent = digestOf("absent");

/** Beginnings and ends of a part: the upload holds five bytes, and the part has three. */
const contentRanges = [
  ...["", "x", "-", "5-", "-7", "5", "7-5", "5-7-9", "a-b", "5-a", "0x5-0x7", "5.0-7.0", "5e0-7", "+5-7", "--5-7"],
  ...["-5--7", "5 - 7 - 9", "bytes", "bytes 5-7/", "bytes 5-7/x", "bytes */8", "items 5-7", "5-7, 8-10", "5-6", "5-8"],
  ...["5-9007199254740993", "99999999999999999999-99999999999999999999", "18446744073709551621-18446744073709551623"],
  ...["5-7\xa0", "٥-٧", "5–7", "'5-7'"],
] as const;

const wrongOffsets = ["0-2", "4-6", "6-8", "1000000-1000002", "999999999999997-999999999999999"] as const;

const digestQueries = [
  ...[
    "",
    "digest=",
    "digest",
    "digest=x",
    `DIGEST=${absent}`,
    "digest=sha256:",
    `digest=${absent}0`,
    `digest=%20${absent}`,
  ],
  ...[`digest=${absent.toUpperCase()}`, `digest=${absent}%00`, `digest=${absent}%0a`, "digest=md5:abc", "digest=%ff"],
  ...[
    `digest=${absent}`,
    `digest=sha512:${"0".repeat(128)}`,
    `digest=x&digest=${absent}`,
    "digest=__proto__:x",
    `%64igest=x`,
  ],
  ...[`digest=sha256:${"a".repeat(20_000)}`, `digest=%E2%80%AE${absent}`, `digest[]=${absent}`, `;digest=${absent}`],
] as const;

const beginQueries = [
  ...["mount=", "mount=x", "mount=x&from=hostile/image", `mount=${absent}&from=Team`, `mount=${absent}&from=..`],
  ...[`mount=${absent}&from=%00`, `mount=${absent}&from=a%0d%0ab`, `mount=${absent}&from=${"a".repeat(300)}`],
  ...[
    "digest=",
    "digest=x",
    `digest=${absent}`,
    "digest-algorithm=",
    "digest-algorithm=md5",
    "digest-algorithm=__proto__",
  ],
  ...["digest-algorithm=SHA256", "digest-algorithm=sha256%00", `digest-algorithm=${"a".repeat(9_000)}`],
] as const;

const pages = [
  ...["n=-1", "n=-0", "n=+1", "n=1.5", "n=1e3", "n=0x10", "n=ten", "n=%00", "n=%D9%A1", "n=1%20", "n=1,2", "n=NaN"],
  ...[
    "n=Infinity",
    "n=9999999999999999",
    `n=${"9".repeat(400)}`,
    "n=-9223372036854775808",
    "last=%00",
    "last=a%00b&n=1",
  ],
] as const;

const ranges = [
  "bytes=300000-",
  "bytes=300000-300001",
  "bytes=999999999999-",
  "bytes=9999999999999999-",
  "bytes=-0",
  "bytes=5-4",
];

const short = (text: string) => (text.length > 70 ? `${text.slice(0, 70)}…` : text);

export const uploads: Hostiles = ({ name, blob, upload }): readonly Hostile[] => [
  ...contentRanges.flatMap((range) =>
    ["PATCH", "PUT"].map((method) => ({
      what: `${method} with Content-Range ${JSON.stringify(range)}`,
      bytes: request(method, `${upload}?digest=${absent}`, [`Content-Range: ${range}`], "678"),
    })),
  ),
  ...wrongOffsets.flatMap((range) =>
    ["PATCH", "PUT"].map((method) => ({
      what: `${method} at ${range}`,
      bytes: request(method, `${upload}?digest=${absent}`, [`Content-Range: ${range}`], "678"),
      status: 416,
      code: "BLOB_UPLOAD_INVALID",
    })),
  ),
  ...digestQueries.flatMap((query) => [
    { what: `PUT with ${short(query)}`, bytes: request("PUT", `${upload}?${query}`, [], "678"), status: 400 },
    {
      what: `PUT in chunks with ${short(query)}`,
      bytes: [request("PUT", `${upload}?${query}`, ["Transfer-Encoding: chunked"]), "3\r\n678\r\n", "0\r\n\r\n"],
      status: 400,
    },
  ]),
  ...beginQueries.map((query) => ({
    what: `POST with ${short(query)}`,
    bytes: request("POST", `/v2/${name}/blobs/uploads/?${query}`, [], "678"),
    status: 400,
  })),
  ...["/v2/_catalog", `/v2/${name}/tags/list`, `/v2/${name}/referrers/${absent}`].flatMap((path) =>
    pages.map((query) => ({
      what: `${path.replace(absent, "…")}?${short(query)}`,
      bytes: request("GET", `${path}?${query}`),
      status: 400,
    })),
  ),
  { what: "referrers of a type with a NUL", bytes: request("GET", `/v2/${name}/referrers/${absent}?artifactType=%00`) },
  ...ranges.map((range) => ({
    what: `the range ${range}`,
    bytes: request("GET", `/v2/${name}/blobs/${blob}`, [`Range: ${range}`]),
    status: 416,
  })),
  { what: "a blob that is not there", bytes: request("GET", `/v2/${name}/blobs/${absent}`), status: 404 },
  { what: "a blob of another repository", bytes: request("GET", `/v2/elsewhere/blobs/${blob}`), status: 404 },
  { what: "deleting a blob that is in use", bytes: request("DELETE", `/v2/${name}/blobs/${blob}`), status: 405 },
];
