// What is unusual and right: it must work, on every kind of server, however strictly bad requests are refused.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { expectGuarded, expectRefusal } from "./envelope.ts";
import { openServers } from "./servers.ts";
import { exchange, lines, type Part, request, type WireAnswer } from "./wire.ts";
import { digestOf, expectPull, imageType, openWorld, type World } from "./world.ts";

const { servers, remove } = openServers();
afterAll(remove);

for (const [server, flags] of Object.entries(servers)) {
  describe(`${server}:`, () => {
    let world: World;
    beforeAll(async () => {
      world = await openWorld({ flags });
    });
    afterAll(() => world.server.stop());

    const say = async (bytes: Part | readonly Part[], isHead = false): Promise<WireAnswer> => {
      const { answers } = await exchange(world.server, bytes, { answers: 1, isHead });
      if (answers[0] === undefined) throw new Error("there was no answer");
      expectGuarded(answers[0]);
      return answers[0];
    };
    const begin = async () =>
      (await say(request("POST", `/v2/${world.name}/blobs/uploads/`, [], ""))).headers["location"] ?? "";

    test("a manifest in chunks, with an extension and a trailer, without a Content-Type", async () => {
      const { name, manifest, image } = world;
      const [a, b] = [manifest.slice(0, 100), manifest.slice(100)];
      const chunk = (text: string) => `${text.length.toString(16).toUpperCase()};a=b\r\n${text}\r\n`;
      const head = request("PUT", `/v2/${name}/manifests/chunked`, ["Transfer-Encoding: Chunked"]);
      const { status, headers } = await say([head, chunk(a), chunk(b), "0\r\nX-Trailer: y\r\n\r\n"]);
      expect([status, headers["docker-content-digest"]]).toEqual([201, image]);
    });

    for (const type of [`${imageType}; charset=utf-8`, `${imageType} ;x="y"`, `\t${imageType}\t`, "application/json"]) {
      test(`a manifest as ${JSON.stringify(type)}`, async () => {
        const { name, manifest } = world;
        const put = request("PUT", `/v2/${name}/manifests/typed`, [`Content-Type: ${type}`], manifest);
        expect((await say(put)).status).toBe(201);
        const { headers, body } = await say(request("GET", `/v2/${name}/manifests/typed`));
        expect([headers["content-type"], body]).toEqual([imageType, manifest]);
      });
    }

    test("an upload in chunks, an empty part, and an end by an escaped digest between other parameters", async () => {
      const path = await begin();
      const parts = ["4\r\nabcd\r\n", "1\r\ne\r\n", "0\r\n\r\n"];
      const patched = await say([request("PATCH", path, ["Transfer-Encoding: chunked"]), ...parts]);
      expect([patched.status, patched.headers["range"]]).toEqual([202, "0-4"]);
      const empty = await say(request("PATCH", path, ["Content-Type: application/octet-stream"], ""));
      expect([empty.status, empty.headers["range"]]).toEqual([202, "0-4"]);
      const digest = digestOf("abcde").replace(":", "%3A").replace("a", "%61");
      expect((await say(request("PUT", `${path}?_state=x&digest=${digest}&last=1`, [], ""))).status).toBe(201);
      expect((await say(request("PUT", `${path}?digest=${digest}&_state=x`, [], ""))).status).toBe(201);
    });

    test("an end in chunks that nobody announced in bytes", async () => {
      const path = await begin();
      const head = request("PUT", `${path}?digest=${digestOf("whole")}`, ["Transfer-Encoding: chunked"]);
      expect((await say([head, "5\r\nwhole\r\n", "0\r\n\r\n"])).status).toBe(201);
    });

    test("a body that waits for 100-continue", async () => {
      const path = await begin();
      for (const expectation of ["100-continue", "100-Continue"]) {
        const head = request("PUT", `${path}?digest=${digestOf("later")}`, [`Expect: ${expectation}`], "later");
        const { text, answers } = await exchange(world.server, head, { answers: 1 });
        expect(text).toStartWith("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 ");
        expect(answers[0]?.status).toBe(201);
      }
    });

    test("escapes in either case, a digest with an escaped colon, a name with an escaped slash", async () => {
      const { name, blob } = world;
      for (const digest of [blob.replace(":", "%3A"), blob.replace(":", "%3a"), blob.replace("sha", "%73%68%61")]) {
        expect((await say(request("HEAD", `/v2/${name}/blobs/${digest}`), true)).status).toBe(200);
        const found = await say(request("HEAD", `/v2/${name.replace("/", "%2F")}/blobs/${digest}`), true);
        expect(found.headers["content-length"]).toBe("300000");
      }
    });

    test("a whole URL as the target, HTTP/1.0, a header of other letters, and empty lines in front", async () => {
      const { name } = world;
      const target = `http://registry.example/v2/${name}/tags/list?n=1`;
      expect((await say(lines(`GET ${target} HTTP/1.1`, "Host: registry.example"))).status).toBe(200);
      expect((await say(lines(`GET /v2/${name}/tags/list HTTP/1.0`))).status).toBe(200);
      expect(
        (await say(lines("GET /v2/ HTTP/1.1", "HOST:registry.example", "X-Odd: \xe9\xff", "X-Empty:"))).status,
      ).toBe(200);
      expect((await say(Buffer.concat([Buffer.from("\r\n\r\n"), request("GET", "/v2/")]))).status).toBe(200);
    });

    for (const host of ["registry.example:5000", "[::1]:5000", "127.0.0.1", "REGISTRY", "a_b.example", "x:", ""]) {
      test(`the Host ${JSON.stringify(host)}`, async () => {
        expect((await say(lines("GET /v2/ HTTP/1.1", `Host: ${host}`))).status).toBe(200);
      });
    }

    for (const range of ["bytes=x-y", "items=0-1", "bytes=", "bytes", "bytes=0-1,x", "bytes=-", "bytes=0-0-0", "0-1"]) {
      test(`the Range ${JSON.stringify(range)} is none: the whole is sent`, async () => {
        const { name, blob } = world;
        const { status, body } = await say(request("GET", `/v2/${name}/blobs/${blob}`, [`Range: ${range}`]));
        expect([status, body.length]).toEqual([200, 300_000]);
      });
    }

    test("ranges that cover each other do not multiply what is sent", async () => {
      const { name, blob } = world;
      for (const range of [Array(1000).fill("0-").join(), "0-,0-,0-,0-", Array(16).fill("0-299999").join()]) {
        const { status, body } = await say(request("GET", `/v2/${name}/blobs/${blob}`, [`Range: bytes=${range}`]));
        expect([status, body.length]).toEqual([200, 300_000]);
      }
    });

    test("a page of its own origin may change something, a page of another may look", async () => {
      const { name } = world;
      const own = request("POST", `/v2/${name}/blobs/uploads/`, ["Origin: http://registry.example"], "");
      expect((await say(own)).status).toBe(202);
      const foreign = request("GET", `/v2/${name}/tags/list`, ["Origin: https://elsewhere.example"]);
      const { status, headers } = await say(foreign);
      expect([status, headers["access-control-allow-origin"]]).toEqual([200, undefined]);
    });

    test("a connection goes on behind refusals, and its answers keep their order", async () => {
      const { name, blob, bytes } = world;
      const { answers, isClosed } = await exchange(world.server, [
        request("GET", "/v2/"),
        request("GET", `/v2/${name}/manifests/none`),
        request("PUT", `/v2/${name}/manifests/x`, [], "{"),
        request("PATCH", `/v2/${name}/blobs/uploads/none`, [], "x".repeat(10_000)),
        request("DELETE", "/v2/", [], "body"),
        request("GET", `/v2/${name}/blobs/${blob}`),
        request("GET", "/v2/_catalog?n=-1"),
        request("GET", "/v2/", ["Connection: close"]),
      ]);
      expect(answers.map(({ status }) => status)).toEqual([200, 404, 400, 404, 405, 200, 400, 200]);
      expect(digestOf(Buffer.from(answers[5]?.body ?? "", "latin1"))).toBe(digestOf(bytes));
      expect(isClosed).toBe(true);
    });

    test("what is no HTTP behind a request is refused behind its answer, never inside of it", async () => {
      const { name, blob, bytes, server } = world;
      for (const garbage of ["GARBAGE\r\n\r\n", "GET /v2/ HTTP/1.1\r\nHost : x\r\n\r\n", "\0".repeat(1000)]) {
        const { answers, isClosed } = await exchange(server, [request("GET", `/v2/${name}/blobs/${blob}`), garbage]);
        expect(digestOf(Buffer.from(answers[0]?.body ?? "", "latin1"))).toBe(digestOf(bytes));
        expectRefusal(server, answers[1]);
        expect([answers.length, isClosed]).toEqual([2, true]);
      }
    });

    test("bytes behind a body are a request of their own, never of somebody else", async () => {
      const { name, manifest } = world;
      const inner = request("DELETE", `/v2/${name}/manifests/latest`).toString();
      const put = request("PUT", `/v2/${name}/manifests/inner`, [], inner);
      const { answers } = await exchange(world.server, [put, request("GET", "/v2/", ["Connection: close"])]);
      expect(answers.map(({ status }) => status)).toEqual([400, 200]);
      expect((await say(request("GET", `/v2/${name}/manifests/latest`))).body).toBe(manifest);
    });

    for (const [what, head] of [
      ["that says its length", ["Content-Length: 268435456"]],
      ["in chunks", ["Transfer-Encoding: chunked"]],
      ["that waits to be asked", ["Content-Length: 268435456", "Expect: 100-continue"]],
    ] as const) {
      test(`a client that sends a large body ${what} gets to read why it is refused`, async () => {
        const { name, server } = world;
        const target = `/v2/${name}/blobs/uploads/none`;
        const chunked = head[0].startsWith("Transfer");
        const block = "x".repeat(1 << 20);
        const part = chunked ? `100000\r\n${block}\r\n` : block;
        const { answers } = await exchange(server, [request("PATCH", target, head), ...Array(32).fill(part)], {
          answers: 1,
        });
        expect(expectRefusal(server, answers[0])).toEqual(["BLOB_UPLOAD_UNKNOWN"]);
      });
    }

    test("HEAD answers as GET would, without the body, whatever is asked", async () => {
      const { name, blob, upload } = world;
      const absent = digestOf("absent");
      const targets = [
        ...["/v2/", "/v2/none", "/v2/_catalog", "/v2/_catalog?n=-1", "/v2/%00", "/v2/Team/tags/list", "/healthz"],
        ...[
          `/v2/${name}/tags/list`,
          "/v2/none/tags/list",
          `/v2/${name}/manifests/latest`,
          `/v2/${name}/manifests/none`,
        ],
        ...[
          `/v2/${name}/manifests/${absent}`,
          `/v2/${name}/manifests/-`,
          `/v2/${name}/blobs/${blob}`,
          `/v2/none/blobs/${blob}`,
        ],
        ...[
          `/v2/${name}/blobs/${absent}`,
          `/v2/${name}/blobs/x`,
          `/v2/${name}/referrers/${absent}`,
          `/v2/${name}/blobs/uploads/`,
        ],
        ...[upload, `${upload}x`],
      ];
      for (const target of targets) {
        const [got, had] = [
          await exchange(world.server, request("GET", target), { answers: 1 }),
          await exchange(world.server, request("HEAD", target), { answers: 1, isHead: true }),
        ];
        const [{ status, headers } = { status: 0, headers: { date: "" } }, answer] = [got.answers[0], had.answers[0]];
        const { date: _, ...expected } = headers;
        const { date: __, ...found } = answer?.headers ?? {};
        expect({ target, status: answer?.status, headers: found }).toEqual({ target, status, headers: expected });
        expect(had.text).toEndWith("\r\n\r\n");
      }
    });

    test("the caller's request id is kept when it is sane", async () => {
      const ids = ["sane-1.2:3_x", "a".repeat(128)];
      const odd = ["a b", "a".repeat(129), "<script>", '"}', "\xe9", "a,b", ""];
      for (const id of [...ids, ...odd]) await say(request("GET", "/v2/", [`X-Request-Id: ${id}`]));
      await say(request("GET", "/v2/", ["X-Request-Id: one", "X-Request-Id: two"]));
      const logged = world.server
        .output()
        .split("\n")
        .flatMap((line) => (line.startsWith("{") ? [JSON.parse(line).requestId] : []));
      for (const id of ids) expect(logged).toContain(id);
      for (const id of logged.filter((each) => each !== undefined)) expect(id).toMatch(/^[\w.:-]{1,128}$/);
    });

    test("a pull works at the end", () => expectPull(world));
  });
}
