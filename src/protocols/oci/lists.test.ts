// Listings of /v2/: tags, the catalog, referrers; a row for each sentence of the spec.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { anonymous } from "#access";
import { digestOf } from "#lib/digest";
import { ociIndex, ociManifest } from "#lib/media-type";
import { parseV1RepositoryName } from "#lib/reference";
import { openTestRegistry, type TestRegistry } from "#registry/testing";
import { type Ask, bytesFrom, check, type Expected, openAsk, pushBlob, pushImage, type Row } from "./testing.ts";

const actor = anonymous("docker-v1", "127.0.0.1", "test");
const name = "team/lists";
const inOrder = ["1.0", "1.10", "1.9", "A", "Z", "_", "a", "latest", "z"];
const absent = digestOf(bytesFrom("absent"));
const sbom = "application/vnd.example.sbom";
const signature = "application/vnd.example.signature";

let house: TestRegistry;
let ask: Ask;
let subject = "";
let referrers: readonly string[] = [];

beforeAll(async () => {
  house = await openTestRegistry();
  ask = openAsk(house.registry);
  for (const tag of [...inOrder].reverse()) await pushImage(ask, name, tag);
  for (const repository of ["math-voila", "math", "math/a", "library/zebra", "zebra/x", "alpine"])
    await pushImage(ask, repository, "latest");
  await pushBlob(ask, "team/bare", bytesFrom("bare"));
  // Names that only v1 can say: nobody could ask /v2/ for what they hold.
  for (const only of ["Alpine", "math/B", "math/b_", "math/b..c", "zz_"])
    await house.registry.v1Repositories.announce(actor, parseV1RepositoryName(only), bytesFrom("[]"));
  subject = await pushImage(ask, "team/signed", "latest");
  const more = { subject: { mediaType: ociManifest, digest: subject, size: 1 } };
  referrers = [
    await pushImage(ask, "team/signed", "", { ...more, artifactType: sbom, annotations: { "org.example": "yes" } }),
    await pushImage(ask, "team/signed", "", { ...more, artifactType: signature }),
    await pushImage(ask, "team/signed", "", more),
  ].sort();
});
afterAll(() => house.remove());

const next = (path: string, query: string) => ({ link: `<${path}?${query}>; rel="next"` });
const jsonType = { "content-type": "application/json" };
const invalidPage: Expected = { status: 400, codes: ["PAGINATION_NUMBER_INVALID"] };
const unknownName: Expected = { status: 404, codes: ["NAME_UNKNOWN"] };
const invalidName: Expected = { status: 400, codes: ["NAME_INVALID"] };

function tags(entries: readonly string[], more = {}, asked = name): Expected {
  return { status: 200, headers: { ...jsonType, ...more }, text: JSON.stringify({ name: asked, tags: entries }) };
}

const list = `/v2/${name}/tags/list`;
const tagRows: readonly Row[] = [
  ["all tags in byte order", "GET", list, {}, tags(inOrder)],
  ["the first page names the next", "GET", `${list}?n=2`, {}, tags(["1.0", "1.10"], next(list, "n=2&last=1.10"))],
  ["a later page", "GET", `${list}?n=2&last=1.10`, {}, tags(["1.9", "A"], next(list, "n=2&last=A"))],
  ["the last page names no next", "GET", `${list}?n=2&last=latest`, {}, tags(["z"])],
  ["a page that ends with the last tag names no next", "GET", `${list}?n=9`, {}, tags(inOrder)],
  ["a page larger than the list", "GET", `${list}?n=100`, {}, tags(inOrder)],
  ["a page larger than any list", "GET", `${list}?n=999999999999999`, {}, tags(inOrder)],
  ["a page of nothing", "GET", `${list}?n=0`, {}, tags([])],
  ["a page without a number is all", "GET", `${list}?n=`, {}, tags(inOrder)],
  ["behind a tag that is not there", "GET", `${list}?last=b`, {}, tags(["latest", "z"])],
  ["behind the last", "GET", `${list}?last=zz`, {}, tags([])],
  ["a negative page", "GET", `${list}?n=-1`, {}, invalidPage],
  ["a page that is no number", "GET", `${list}?n=ten`, {}, invalidPage],
  ["behind what no tag can be", "GET", `${list}?last=a%00`, {}, invalidPage],
  ["a repository without a manifest has no tags", "GET", "/v2/team/bare/tags/list", {}, tags([], {}, "team/bare")],
  ["a repository that is not", "GET", "/v2/team/none/tags/list", {}, unknownName],
  ["a name that is none", "GET", "/v2/team/_x/tags/list", {}, invalidName],
  ["a name of 256 characters", "GET", `/v2/${"a".repeat(256)}/tags/list`, {}, invalidName],
  ["a name of 255 characters", "GET", `/v2/${"a".repeat(255)}/tags/list`, {}, unknownName],
];

