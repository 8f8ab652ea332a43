// The whole catalogue of errors, over the wire: status, the JSON as docker-registry 0.7.3 wrote it, and the headers of an
// error. Nothing of what is refused leaves a trace.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { startServer, type TestServer } from "../server.ts";
import { file, flushGzip, writeTar } from "./archive.ts";
import { payloadChecksum, tarsum } from "./checksums.ts";
import { type Header, type Reply, send } from "./wire.ts";

const idOf = (digit: string) => digit.repeat(64);
/** Complete; its JSON only; its JSON and its layer; the last announced one whose checksum came ahead. */
const [done, begun, uploaded, ahead, plain] = ["a", "b", "c", "d", "e"].map(idOf) as [
  string,
  string,
  string,
  string,
  string,
];
const missing = idOf("f");
const archive = writeTar([file("hello", "hello\n")]);

let server: TestServer;
let layer: Buffer;
const jsonOf = (id: string, more = "") => `{"id":"${id}"${more}}`;

function ask(
  method: string,
  target: string,
  body?: string | Uint8Array,
  headers: readonly Header[] = [],
): Promise<Reply> {
  const bytes = typeof body === "string" ? Buffer.from(body) : body;
  const length: Header[] = method === "GET" ? [] : [["Content-Length", String(bytes?.byteLength ?? 0)]];
  return send(server.url, { method, target, headers: [...headers, ...length], body: bytes });
}

async function take(method: string, target: string, body?: string | Uint8Array, headers: readonly Header[] = []) {
  const { status, text } = await ask(method, target, body, headers);
  if (status !== 200 && status !== 204) throw new Error(`${method} ${target}: ${status} ${text}`);
}

beforeAll(async () => {
  server = await startServer();
  layer = await flushGzip(archive);
  await take("PUT", "/v1/repositories/alice/app/", "[]");
  for (const [id, bytes] of [
    [done, layer],
    [plain, Buffer.from("no archive at all, but some text that is longer than a header would be ".repeat(20))],
  ] as const) {
    await take("PUT", `/v1/images/${id}/json`, jsonOf(id));
    await take("PUT", `/v1/images/${id}/layer`, bytes);
    const sum = payloadChecksum(Buffer.from(jsonOf(id)), bytes);
    await take("PUT", `/v1/images/${id}/checksum`, undefined, [["X-Docker-Checksum-Payload", sum]]);
  }
  await take("PUT", "/v1/repositories/alice/app/tags/1", `"${done}"`);
  await take("PUT", `/v1/images/${begun}/json`, jsonOf(begun));
  await take("PUT", `/v1/images/${uploaded}/json`, jsonOf(uploaded, `,"parent":"${done}"`));
  await take("PUT", `/v1/images/${uploaded}/layer`, layer);
}, 30_000);

afterAll(() => server.stop());

interface Row {
  readonly what: string;
  readonly method: string;
  readonly target: string;
  readonly body?: string | Uint8Array;
  readonly headers?: readonly Header[];
  readonly status: number;
  readonly error: string;
}

const row = (
  what: string,
  request: readonly [string, string, (string | Uint8Array)?, Header?],
  answer: [number, string],
) => {
  const [method, target, body, header] = request;
  const [status, error] = answer;
  const optional = { ...(body === undefined ? {} : { body }), ...(header === undefined ? {} : { headers: [header] }) };
  return { what, method, target, status, error, ...optional } satisfies Row;
};

async function expectRefusals(rows: readonly Row[]): Promise<void> {
  const wrong: unknown[] = [];
  for (const { what, method, target, body, headers, status, error } of rows) {
    const reply = await ask(method, target, body, headers);
    const found = [
      reply.status,
      reply.text,
      ...["content-type", "cache-control", "pragma", "expires", "x-docker-registry-version"].map(reply.get),
    ];
    const wanted = [
      status,
      `{"error": ${JSON.stringify(error)}}`,
      ...["application/json", "no-cache", "no-cache", "-1", "0.7.3"],
    ];
    if (JSON.stringify(found) !== JSON.stringify(wanted)) wrong.push({ what, method, target, wanted, found });
  }
  expect(wrong).toEqual([]);
}

