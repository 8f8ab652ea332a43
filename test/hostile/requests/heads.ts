// Request lines and headers that are not HTTP, or that two servers might read in two ways.
import { lines, request } from "../wire.ts";
import type { Hostile, Hostiles } from "./hostile.ts";

const host = "Host: registry.example";
const get = "GET /v2/ HTTP/1.1";
const long = "a".repeat(40_000);

const requestLines: readonly string[] = [
  ...["GET /v2/", "GET /v2/ HTTP", "GET /v2/ HTTP/", "GET /v2/ HTTP/1", "GET /v2/ HTTP/1.2", "GET /v2/ HTTP/2.0"],
  ...["GET /v2/ HTTP/0.9", "GET /v2/ HTTP/3", "GET /v2/ HTTP/11.1", "GET /v2/ HTTP/1.11", "GET /v2/ HTTP/-1.1"],
  ...["GET /v2/ http/1.1", "GET /v2/ HTTPS/1.1", "GET /v2/ ICY/1.1", "GET /v2/ HTTP/1.1 x", "GET /v2/ x HTTP/1.1"],
  ...[
    "GET\t/v2/\tHTTP/1.1",
    "GET /v2/\tHTTP/1.1",
    "GET",
    "GET ",
    " GET /v2/ HTTP/1.1",
    "GET HTTP/1.1",
    "/v2/ HTTP/1.1",
  ],
  ...["GET v2/ HTTP/1.1", "GET * HTTP/1.1", "OPTIONS * HTTP/1.1", "GET ?n=1 HTTP/1.1", "GET #/v2/ HTTP/1.1"],
  ...["GET ftp://registry.example/v2/ HTTP/1.1", "GET registry.example:80 HTTP/1.1", "GET //registry HTTP\\1.1"],
  ...["GET /v2/a\0b/tags/list HTTP/1.1", "GET /v2/a\x01b/tags/list HTTP/1.1", "GET /v2/a\x7fb/tags/list HTTP/1.1"],
  ...["GET /v2/a\rb/tags/list HTTP/1.1", "GET /v2/a\nb/tags/list HTTP/1.1", "GET /v2/a\xff/tags/list HTTP/1.1"],
  ...["GET /v2/\xc3\xa9/tags/list HTTP/1.1", "GET /v2/a#b/tags/list HTTP/1.1", `GET /v2/${long}/tags/list HTTP/1.1`],
  ...[`GET /v2/_catalog?last=${long} HTTP/1.1`, `GET ${"/".repeat(40_000)} HTTP/1.1`, `GET /v2/ HTTP/1.1${long}`],
];

const headers: readonly (readonly string[])[] = [
  ...[[" X: y"], ["\tX: y"], ["X : y"], ["X\t: y"], ["X"], [": y"], [" : y"], ["X(y): z"], ["X[y]: z"], ["X\0: y"]],
  ...[["X\xff: y"], ["X: \0"], ["X: a\x01b"], ["X: a\x7fb"], ["X: a", " folded"], ["X: a", "\tfolded"], ["X: a\rb"]],
  ...[["X: a\rY: b"], ["X y: z"], ["{}: x"], ["X: y", "no colon"], ['"X": y']],
  ...[[`X: ${long}`], [`${long}: x`], Array.from({ length: 5_000 }, (_, i) => `X-${i}: y`)],
  ...[
    Array.from({ length: 12_000 }, () => "X:"),
    [`Cookie: ${"a=b; ".repeat(10_000)}`],
    [`Range: bytes=${"0-0,".repeat(9_000)}0-0`],
  ],
];

const hosts: readonly (readonly string[])[] = [
  ...[[], [host, host], [host, "Host: elsewhere.example"], ["Host: elsewhere.example", "host: registry.example"]],
  ...[["Host: a b"], ["Host: a/b"], ["Host: a?b"], ["Host: a#b"], ["Host: user@registry.example"], ["Host: a\\b"]],
  ...[
    ["Host: a:b"],
    ["Host: a:1:2"],
    ["Host: [::1"],
    ["Host: ::1"],
    ["Host: a, b"],
    ["Host: http://a"],
    ["Host: \xe9"],
  ],
  ...[["Host: a:123456"], ["Host: <script>"], ["Host: a\tb"], ["Host : a"], ["Host registry.example"]],
];