const catalog = "/v2/_catalog";
const paths = ["alpine", "math", "math-voila", "math/a", "team/bare", "team/lists", "team/signed", "zebra", "zebra/x"];

function repositories(entries: readonly string[], more = {}): Expected {
  return { status: 200, headers: { ...jsonType, ...more }, text: JSON.stringify({ repositories: entries }) };
}

const catalogRows: readonly Row[] = [
  ["all repositories by their path, in byte order", "GET", catalog, {}, repositories(paths)],
  [
    "a page that ends with a prefix of the next name",
    "GET",
    `${catalog}?n=2`,
    {},
    repositories(["alpine", "math"], next(catalog, "n=2&last=math")),
  ],
  [
    "a page behind a prefix",
    "GET",
    `${catalog}?n=2&last=math`,
    {},
    repositories(paths.slice(2, 4), next(catalog, "n=2&last=math%2Fa")),
  ],
  ["a last with a slash", "GET", `${catalog}?last=math%2Fa`, {}, repositories(paths.slice(4))],
  ["behind a name that is not there", "GET", `${catalog}?last=math.`, {}, repositories(paths.slice(3))],
  ["the last page", "GET", `${catalog}?n=4&last=team/lists`, {}, repositories(paths.slice(6))],
  ["a page of nothing", "GET", `${catalog}?n=0`, {}, repositories([])],
  ["a page that is no number", "GET", `${catalog}?n=1.5`, {}, invalidPage],
];

describe("tags", () => {
  for (const [sentence, method, target, parts, expected] of tagRows)
    test(sentence, async () => check(await ask(method, target, parts), expected));

  test("HEAD gives the length of the list and no body", async () => {
    const length = (await ask("GET", list)).bytes.byteLength;
    check(await ask("HEAD", list), { status: 200, headers: { ...jsonType, "content-length": `${length}` }, text: "" });
  });
});

describe("the catalog", () => {
  for (const [sentence, method, target, parts, expected] of catalogRows)
    test(sentence, async () => check(await ask(method, target, parts), expected));

  test("a page that is asked for again has what is new and not what is gone", async () => {
    const page = `${catalog}?n=1&last=team/passing`;
    const passing = parseV1RepositoryName("team/passing-by");
    check(await ask("GET", page), repositories(["team/signed"], next(catalog, "n=1&last=team%2Fsigned")));
    await pushImage(ask, passing.path, "latest");
    check(await ask("GET", page), repositories([passing.path], next(catalog, "n=1&last=team%2Fpassing-by")));
    await house.registry.v1Repositories.delete(actor, passing);
    check(await ask("GET", page), repositories(["team/signed"], next(catalog, "n=1&last=team%2Fsigned")));
  });
});

