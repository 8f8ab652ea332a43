// A server with an image in it, against which bad requests are sent, and what must hold after each of them.
import { expect } from "bun:test";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { membersOf } from "../faults/sockets.ts";
import { type ServerOptions, startServer, type TestServer } from "../server.ts";

export interface World {
  readonly server: TestServer;
  /** The repository that is there, and in it a blob of 300,000 bytes, a small one and an image tagged `latest`. */
  readonly name: string;
  readonly blob: string;
  readonly bytes: Uint8Array;
  readonly image: string;
  readonly manifest: string;
  /** The path of an upload that holds five bytes. */
  readonly upload: string;
  ask(method: string, path: string, init?: RequestInit): Promise<Response>;
}

const name = "hostile/image";
export const imageType = "application/vnd.oci.image.manifest.v1+json";

export function digestOf(bytes: Uint8Array | string): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

/** Starts a server, pushes an image and begins an upload. */
export async function openWorld(options: ServerOptions = {}): Promise<World> {
  const server = await startServer(options);
  const ask = (method: string, path: string, init: RequestInit = {}) =>
    fetch(new URL(path, server.url), { method, keepalive: false, tls: { rejectUnauthorized: false }, ...init });
  const bytes = new Uint8Array(300_000).map((_, i) => i * 31 + (i >> 8) * 7);
  const config = '{"architecture":"amd64","os":"linux"}';
  for (const body of [bytes, config]) {
    const { status } = await ask("POST", `/v2/${name}/blobs/uploads/?digest=${digestOf(body)}`, { body });
    expect(status).toBe(201);
  }
  const blob = digestOf(bytes);
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: imageType,
    config: { mediaType: "application/vnd.oci.image.config.v1+json", digest: digestOf(config), size: config.length },
    layers: [{ mediaType: "application/vnd.oci.image.layer.v1.tar", digest: blob, size: bytes.byteLength }],
  });
  const pushed = await ask("PUT", `/v2/${name}/manifests/latest`, { body: manifest });
  expect(pushed.status).toBe(201);
  const begun = await ask("POST", `/v2/${name}/blobs/uploads/`);
  const upload = begun.headers.get("location") ?? "";
  expect((await ask("PATCH", upload, { body: "12345" })).status).toBe(202);
  return { server, name, blob, bytes, image: digestOf(manifest), manifest, upload, ask };
}

/** Pulls the image as a client does. */
export async function expectPull({ ask, manifest, blob, image }: World): Promise<void> {
  const found = await ask("GET", `/v2/${name}/manifests/latest`);
  expect([found.status, await found.text()]).toEqual([200, manifest]);
  expect(found.headers.get("docker-content-digest")).toBe(image);
  const pulled = await ask("GET", `/v2/${name}/blobs/${blob}`);
  expect([pulled.status, digestOf(await pulled.bytes())]).toEqual([200, blob]);
}

/** Nothing came to be through what was refused: one repository, one tag, and the upload where it was. */
export async function expectUntouched({ ask, upload }: World): Promise<void> {
  expect(await (await ask("GET", "/v2/_catalog")).json()).toEqual({ repositories: [name] });
  expect(await (await ask("GET", `/v2/${name}/tags/list`)).json()).toEqual({ name, tags: ["latest"] });
  const { status, headers } = await ask("GET", upload);
  expect([status, headers.get("range")]).toEqual([204, "0-4"]);
}

/** Resident memory of all processes of a server, in MiB. */
export async function measureMemory({ pid }: Pick<TestServer, "pid">): Promise<number> {
  const sizes = await Promise.all(
    (await membersOf(pid)).map(async (member) => {
      const status = await readFile(`/proc/${member}/status`, "utf8");
      return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024;
    }),
  );
  return Math.round(sizes.reduce((sum, size) => sum + size, 0));
}
