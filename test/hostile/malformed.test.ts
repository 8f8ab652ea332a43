// Bad requests, hundreds of them, at a real server: each is refused with the envelope, none changes anything, and the server
// serves on, with no more memory than before.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { expectRefusal } from "./envelope.ts";
import { heads } from "./requests/heads.ts";
import type { Hostile, Hostiles } from "./requests/hostile.ts";
import { manifests } from "./requests/manifests.ts";
import { methods } from "./requests/methods.ts";
import { paths } from "./requests/paths.ts";
import { uploads } from "./requests/uploads.ts";
import { openServers } from "./servers.ts";
import { exchange } from "./wire.ts";
import { expectPull, expectUntouched, measureMemory, openWorld, type World } from "./world.ts";

const { servers, remove } = openServers();
afterAll(remove);

const kinds: Readonly<Record<string, Hostiles>> = { heads, methods, paths, uploads, manifests };
const maxGrowthMebibytes = 400;

/** Sends a request alone; what comes back is one refusal. */
async function refuse({ server }: World, { what, bytes, status, code }: Hostile): Promise<void> {
  const { answers } = await exchange(server, bytes, { answers: 1 });
  const answer = answers[0];
  try {
    const codes = expectRefusal(server, answer);
    if (status !== undefined) expect(answer?.status).toBe(status);
    if (code !== undefined) expect(codes).toContain(code);
  } catch (error) {
    throw new Error(`${what}: ${JSON.stringify(answer)?.slice(0, 500)}`, { cause: error });
  }
}

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
      test(`bad ${kind} are refused`, async () => {
        const wrong: string[] = [];
        for (const each of list(world)) await refuse(world, each).catch((error) => wrong.push(String(error)));
        expect(wrong).toEqual([]);
        await expectUntouched(world);
      }, 60_000);
    }

    test("there were more than 300 of them, the server serves on, and its memory is bounded", async () => {
      const count = Object.values(kinds).reduce((sum, list) => sum + list(world).length, 0);
      const after = await measureMemory(world.server);
      process.stdout.write(`${server}: ${count} bad requests, ${before} MiB before them, ${after} MiB after\n`);
      expect(count).toBeGreaterThan(300);
      expect(after - before).toBeLessThan(maxGrowthMebibytes);
      expect(world.server.output()).not.toContain("a bug");
      await expectPull(world);
    });
  });
}