const framings: readonly (readonly string[])[] = [
  ...["+3", "-3", "3.0", "3e0", "0x3", "three", "3 3", "3, 3", "3,4", "3;3", "", "\t", "'3'", "\xb3", "3\0", "３"].map(
    (length) => [`Content-Length: ${length}`],
  ),
  ...["99999999999999999999", "18446744073709551616", "18446744073709551619", "-0"].map((length) => [
    `Content-Length: ${length}`,
  ]),
  ...[
    ["Content-Length: 3", "Content-Length: 4"],
    ["Content-Length: 4", "Content-Length: 3"],
  ],
  ...[["Content-Length: 3", "Content-Length: 3"], ["Content-Length: 0", "content-length: 3"], ["Content-Length : 3"]],
  ...[
    ["Content-Length: 3", "Transfer-Encoding: chunked"],
    ["Transfer-Encoding: chunked", "Content-Length: 3"],
  ],
  ...[["Content-Length: 3", "Transfer-Encoding: identity"], ["Content-Length:\r\n 3"], ["Content-Length: 3", " 4"]],
  ...["xchunked", "chunkedx", "chunked, chunked", "chunked, identity", "chunked, gzip", "gzip", "gzip, chunked"].map(
    (coding) => [`Transfer-Encoding: ${coding}`],
  ),
  ...["identity", "identity, chunked", "deflate", "compress, chunked", "chunked;q=1", '"chunked"', "'chunked'"].map(
    (coding) => [`Transfer-Encoding: ${coding}`],
  ),
  ...[
    "",
    ",",
    "chunked,",
    ",chunked",
    "chunked chunked",
    "chun\tked",
    "\x0bchunked",
    "chunked\x0b",
    "chunked\0",
    "c\xfehunked",
    "x",
  ].map((coding) => [`Transfer-Encoding: ${coding}`]),
  ...[
    ["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"],
    ["Transfer-Encoding: x", "Transfer-Encoding: chunked"],
  ],
  ...[
    ["Transfer-Encoding : chunked"],
    ["Transfer-Encoding:", " chunked"],
    ["Transfer-Encoding: chunked", "Transfer-Encoding: x"],
  ],
  ...[
    ["Transfer-Encoding\t: chunked"],
    [" Transfer-Encoding: chunked"],
    ["Transfer-Encoding: chunked", "Transfer-Encoding:"],
  ],
];

/** Bodies in chunks that are none. */
const chunks = [
  ...[
    "-1\r\n",
    "zz\r\nabc\r\n0\r\n\r\n",
    "g\r\n",
    "+3\r\nabc\r\n0\r\n\r\n",
    "0x3\r\nabc\r\n0\r\n\r\n",
    " 3\r\nabc\r\n0\r\n\r\n",
  ],
  ...[
    "3 \n",
    "3\nabc\n0\n\n",
    "3\r\nabcd\r\n0\r\n\r\n",
    "3\r\nabc0\r\n\r\n",
    "3\r\nabc\n0\n\n",
    "3;a\nb\r\nabc\r\n0\r\n\r\n",
  ],
  ...[
    "ffffffffffffffff0\r\nabc\r\n",
    "fffffffffffffffff\r\n",
    `${"0".repeat(40_000)}3\r\nabc\r\n0\r\n\r\n`,
    `3;${long}${long}${long}\r\n`,
    ";\r\n",
  ],
  ...[
    "\r\n3\r\nabc\r\n",
    "3\r\nabc\r\n0\r\nno colon\r\n\r\n",
    `3\r\nabc\r\n0\r\nX: ${long}\r\n\r\n`,
    "3\r\nabc\r\n0\r\nX: y\nZ\r\n\r\n",
    "\0\r\n",
  ],
];