const jsonAt = (id: string) => `/v1/images/${id}/json`;
const layerAt = (id: string) => `/v1/images/${id}/layer`;
const checksumAt = (id: string) => `/v1/images/${id}/checksum`;
const tagAt = (tag: string, name = "alice/app") => `/v1/repositories/${name}/tags/${tag}`;

test("The JSON of an image is refused for each of its reasons", async () => {
  const invalid = ["", "{", "[]", "{}", "null", '"text"', "\xff{}", `{"id":"${missing}"} more`];
  await expectRefusals([
    ...invalid.map((body) => row(`body ${body}`, ["PUT", jsonAt(missing), body], [400, "Invalid JSON"])),
    row("not UTF-8", ["PUT", jsonAt(missing), Buffer.from([0x7b, 0xff, 0x7d])], [400, "Invalid JSON"]),
    row("two ids", ["PUT", jsonAt(missing), `{"id":"${missing}","id":"${missing}"}`], [400, "Invalid JSON"]),
    row("no id", ["PUT", jsonAt(missing), '{"created":"x"}'], [400, "Missing key `id' in JSON"]),
    row("another id", ["PUT", jsonAt(missing), jsonOf(done)], [400, "JSON data contains invalid id"]),
    row("an id that is a number", ["PUT", jsonAt(missing), '{"id":5}'], [400, "JSON data contains invalid id"]),
    row(
      "a parent that is not there",
      ["PUT", jsonAt(missing), jsonOf(missing, `,"parent":"${idOf("0")}"`)],
      [400, "Image depends on a non existing parent"],
    ),
    row(
      "its own parent",
      ["PUT", jsonAt(begun), jsonOf(begun, `,"parent":"${begun}"`)],
      [400, "Image depends on a non existing parent"],
    ),
    row("complete", ["PUT", jsonAt(done), jsonOf(done)], [409, "Image already exists"]),
    row(
      "a checksum of no form",
      ["PUT", jsonAt(missing), jsonOf(missing), ["X-Docker-Checksum", "nothing"]],
      [400, "Invalid checksum format"],
    ),
    ...["a", "A".repeat(64), "a".repeat(63), "a".repeat(65), `${"a".repeat(63)}g`].map((id) =>
      row(`id ${id}`, ["PUT", jsonAt(id), jsonOf(id)], [404, "Invalid image ID"]),
    ),
  ]);
});

test("A parent that would lead back to its child is none", async () => {
  const [one, two] = [idOf("1"), idOf("2")];
  await take("PUT", jsonAt(one), jsonOf(one));
  await take("PUT", jsonAt(two), jsonOf(two, `,"parent":"${one}"`));
  await expectRefusals([
    row(
      "a cycle of two",
      ["PUT", jsonAt(one), jsonOf(one, `,"parent":"${two}"`)],
      [400, "Image depends on a non existing parent"],
    ),
  ]);
});

test("What is under way, unknown or misnamed cannot be read", async () => {
  const parts = ["json", "layer", "ancestry", "files", "diff"];
  await expectRefusals(
    parts.flatMap((part) => [
      ...[begun, uploaded].map((id) =>
        row("under way", ["GET", `/v1/images/${id}/${part}`], [400, "Image is being uploaded, retry later"]),
      ),
      row("unknown", ["GET", `/v1/images/${missing}/${part}`], [404, "Image not found"]),
      row("misnamed", ["GET", `/v1/images/nothing/${part}`], [404, "Invalid image ID"]),
    ]),
  );
});

test("Layers are refused without JSON and when they are there", async () => {
  await expectRefusals([
    row("no JSON", ["PUT", layerAt(missing), layer], [404, "Image not found"]),
    row("complete", ["PUT", layerAt(done), layer], [409, "Image already exists"]),
    row("misnamed", ["PUT", layerAt("nothing"), layer], [404, "Invalid image ID"]),
    row("no archive", ["GET", `/v1/images/${plain}/files`], [400, "Layer format not supported"]),
    row("no queue", ["GET", `/v1/images/${done}/diff`], [400, "Diff queue is disabled"]),
  ]);
});

