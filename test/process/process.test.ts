// A grown-up process: several workers behind one port, the log, probes, metrics, and the commands.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { startServer, type TestServer } from "../server.ts";
import { bytesOf, digestOf } from "../upgrade/content.ts";

const root = resolve(import.meta.dir, "../..");
const folder = mkdtempSync(join(tmpdir(), "berth-process-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function berth(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(join(root, "bin", "berth"), args, { encoding: "utf8", cwd: folder });
  return { status, stdout, stderr };
}

/** The processes that a process has started. */
function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ").filter(Boolean).map(Number);
}

async function until(isTrue: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    if (await isTrue()) return;
    await Bun.sleep(50);
  }
  throw new Error("it did not come true");
}

async function put(url: string, seed: string, size: number): Promise<{ path: string; status: number }> {
  const bytes = bytesOf(seed, size);
  const path = `/v2/team/app/blobs/${digestOf(bytes)}`;
  const { status } = await fetch(`${url}/v2/team/app/blobs/uploads/?digest=${digestOf(bytes)}`, {
    method: "POST",
    body: bytes,
  });
  return { path, status };
}

test("a server whose log nobody reads goes on answering", async () => {
  const data = mkdtempSync(join(folder, "unread-"));
  const args = ["src/main.ts", "serve", "--listen", "127.0.0.1:0", "--data", data, "--log-format", "json"];
  const child = spawn(process.execPath, args, { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
  try {
    const url = await new Promise<string>((found) => {
      child.stdout.on("data", (text: Buffer) => {
        const at = /serves on (http:\S+)/.exec(text.toString())?.[1];
        if (at !== undefined) found(at);
      });
    });
    child.stderr.pause();
    // A line has two hundred characters and more: together many times what a pipe holds.
    for (let i = 0; i < 2_000; i++) expect((await fetch(`${url}/v2/?${"x".repeat(50)}`)).status).toBe(200);
  } finally {
    child.kill("SIGKILL");
  }
});

describe("several workers", () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer({ flags: ["--workers", "3", "--log-format", "json"] });
  });
  afterAll(async () => {
    await server.stop();
  });

  test("what one of them took, all of them give", async () => {
    const { path, status } = await put(server.url, "shared", 50_000);
    expect(status).toBe(201);
    const answers = await Promise.all(
      Array.from({ length: 24 }, () => fetch(server.url + path, { headers: { Connection: "close" } })),
    );
    expect(answers.every((answer) => answer.status === 200)).toBe(true);
  });

  test("an upload goes on in whichever worker the next request comes to", async () => {
    const bytes = bytesOf("parts", 90_000);
    const ask = (path: string, method: string, body?: Uint8Array<ArrayBuffer>) =>
      fetch(server.url + path, { method, headers: { Connection: "close" }, ...(body === undefined ? {} : { body }) });
    const location = (await ask("/v2/team/app/blobs/uploads/", "POST")).headers.get("location") ?? "";
    for (let at = 0; at < 90_000; at += 9_000)
      expect((await ask(location, "PATCH", bytes.slice(at, at + 9_000))).status).toBe(202);
    expect((await ask(`${location}?digest=${digestOf(bytes)}`, "PUT")).status).toBe(201);
  });

  test("their counters are added up", async () => {
    const text = await (await fetch(`${server.url}/metrics`)).text();
    expect(text).toContain('berth_requests_total{protocol="oci"');
    expect(text).toContain("berth_writer_transactions_total");
  });

  test("one that is killed is started again, and nothing else notices", async () => {
    const before = childrenOf(server.pid);
    expect(before).toHaveLength(3);
    process.kill(before[0] ?? 0, "SIGKILL");
    await until(() => childrenOf(server.pid).length === 3 && !childrenOf(server.pid).includes(before[0] ?? 0));
    await until(async () => (await put(server.url, "after", 30_000)).status === 201);
    expect(server.output()).toContain("a worker died");
  });

  test("all of them end with the parent, also when it is killed", async () => {
    const other = await startServer({ flags: ["--workers", "2"], data: join(folder, "killed") });
    const workers = childrenOf(other.pid);
    process.kill(other.pid, "SIGKILL");
    await until(() => workers.every((pid) => !isAlive(pid)));
  });
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe("the log", () => {
  test("has a line for each request, with what was asked and what became of it, and no query", async () => {
    const server = await startServer({ flags: ["--log-format", "json"] });
    await fetch(`${server.url}/v2/team/app/tags/list?n=5&secret=hidden`, {
      headers: { "X-Request-Id": "mine-1", Authorization: "Basic c2VjcmV0" },
    });
    await until(() => server.output().includes("mine-1"));
    await server.stop();
    const line =
      server
        .output()
        .split("\n")
        .find((each) => each.includes("mine-1")) ?? "{}";
    expect(JSON.parse(line)).toMatchObject({
      requestId: "mine-1",
      protocol: "oci",
      action: "tags GET",
      repository: "team/app",
      status: 404,
    });
    expect(server.output()).not.toContain("hidden");
    expect(server.output()).not.toContain("c2VjcmV0");
  });

  test("can be switched off", async () => {
    const server = await startServer({ flags: ["--log-requests", "false", "--log-format", "json"] });
    await fetch(`${server.url}/v2/`, { headers: { "X-Request-Id": "mine-2" } });
    await server.stop();
    expect(server.output()).not.toContain("mine-2");
  });
});

test("metrics have a listener of their own where one is given, and then they are nowhere else", async () => {
  const probe = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => undefined } });
  const { port } = probe;
  probe.stop(true);
  const server = await startServer({ flags: ["--metrics-listen", `127.0.0.1:${port}`] });
  expect((await fetch(`http://127.0.0.1:${port}/metrics`)).status).toBe(200);
  expect((await fetch(`${server.url}/metrics`)).status).toBe(404);
  expect((await fetch(`${server.url}/readyz`)).status).toBe(200);
  await server.stop();
});

describe("the commands", () => {
  test("version, help and unknown words", () => {
    expect(berth("version").stdout).toMatch(/^berth \d+\.\d+\.\d+ /);
    expect(berth("serve", "--help").stdout).toContain("--workers <N>");
    expect(berth("nonsense").status).not.toBe(0);
    expect(berth("serve", "--nonsense").stderr).toContain("--nonsense");
  });

  test("config shows every setting and where it came from", () => {
    const { stdout, status } = berth("config", "--workers", "2");
    expect(status).toBe(0);
    expect(stdout).toMatch(/^workers +2 {2}\(--workers\)$/m);
    expect(stdout).toMatch(/^listen +127\.0\.0\.1:5000 {2}\(default\)$/m);
  });

  test("doctor says what is well, and what to do about what is not", async () => {
    const fine = berth("doctor", "--data", join(folder, "new"), "--listen", "127.0.0.1:0");
    expect(fine).toMatchObject({ status: 0 });
    const server = await startServer();
    const taken = berth("doctor", "--data", server.data, "--listen", server.address);
    await server.stop();
    expect(taken.status).toBe(1);
    expect(taken.stdout).toContain("EADDRINUSE");
    expect(taken.stdout).toContain("choose another with --listen");
    expect(berth("doctor", "--data", "/dev/null", "--listen", "127.0.0.1:0").stdout).toContain("is no folder");
  });

  test("a malformed setting ends the start with one sentence", () => {
    const { status, stderr } = berth("serve", "--workers", "many");
    expect(status).toBe(1);
    expect(stderr.trim().split("\n")).toEqual([expect.stringContaining('workers (--workers) is "many"')]);
  });
});
