// Clients that go away in the middle of a request, or of its answer, at any byte.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { countHandles, eventually } from "../faults/sockets.ts";
import { openServers } from "./servers.ts";
import { dial, request } from "./wire.ts";
import { digestOf, expectPull, expectUntouched, measureMemory, openWorld, type World } from "./world.ts";

const { servers, remove } = openServers();
afterAll(remove);

const rounds = 20;

/** Requests that would change something if they came whole. */
function wholeRequests({ name, image, blob }: World, upload: string): readonly Buffer[] {
  const body = Buffer.alloc(100_000, "x");
  const digest = digestOf(body);
  const chunk = Buffer.concat([Buffer.from("186a0\r\n"), body, Buffer.from("\r\n0\r\n\r\n")]);
  const manifest = JSON.stringify({ schemaVersion: 2, manifests: [], annotations: { filler: "x".repeat(50_000) } });
  return [
    request("PUT", "/v2/aborted/manifests/latest", [], manifest),
    request("POST", `/v2/${name}/blobs/uploads/?digest=${digest}`, [], body),
    request("PATCH", upload, [], body),
    Buffer.concat([request("PUT", `${upload}?digest=${digest}`, ["Transfer-Encoding: chunked"]), chunk]),
    request("DELETE", `/v2/${name}/manifests/${image}`, ["Content-Length: 10"]),
    request("GET", `/v2/${name}/blobs/${blob}`),
  ];
}

for (const [server, flags] of Object.entries(servers)) {
  describe(`${server}:`, () => {
    let world: World;
    beforeAll(async () => {
      world = await openWorld({ flags });
      await expectPull(world);
    });
    afterAll(() => world.server.stop());

    test("requests that stop anywhere change nothing, and leave nothing open", async () => {
      const before = { memory: await measureMemory(world.server), handles: await countHandles(world.server.pid) };
      const abort = async (bytes: Buffer, length: number, isRude: boolean) => {
        const socket = await dial(world.server);
        const closed = new Promise((resolve) => socket.once("close", resolve));
        await new Promise((resolve) => socket.write(bytes.subarray(0, length), resolve));
        if (isRude) socket.resetAndDestroy();
        else socket.destroy();
        await closed;
      };
      for (let round = 0; round < rounds; round++) {
        const begun = await world.ask("POST", `/v2/${world.name}/blobs/uploads/`);
        const requests = wholeRequests(world, begun.headers.get("location") ?? "");
        // Never all of it, but for what changes nothing.
        const lengthOf = (bytes: Buffer, i: number) =>
          i === requests.length - 1 ? bytes.length : Math.floor((bytes.length * (round + 0.5)) / rounds);
        await Promise.all(requests.map((bytes, i) => abort(bytes, lengthOf(bytes, i), round % 2 === 0)));
      }
      await eventually(async () => (await countHandles(world.server.pid)) <= before.handles + 8);
      const memory = await measureMemory(world.server);
      process.stdout.write(
        `${server}: ${before.memory} MiB before ${6 * rounds} aborted requests, ${memory} MiB after\n`,
      );
      expect(memory - before.memory).toBeLessThan(300);
      expect(world.server.output()).not.toContain("a bug");
      await expectPull(world);
    }, 60_000);

    test("no manifest, no tag and no blob came of them", async () => {
      expect((await world.ask("GET", "/v2/aborted/manifests/latest")).status).toBe(404);
      expect((await world.ask("GET", `/v2/${world.name}/blobs/${digestOf(Buffer.alloc(100_000, "x"))}`)).status).toBe(
        404,
      );
      await expectUntouched(world);
    });
  });
}