test("A checksum is refused for each of its reasons", async () => {
  const right: Header = ["X-Docker-Checksum-Payload", payloadChecksum(Buffer.from(jsonOf(done)), layer)];
  const wrong: Header = ["X-Docker-Checksum-Payload", `sha256:${idOf("0")}`];
  await expectRefusals([
    row("none", ["PUT", checksumAt(uploaded)], [400, "Missing Image's checksum"]),
    row(
      "an empty one",
      ["PUT", checksumAt(uploaded), "", ["X-Docker-Checksum", ""]],
      [400, "Missing Image's checksum"],
    ),
    row("an unknown image", ["PUT", checksumAt(missing), "", right], [404, "Image not found"]),
    row("a complete image", ["PUT", checksumAt(done), "", right], [409, "Cannot set this image checksum"]),
    row("another", ["PUT", checksumAt(uploaded), "", wrong], [400, "Checksum mismatch"]),
    row("before the layer", ["PUT", checksumAt(begun), "", right], [400, "Checksum mismatch"]),
    row("misnamed", ["PUT", checksumAt("nothing"), "", right], [404, "Invalid image ID"]),
  ]);
});

test("A checksum that came ahead is held against the layer", async () => {
  const json = Buffer.from(jsonOf(ahead));
  await take("PUT", jsonAt(ahead), json, [["X-Docker-Checksum", payloadChecksum(json, layer)]]);
  await expectRefusals([
    row("other bytes", ["PUT", layerAt(ahead), archive], [400, "Checksum mismatch, ignoring the layer"]),
    row("still under way", ["GET", jsonAt(ahead)], [400, "Image is being uploaded, retry later"]),
  ]);
  await take("PUT", layerAt(ahead), layer);
  expect((await ask("GET", layerAt(ahead))).body.equals(layer)).toBe(true);
});

test("Either checksum completes an image", async () => {
  const json = Buffer.from(jsonOf(uploaded, `,"parent":"${done}"`));
  const headers: Header[] = [
    ["X-Docker-Checksum", tarsum(json, layer)],
    ["X-Docker-Checksum-Payload", `sha256:${idOf("0")}`],
  ];
  await take("PUT", checksumAt(uploaded), undefined, headers);
  expect((await ask("GET", `/v1/images/${uploaded}/ancestry`)).text).toBe(`["${uploaded}", "${done}"]`);
});

test("Tags are refused for each of their reasons", async () => {
  const badName = "Invalid tag name (must match ^[\\w][\\w.-]{0,127}$)";
  await expectRefusals([
    ...["", "{", "[]", '""', "5", "null", "{}"].map((body) =>
      row(`body ${body}`, ["PUT", tagAt("2"), body], [400, "Invalid data"]),
    ),
    row("an unknown image", ["PUT", tagAt("2"), `"${missing}"`], [404, "Image not found"]),
    row("no id", ["PUT", tagAt("2"), '"nothing"'], [404, "Image not found"]),
    ...[".2", "-2", "a".repeat(129), "a%20b"].map((tag) =>
      row(`name ${tag}`, ["PUT", tagAt(tag), `"${done}"`], [400, badName]),
    ),
    row("an unknown tag", ["GET", tagAt("nothing")], [404, "Tag not found"]),
    row("a tag of an unknown repository", ["GET", tagAt("1", "alice/nothing")], [404, "Tag not found"]),
    row("an unknown tag is deleted", ["DELETE", tagAt("nothing")], [404, "Tag not found"]),
    row("an unknown repository", ["GET", "/v1/repositories/alice/nothing/tags"], [404, "Repository not found"]),
    row("an unknown repository goes", ["DELETE", "/v1/repositories/alice/nothing/"], [404, "Repository not found"]),
    row("its tags go", ["DELETE", "/v1/repositories/alice/nothing/tags"], [404, "Repository not found"]),
  ]);
});