describe("referrers", () => {
  const at = (query = "", of = subject) => `/v2/team/signed/referrers/${of}${query}`;
  const typed = { "content-type": ociIndex };
  const index = (manifests: readonly unknown[]) => JSON.stringify({ schemaVersion: 2, mediaType: ociIndex, manifests });
  const digestsOf = (text: string) => [...text.matchAll(/"digest":"([^"]+)"/g)].map(([, digest]) => digest);

  test("are listed in an index, by digest, with artifact type and annotations", async () => {
    const seen = await ask("GET", at());
    expect({ status: seen.status, headers: seen.headers }).toEqual({ status: 200, headers: typed });
    expect(digestsOf(seen.text)).toEqual([...referrers]);
    expect(seen.text).toContain(`"artifactType":"${sbom}","annotations":{"org.example":"yes"}`);
    expect(seen.text).toContain(`"artifactType":"application/vnd.oci.image.config.v1+json"`);
  });

  test("each is described as it can be pulled", async () => {
    const { text } = await ask("GET", at());
    for (const digest of referrers) {
      const { headers, bytes } = await ask("GET", `/v2/team/signed/manifests/${digest}`);
      expect(text).toContain(
        `{"mediaType":"${headers["content-type"]}","digest":"${digest}","size":${bytes.byteLength}`,
      );
    }
  });

  test("of one artifact type are filtered, and it is said", async () => {
    const seen = await ask("GET", at(`?artifactType=${sbom}`));
    expect(seen.headers).toEqual({ ...typed, "oci-filters-applied": "artifactType" });
    expect(digestsOf(seen.text).length).toBe(1);
    const none = await ask("GET", at("?artifactType=application/vnd.example.none+json"));
    check(none, { status: 200, headers: { ...typed, "oci-filters-applied": "artifactType" }, text: index([]) });
    check(await ask("GET", at("?artifactType=%00")), { status: 400, codes: ["UNSUPPORTED"] });
  });

  test("come in pages that name the next and keep the filter", async () => {
    const [first = "", second = "", third = ""] = referrers;
    const seen = await ask("GET", at("?n=1"));
    expect(digestsOf(seen.text)).toEqual([first]);
    expect(seen.headers).toEqual({ ...typed, ...next(at(), `n=1&last=${encodeURIComponent(first)}`) });
    const rest = await ask("GET", at(`?n=2&last=${encodeURIComponent(first)}`));
    expect(digestsOf(rest.text)).toEqual([second, third]);
    expect(rest.headers).toEqual(typed);
    const more = { subject: { mediaType: ociManifest, digest: subject, size: 1 }, artifactType: sbom, annotations: {} };
    const extra = await pushImage(ask, "team/signed", "", more);
    const filtered = await ask("GET", at(`?artifactType=${sbom}&n=1`));
    expect(filtered.headers["link"]).toContain(`artifactType=${encodeURIComponent(sbom)}&n=1&last=`);
    await ask("DELETE", `/v2/team/signed/manifests/${extra}`);
    expect(digestsOf((await ask("GET", at())).text)).toEqual([...referrers]);
  });

  test("with large annotations come in pages of at most 4 MiB, and all of them come", async () => {
    const subject = { mediaType: ociManifest, digest: digestOf(bytesFrom("large")), size: 5 };
    const pushed: string[] = [];
    for (let i = 0; i < 20; i++)
      pushed.push(
        await pushImage(ask, "team/large", "", { subject, annotations: { a: `${i}${"x".repeat(500_000)}` } }),
      );
    const found: (string | undefined)[] = [];
    let target = `/v2/team/large/referrers/${subject.digest}`;
    while (target !== "") {
      const { text, headers } = await ask("GET", target);
      expect(text.length).toBeLessThan(4.1 * 1024 * 1024);
      found.push(...digestsOf(text));
      target = /^<([^>]*)>/.exec(headers["link"] ?? "")?.[1] ?? "";
    }
    expect(found).toEqual(pushed.toSorted());
  });

  test("of what nobody knows are an empty index", async () => {
    const none: Expected = { status: 200, headers: typed, text: index([]) };
    check(await ask("GET", at("", absent)), none);
    check(await ask("GET", `/v2/team/none/referrers/${absent}`), none);
    check(await ask("GET", `/v2/team/lists/referrers/${subject}`), none);
  });

  test("of what is no digest are refused", async () => {
    check(await ask("GET", at("", "latest")), { status: 400, codes: ["DIGEST_INVALID"] });
  });

  test("stay when their subject is deleted", async () => {
    const gone = await pushImage(ask, "team/gone", "latest");
    const more = { subject: { mediaType: ociManifest, digest: gone, size: 1 } };
    const left = await pushImage(ask, "team/gone", "", more);
    await ask("DELETE", `/v2/team/gone/manifests/${gone}`);
    expect(digestsOf((await ask("GET", `/v2/team/gone/referrers/${gone}`)).text)).toEqual([left]);
  });

  test("pushed under the fallback tag are listed too", async () => {
    const first = await pushImage(ask, "team/fallback", "latest");
    const more = { subject: { mediaType: ociManifest, digest: first, size: 1 }, artifactType: signature };
    const signed = await pushImage(ask, "team/fallback", "", more);
    const fallback = {
      schemaVersion: 2,
      mediaType: ociIndex,
      manifests: [{ mediaType: ociManifest, digest: signed, size: 1 }],
    };
    const tag = first.replace(":", "-");
    const seen = await ask("PUT", `/v2/team/fallback/manifests/${tag}`, { body: JSON.stringify(fallback) });
    expect(seen.status).toBe(201);
    expect(digestsOf((await ask("GET", `/v2/team/fallback/referrers/${first}`)).text)).toEqual([signed]);
  });
});
