// Bad requests to /v1/ at a real server: each is refused in the words of v1, none changes anything. What is odd and right is
// taken, whatever is made of it. Nothing ends the server, holds it up, or fills its memory.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { payloadChecksum } from "../v1/checksums.ts";
import type { Hostile, Hostiles } from "./requests/hostile.ts";
import { v1Bodies, v1Headers, v1Paths } from "./requests/v1.ts";
import { openServers } from "./servers.ts";
import { exchange, request, type WireAnswer } from "./wire.ts";
import { digestOf, expectPull, expectUntouched, imageType, measureMemory, openWorld, type World } from "./world.ts";

const { servers, remove } = openServers();
afterAll(remove);

const kinds: Readonly<Record<string, Hostiles>> = { paths: v1Paths, headers: v1Headers, bodies: v1Bodies };
const maxGrowthMebibytes = 400;
/** Words of SQL, of stacks, and of the runtime. */
const inside = /\bselect\b.*\bfrom\b|sqlite|postgres|HPE_|ERR_|\bat \S+ \(|\.[jt]s:\d+|node_modules|bun:|\/src\//i;

/** An error of v1, a page of its framework, a redirect to the slash; or, for what is no HTTP, the envelope of /v2/. */
function expectRefused({ data }: World["server"], { status, headers, body }: WireAnswer): void {
  expect({ status, isRefused: status === 301 || (status >= 400 && status < 500) }).toEqual({ status, isRefused: true });
  expect(headers["x-content-type-options"]).toBe("nosniff");
  expect(body).not.toContain(data);
  if (headers["content-type"] !== "application/json") {
    expect(headers["content-type"]).toStartWith("text/html");
    expect(body).toStartWith("<!DOCTYPE HTML");
    expect(body).not.toContain("<script>");
    return;
  }
  expect(body).not.toMatch(inside);
  const error = JSON.parse(Buffer.from(body, "latin1").toString());
  expect([["error"], ["errors"]]).toContainEqual(Object.keys(error));
}

async function refuse({ server }: World, { what, bytes, status }: Hostile): Promise<void> {
  const { answers } = await exchange(server, bytes, { answers: 1 });
  const [answer] = answers;
  try {
    if (answer === undefined) throw new Error("there was no answer");
    expectRefused(server, answer);
    if (status !== undefined) expect(answer.status).toBe(status);
  } catch (error) {
    throw new Error(`${what}: ${JSON.stringify(answer)?.slice(0, 300)}`, { cause: error });
  }
}

const deep = (depth: number) => "[".repeat(depth) + "]".repeat(depth);

/** What may stand in the JSON of an image, or in a config, beside what must. */
const oddMembers: readonly (readonly [what: string, members: string])[] = [
  ["brackets 100,000 deep", `"x":${deep(100_000)}`],
  ["braces 100,000 deep", `"x":${'{"a":'.repeat(100_000)}1${"}".repeat(100_000)}`],
  ["a config 100,000 deep", `"config":{"Env":${deep(100_000)}}`],
  ["a container config 100,000 deep", `"container_config":{"Cmd":${deep(100_000)}}`],
  ["a history 100,000 deep", `"created":${deep(50_000)},"author":${deep(50_000)},"comment":${deep(50_000)}`],
  ["50,000 names", Array.from({ length: 50_000 }, (_, i) => `"name-${i}":1`).join()],
  ["50,000 times one name", Array.from({ length: 50_000 }, () => '"name":1').join()],
  ["a number of 500,000 digits", `"x":${"1".repeat(500_000)}`],
  ["lone surrogates", '"x\\ud800":"\\udc00\\ud800","comment":"\\ud800","author":"\\udfff"'],
  ["names of prototypes", '"__proto__":{"a":1},"constructor":{"prototype":null},"toString":1'],
  ["other types", '"created":1,"author":{},"comment":[],"config":1,"container_config":"x","architecture":[],"os":{}'],
  ["dates that are none", '"created":"2014-13-41T25:61:61Z","docker_version":"x.y.z"'],
  ["a platform of 100,000 letters", `"architecture":"${"a".repeat(100_000)}","os":"${"b".repeat(100_000)}"`],
  ["a NUL everywhere", '"comment":"\\u0000","author":"\\u0000","os":"\\u0000","architecture":"\\u0000"'],
  ["rootfs and history of its own", '"rootfs":{"type":"x","diff_ids":["y"]},"history":[{"empty_layer":true}]'],
  ["a command of 200,000 words", `"container_config":{"Cmd":[${'"a",'.repeat(200_000)}"a"]}`],
];

/** What may stand in a config of an image of today. */
const oddConfigs: readonly (readonly [what: string, members: string])[] = [
  ["a history of 100,000 entries", `"history":[${'{"empty_layer":true},'.repeat(100_000)}{"created_by":"x"}]`],
  ["history of other types", '"history":[1,null,"x",[],{"created":1,"created_by":{},"empty_layer":"x"}]'],
  ["known members of other types", '"config":{"Cmd":1,"Env":{},"Volumes":[],"User":[],"Memory":"x","ExposedPorts":1}'],
];

const layer = Buffer.from("not an archive");

/** Pushes an image over v1 and tags it; the statuses of its steps. */
async function pushOld({ ask }: World, id: string, members: string): Promise<number[]> {
  const json = `{"id":"${id}",${members}}`;
  const statuses: number[] = [];
  const put = async (path: string, body?: string | Buffer, headers: Record<string, string> = {}) => {
    const init = { headers, ...(body === undefined ? {} : { body: Uint8Array.from(Buffer.from(body)) }) };
    statuses.push((await ask("PUT", `/v1/${path}`, init)).status);
  };
  await put(`images/${id}/json`, json);
  await put(`images/${id}/layer`, layer);
  await put(`images/${id}/checksum`, undefined, {
    "X-Docker-Checksum-Payload": payloadChecksum(Buffer.from(json), layer),
  });
  await put(`repositories/odd/v1/tags/t-${id.slice(0, 8)}`, `"${id}"`);
  return statuses;
}

test("where v1 alone is spoken the same is refused, and /v2/ is not there", async () => {
  const world = await openWorld({ flags: ["--v1-listen", "127.0.0.1:0"] });
  try {
    const [, url] = /v1[^\n]* (http:\/\/\S+)/.exec(world.server.output()) ?? [];
    const alone: World = { ...world, server: { ...world.server, url: url ?? "" } };
    expect(alone.server.url).not.toBe(world.server.url);
    const wrong: string[] = [];
    for (const each of Object.values(kinds).flatMap((list) => list(world))) {
      await refuse(alone, each).catch((error) => wrong.push(String(error)));
    }
    for (const path of ["/v2/", "/v2/hostile/image/manifests/latest", "/metrics"])
      await refuse(alone, { what: path, bytes: request("GET", path), status: 404 });
    expect(wrong).toEqual([]);
    await expectUntouched(world);
    await expectPull(world);
  } finally {
    await world.server.stop();
  }
}, 60_000);

for (const [server, flags] of Object.entries(servers)) {
  describe(`${server}:`, () => {
    let world: World;
    let before = 0;
    beforeAll(async () => {
      world = await openWorld({ flags });
      await expectPull(world);
      before = await measureMemory(world.server);
    });
    afterAll(() => world.server.stop());

    for (const [kind, list] of Object.entries(kinds)) {
      test(`bad v1 ${kind} are refused`, async () => {
        const wrong: string[] = [];
        for (const each of list(world)) await refuse(world, each).catch((error) => wrong.push(String(error)));
        expect(wrong).toEqual([]);
        await expectUntouched(world);
      }, 60_000);
    }

    test("images with odd JSON are taken whole or refused, and looked at from both sides", async () => {
      for (const [i, [what, members]] of oddMembers.entries()) {
        const id = digestOf(`${server} ${i}`).slice("sha256:".length);
        const statuses = await pushOld(world, id, members);
        for (const path of [
          `/v2/odd/v1/manifests/t-${id.slice(0, 8)}`,
          `/v1/images/${id}/json`,
          `/v1/images/${id}/files`,
        ])
          statuses.push((await world.ask("GET", path)).status);
        expect({ what, isAnswered: statuses.every((status) => status < 500) }).toEqual({ what, isAnswered: true });
        const [json, , , tag] = statuses;
        expect({ what, json, tag }).toEqual(
          json === 200 ? { what, json, tag: 200 } : { what, json: json ?? 0, tag: 404 },
        );
      }
      const listed = await world.ask("GET", "/v1/repositories/odd/v1/tags");
      expect(listed.status).toBe(200);
      expect((await world.ask("GET", "/v1/repositories/odd/v1/images")).status).toBe(200);
      expect((await world.ask("GET", "/v1/search?q=%00%25_")).status).toBe(200);
    }, 60_000);

    test("images of today with odd configs are taken, and v1 shows them or does not", async () => {
      const digest = digestOf(layer);
      const push = (body: Uint8Array) =>
        world.ask("POST", `/v2/odd/today/blobs/uploads/?digest=${digestOf(body)}`, { body: Uint8Array.from(body) });
      expect((await push(layer)).status).toBe(201);
      for (const [i, [what, members]] of [...oddMembers, ...oddConfigs].entries()) {
        const rootfs = `"rootfs":{"type":"layers","diff_ids":["${digest}"]}`;
        const config = Buffer.from(`{"architecture":"amd64","os":"linux",${rootfs},${members}}`);
        expect((await push(config)).status).toBe(201);
        const manifest = JSON.stringify({
          schemaVersion: 2,
          mediaType: imageType,
          config: {
            mediaType: "application/vnd.oci.image.config.v1+json",
            digest: digestOf(config),
            size: config.byteLength,
          },
          layers: [{ mediaType: "application/vnd.oci.image.layer.v1.tar", digest, size: layer.byteLength }],
        });
        const put = await world.ask("PUT", `/v2/odd/today/manifests/t-${i}`, { body: manifest });
        const tag = await world.ask("GET", `/v1/repositories/odd/today/tags/t-${i}`);
        expect([what, put.status, tag.status === 200 || tag.status === 404]).toEqual([what, 201, true]);
        if (tag.status === 404) continue;
        for (const part of ["json", "ancestry", "layer", "files"]) {
          const { status } = await world.ask("GET", `/v1/images/${await tag.clone().json()}/${part}`);
          expect({ what, part, isAnswered: status < 500 }).toEqual({ what, part, isAnswered: true });
        }
      }
    }, 60_000);

    test("the server serves on, and its memory is bounded", async () => {
      const count = Object.values(kinds).reduce((sum, list) => sum + list(world).length, 0);
      const after = await measureMemory(world.server);
      process.stdout.write(`${server}: ${count} bad v1 requests, ${before} MiB before them, ${after} MiB after\n`);
      expect(count).toBeGreaterThan(300);
      expect(after - before).toBeLessThan(maxGrowthMebibytes);
      expect(world.server.output()).not.toContain("a bug");
      await expectPull(world);
    });
  });
}