test("What the index is told is refused for each of its reasons", async () => {
  const app = "/v1/repositories/alice/app/";
  await expectRefusals([
    ...["", "{", "nothing"].flatMap((body) => [
      row("announced", ["PUT", app, body], [400, "Error Decoding JSON"]),
      row("finished", ["PUT", `${app}images`, body], [400, "Error Decoding JSON"]),
      row("registered", ["POST", "/v1/users/", body], [400, "Error Decoding JSON"]),
    ]),
    ...["{}", '"text"', "5", "null"].flatMap((body) => [
      row("announced", ["PUT", app, body], [400, "Invalid data"]),
      row("finished", ["PUT", `${app}images`, body], [400, "Invalid data"]),
    ]),
    ...["", "{", "[]", "{}", '{"other":1}'].map((body) =>
      row(`properties ${body}`, ["PUT", `${app}properties`, body], [400, "Invalid data"]),
    ),
    row("images", ["GET", "/v1/repositories/alice/nothing/images"], [404, "images not found"]),
  ]);
});

interface Page {
  readonly status: number;
  readonly length: number;
  readonly title: string;
}

test("What leads nowhere is answered with the pages of the framework", async () => {
  const notFound: Page = { status: 404, length: 233, title: "404 Not Found" };
  const notAllowed: Page = { status: 405, length: 178, title: "405 Method Not Allowed" };
  const rows: readonly (readonly [string, string, Page])[] = [
    ["GET", "/v1/_ping/", notFound],
    ["POST", "/v1/_ping", notAllowed],
    ["PUT", "/v1/search", notAllowed],
    ["GET", `/v1/images/${done}`, notFound],
    ["GET", `/v1/images/${done}/json/`, notFound],
    ["DELETE", `/v1/images/${done}/json`, notAllowed],
    ["POST", `/v1/images/${done}/layer`, notAllowed],
    ["PUT", `/v1/images/${done}/ancestry`, notAllowed],
    ["GET", `/v1/images/${done}/checksum`, notAllowed],
    ["GET", "/v1/repositories/alice/app/", notAllowed],
    ["POST", "/v1/repositories/alice/app/", notAllowed],
    ["GET", "/v1/repositories", notFound],
    ["GET", "/v1/", notFound],
    ["DELETE", "/v1/users/", notAllowed],
    ["GET", "/v1/users/alice/", notAllowed],
  ];
  for (const [method, target, { status, length, title }] of rows) {
    const reply = await ask(method, target);
    expect([method, target, reply.status, reply.get("content-type")]).toEqual([method, target, status, "text/html"]);
    expect(reply.text).toStartWith(
      `<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 3.2 Final//EN">\n<title>${title}</title>\n`,
    );
    expect([method, target, reply.get("content-length")]).toEqual([method, target, String(length)]);
    expect(reply.get("x-docker-registry-version")).toBe("0.7.3");
    expect(reply.get("cache-control")).toBeUndefined();
  }
});

test("What lacks its slash is redirected whatever the method, with its query", async () => {
  for (const method of ["GET", "PUT", "DELETE", "POST"]) {
    for (const path of ["/v1/users", "/v1/repositories/alice/app", "/v1/repositories/app", "/v1/users/alice"]) {
      const { status, get } = await ask(method, `${path}?x=1`);
      expect([method, path, status, get("location")]).toEqual([method, path, 301, `${server.url}${path}/?x=1`]);
    }
  }
});

test("None of it has left a trace", async () => {
  expect((await ask("GET", "/v1/repositories/alice/app/tags")).text).toBe(`{"1": "${done}"}`);
  const catalog = await fetch(`${server.url}/v2/_catalog`);
  expect(await catalog.json()).toEqual({ repositories: ["alice/app"] });
  const tags = await fetch(`${server.url}/v2/alice/app/tags/list`);
  expect(await tags.json()).toEqual({ name: "alice/app", tags: ["1"] });
  expect((await ask("GET", jsonAt(done))).text).toBe(jsonOf(done));
  expect(server.output()).not.toContain("a bug");
});
