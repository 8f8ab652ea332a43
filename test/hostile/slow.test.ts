// Five hundred connections that are slow on purpose: others are served meanwhile, memory stays bounded, and what is too slow
// is ended. Half a minute for headers, a minute for the next byte of a body: this file takes as long.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type ClientHttp2Session, connect as connectHttp2 } from "node:http2";
import { connect, type Socket } from "node:net";
import { countHandles, eventually } from "../faults/sockets.ts";
import { expectRefusal } from "./envelope.ts";
import { openServers } from "./servers.ts";
import { dial, readAnswers, request } from "./wire.ts";
import { digestOf, expectPull, measureMemory, openWorld, type World } from "./world.ts";

/** A connection, and what came on it. */
interface Slow {
  readonly socket: Socket;
  readonly came: Buffer[];
  readonly closed: Promise<void>;
}

interface Crowd {
  readonly world: World;
  readonly idle: readonly Slow[];
  readonly headers: readonly Slow[];
  readonly next: readonly Slow[];
  readonly bodies: readonly Slow[];
  readonly readers: readonly Slow[];
  /** Connections that never begin to speak TLS, or HTTP/2 sessions without a request. */
  readonly silent: readonly Socket[];
  readonly session: ClientHttp2Session | undefined;
  readonly before: { readonly memory: number; readonly handles: number };
}

const large = new Uint8Array(8 << 20).map((_, i) => i * 17 + (i >> 9));
const largePath = `/v2/hostile/image/blobs/${digestOf(large)}`;
const patience = 120_000;
const { servers, remove } = openServers();
const crowds: Crowd[] = [];
let dripping: NodeJS.Timeout | undefined;

async function open({ server }: World, bytes: Uint8Array | string, isReading = true): Promise<Slow> {
  const socket = await dial(server);
  const came: Buffer[] = [];
  if (isReading) socket.on("data", (part: Buffer) => came.push(part));
  if (bytes.length > 0) socket.write(bytes);
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  return { socket, came, closed };
}

const openMany = (world: World, count: number, bytes: Uint8Array | string, isReading?: boolean) =>
  Promise.all(Array.from({ length: count }, () => open(world, bytes, isReading)));

async function gather(flags: readonly string[]): Promise<Crowd> {
  const world = await openWorld({ flags });
  const { server, name, ask } = world;
  await ask("POST", `/v2/${name}/blobs/uploads/?digest=${digestOf(large)}`, { body: large });
  await expectPull(world);
  const before = { memory: await measureMemory(server), handles: await countHandles(server.pid) };
  const begin = async () => (await ask("POST", `/v2/${name}/blobs/uploads/`)).headers.get("location") ?? "";
  const body = async () => open(world, `${request("PATCH", await begin(), ["Content-Length: 1000"])}some of it`);
  const isTls = server.url.startsWith("https:");
  return {
    world,
    idle: await openMany(world, 50, ""),
    headers: await openMany(world, 150, "GET /v2/ HTTP/1.1\r\nHost: registry.example\r\n"),
    next: await openMany(world, 50, `${request("GET", "/v2/")}GET /v2/ HTTP/1.1\r\n`),
    bodies: await Promise.all(Array.from({ length: 150 }, body)),
    readers: await openMany(world, 100, request("GET", largePath, ["Connection: close"]), false),
    silent: Array.from({ length: isTls ? 20 : 0 }, () =>
      connect(server.port, "127.0.0.1").on("error", () => undefined),
    ),
    session: isTls ? connectHttp2(server.url, { rejectUnauthorized: false }).on("error", () => undefined) : undefined,
    before,
  };
}

beforeAll(async () => {
  crowds.push(...(await Promise.all(Object.values(servers).map(gather))));
  dripping = setInterval(() => {
    for (const { socket } of crowds.flatMap(({ headers }) => headers)) if (socket.writable) socket.write("X: y\r\n");
  }, 2_000);
}, patience);

afterAll(async () => {
  clearInterval(dripping);
  for (const { world, idle, headers, next, bodies, readers, silent, session } of crowds) {
    for (const { socket } of [...idle, ...headers, ...next, ...bodies, ...readers]) socket.destroy();
    for (const socket of silent) socket.destroy();
    session?.destroy();
    await world.server.stop();
  }
  remove();
}, patience);

const statusesOf = ({ came }: Slow) =>
  readAnswers(Buffer.concat(came).toString("latin1"), false).map(({ status }) => status);

for (const [at, server] of Object.keys(servers).entries()) {
  const crowd = (): Crowd => {
    const found = crowds[at];
    if (found === undefined) throw new Error("there is no such server");
    return found;
  };

  describe(`${server}:`, () => {
    test(
      "pulls and pushes go on beside 500 slow connections",
      async () => {
        const { world, before } = crowd();
        const began = performance.now();
        const took: number[] = [];
        for (let i = 0; i < 50; i++) {
          const start = performance.now();
          await expectPull(world);
          took.push(performance.now() - start);
        }
        const body = `pushed beside them ${performance.now()}`;
        const target = `/v2/${world.name}/blobs/uploads/?digest=${digestOf(body)}`;
        expect((await world.ask("POST", target, { body })).status).toBe(201);
        const worst = Math.round(Math.max(...took));
        const memory = await measureMemory(world.server);
        const seconds = Math.round(performance.now() - began) / 1000;
        process.stdout.write(
          `${server}: 50 pulls in ${seconds} s, the slowest in ${worst} ms; ${before.memory} MiB before the 500, ${memory} MiB with them\n`,
        );
        expect(memory - before.memory).toBeLessThan(500);
      },
      patience,
    );

    test(
      "slow headers, of a first request and of a second, and no request at all end by themselves",
      async () => {
        const { world, idle, headers, next, silent, session } = crowd();
        await Promise.all([...idle, ...headers, ...next].map(({ closed }) => closed));
        for (const { came } of headers) {
          // Without TLS the runtime is first, and hangs up without a word.
          if (came.length === 0 && world.server.url.startsWith("http:")) continue;
          const [answer] = readAnswers(Buffer.concat(came).toString("latin1"), false);
          expectRefusal(world.server, answer);
          expect(answer?.status).toBe(408);
        }
        for (const slow of next) expect(statusesOf(slow).slice(0, 1)).toEqual([200]);
        await eventually(async () => silent.every((socket) => socket.closed) && session?.closed !== false);
      },
      patience,
    );

    test(
      "a body that stops is refused, and its upload keeps what came",
      async () => {
        const { bodies } = crowd();
        await eventually(async () => bodies.every((slow) => statusesOf(slow).length > 0));
        for (const slow of bodies) expect(statusesOf(slow)).toEqual([408]);
        await Promise.all(bodies.map(({ closed }) => closed));
      },
      patience,
    );

    test(
      "a reader that was slow gets all of it",
      async () => {
        const { readers } = crowd();
        for (const { socket, came } of readers) socket.on("data", (part: Buffer) => came.push(part));
        await Promise.all(readers.map(({ closed }) => closed));
        for (const slow of readers) {
          const [answer] = readAnswers(Buffer.concat(slow.came).toString("latin1"), false);
          expect(digestOf(Buffer.from(answer?.body ?? "", "latin1"))).toBe(digestOf(large));
        }
      },
      patience,
    );

    test(
      "nothing is left open, and a pull works",
      async () => {
        const { world, before } = crowd();
        await expectPull(world);
        await eventually(async () => (await countHandles(world.server.pid)) <= before.handles + 8);
        expect(world.server.output()).not.toContain("a bug");
      },
      patience,
    );
  });
}
