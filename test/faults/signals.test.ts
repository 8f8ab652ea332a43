// Starting and stopping as a person does it: npm start, signals, a folder or a port that is taken.
import { afterEach, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { contentOf, digestOf } from "./random.ts";
import { openClient } from "./registry-client.ts";
import { type ServerOptions, spawnServer, startServer } from "./server.ts";
import { eventually, headOf, membersOf, openLine } from "./sockets.ts";

const patience = 60_000;
const npm: ServerOptions = { command: ["npm", "start", "--"] };
const cleanups: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
});

async function makeFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "berth-signals-"));
  cleanups.push(() => rm(folder, { recursive: true }));
  return folder;
}

async function start(folder: string, options?: ServerOptions) {
  const server = await startServer(folder, options);
  cleanups.push(() => server.kill());
  return server;
}

/** An upload that is half sent: it ends when `finish` is called. */
async function beginSlowUpload(url: string) {
  const content = contentOf(5, 300_000);
  const target = `/v2/slow/blobs/uploads/?digest=${digestOf(content)}`;
  const line = await openLine(url, headOf("POST", target, content.byteLength), content.subarray(0, 150_000));
  await Bun.sleep(200);
  return { digest: digestOf(content), line, finish: () => line.socket.write(content.subarray(150_000)) };
}

async function isRefused(url: string): Promise<boolean> {
  return openLine(url).then(
    ({ socket }) => {
      socket.destroy();
      return false;
    },
    () => true,
  );
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  for (const whom of ["npm alone", "the whole group"] as const) {
    test(
      `${signal} to ${whom} ends npm start with 0 and leaves no process`,
      async () => {
        const server = await start(await makeFolder(), npm);
        if (whom === "npm alone") process.kill(server.pid, signal);
        else server.signal(signal);
        expect(await server.ended).toBe(0);
        await eventually(async () => (await membersOf(server.pid)).length === 0);
        expect(await isRefused(server.url)).toBe(true);
      },
      patience,
    );
  }

  for (const [how, options] of [
    ["the server", {}],
    ["npm and the server at once, as Ctrl-C does,", npm],
  ] as const) {
    test(
      `${signal} to ${how} lets a request under way finish, takes no new one, and keeps what it acknowledged`,
      async () => {
        const folder = await makeFolder();
        const server = await start(folder, options);
        const upload = await beginSlowUpload(server.url);
        server.signal(signal);
        await eventually(() => isRefused(server.url));
        await Bun.sleep(300);
        upload.finish();
        expect(await upload.line.until(/\r\n\r\n/)).toMatch(/^HTTP\/1.1 201/);
        expect(await server.ended).toBe(0);
        const again = await start(folder);
        const { bytes } = await openClient(again.url).getBlob("slow", upload.digest);
        expect(digestOf(bytes)).toBe(upload.digest);
      },
      patience,
    );
  }

  test(
    `a second ${signal} ends the server at once, in the middle of a request`,
    async () => {
      const server = await start(await makeFolder());
      const upload = await beginSlowUpload(server.url);
      server.signal(signal);
      await eventually(() => isRefused(server.url));
      // Two signals at once are one: npm passes on what the terminal has sent to all.
      await Bun.sleep(400);
      server.signal(signal);
      expect(await server.ended).toBe(signal === "SIGINT" ? 130 : 143);
      expect(await upload.line.closed).toBe("");
    },
    patience,
  );
}

test(
  "a second server on a folder is refused with a sentence, and the first goes on",
  async () => {
    const folder = await makeFolder();
    const first = await start(folder);
    const second = spawnServer(folder);
    cleanups.push(() => second.kill());
    expect(await second.ended).toBe(1);
    expect(second.log()).toContain("another Berth is serving this data folder");
    expect(second.log()).not.toMatch(/^ +at /m);
    expect((await openClient(first.url).ask("GET", "/v2/")).status).toBe(200);
    await first.kill();
    expect((await openClient((await start(folder)).url).ask("GET", "/v2/")).status).toBe(200);
  },
  patience,
);

test(
  "a port that is taken is refused with a sentence that names it",
  async () => {
    const first = await start(await makeFolder());
    const listen = new URL(first.url).host;
    const second = spawnServer(await makeFolder(), { listen });
    cleanups.push(() => second.kill());
    expect(await second.ended).toBe(1);
    expect(second.log()).toContain(`${listen} is in use`);
    expect(second.log()).not.toMatch(/^ +at /m);
  },
  patience,
);