const garbage: readonly (readonly [what: string, bytes: Buffer])[] = [
  ["the preface of HTTP/2", Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0", "latin1")],
  ["a TLS handshake", Buffer.from("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", "latin1")],
  ["a greeting of SSH", Buffer.from("SSH-2.0-OpenSSH_9.2\r\n\r\n")],
  ["a greeting of SMTP", Buffer.from("EHLO registry.example\r\n\r\n")],
  ["a SOCKS handshake", Buffer.from([5, 1, 0, 13, 10, 13, 10])],
  ["a header of PROXY", Buffer.from("PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n\r\n")],
  ["a page", Buffer.from("<html></html>\r\n\r\n")],
  ["JSON", Buffer.from('{"method":"GET"}\r\n\r\n')],
  ["512 bytes of noise", Buffer.from(Array.from({ length: 512 }, (_, i) => (i * 97 + 13) & 255))],
  ["a megabyte of NUL", Buffer.alloc(1 << 20)],
  ["lines that end in LF", Buffer.from(`GET /v2/ HTTP/1.1\n${host}\n\n`)],
  ["one line that ends in LF", Buffer.from(`GET /v2/ HTTP/1.1\r\n${host}\nX: y\r\n\r\n`)],
  ["lines that end in CR", Buffer.from(`GET /v2/ HTTP/1.1\r${host}\r\r`)],
  ["an answer", Buffer.from("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")],
];

const put = "PUT /v2/hostile/framed/manifests/latest HTTP/1.1";
const say = (each: readonly string[]) => JSON.stringify(each.map((line) => line.slice(0, 60)).slice(0, 3));

export const heads: Hostiles = ({ name }): readonly Hostile[] => [
  ...requestLines.map((line) => ({ what: `the line ${JSON.stringify(line.slice(0, 60))}`, bytes: lines(line, host) })),
  ...headers.map((each) => ({ what: `the headers ${say(each)}`, bytes: lines(get, host, ...each) })),
  ...hosts.map((each) => ({ what: `the host ${say(each)}`, bytes: lines(get, ...each), status: 400 })),
  ...framings.map((each) => ({
    what: `the framing ${say(each)}`,
    bytes: Buffer.concat([lines(put, host, ...each), Buffer.from("0\r\n\r\n")]),
    status: 400,
    code: "UNSUPPORTED",
  })),
  ...chunks.map((body) => ({
    what: `the chunks ${JSON.stringify(body.slice(0, 40))}`,
    bytes: Buffer.concat([lines(put, host, "Transfer-Encoding: chunked"), Buffer.from(body)]),
  })),
  {
    what: "chunks in HTTP/1.0",
    bytes: Buffer.concat([lines(put.replace("1.1", "1.0"), "Transfer-Encoding: chunked"), Buffer.from("0\r\n\r\n")]),
    status: 400,
  },
  ...garbage.map(([what, bytes]) => ({ what, bytes })),
  ...["200-ok", "", "continue", "x, y", "100"].map((expectation) => ({
    what: `the expectation ${JSON.stringify(expectation)}`,
    bytes: request("PUT", `/v2/${name}/manifests/latest`, [`Expect: ${expectation}`], "{}"),
    status: 417,
  })),
  ...["websocket", "h2c", "tcp", "TLS/1.0", "../../x"].map((protocol) => ({
    what: `an upgrade to ${protocol}`,
    bytes: request("GET", `/v2/${name}/manifests/none`, [
      "Connection: Upgrade, HTTP2-Settings",
      `Upgrade: ${protocol}`,
    ]),
    status: 404,
  })),
  ...["https://elsewhere.example", "null", "http://registry.example:81", "", "file://"].map((origin) => ({
    what: `a page of ${JSON.stringify(origin)}`,
    bytes: request("POST", `/v2/${name}/blobs/uploads/`, [`Origin: ${origin}`], ""),
    status: 403,
    code: "DENIED",
  })),
  {
    what: "a page of another site that hides its name",
    bytes: request("DELETE", `/v2/${name}/manifests/latest`, ["Sec-Fetch-Site: cross-site"]),
    status: 403,
    code: "DENIED",
  },
];
