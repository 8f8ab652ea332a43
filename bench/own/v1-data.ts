// What is pushed and pulled over both tongues: a layer of random data as a plain archive, one of a real program in gzip, an
// image of many layers, a repository of many tags.
import { copyFileSync, mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { makeBlob, makeConfig, makeImage } from "../content.ts";
import { openConnection } from "../load/connection.ts";
import { pushImage } from "../load/pushing.ts";
import { run } from "../processes.ts";
import { tag } from "../servers.ts";
import { load } from "../tools.ts";

export interface LayerFile {
  readonly path: string;
  readonly size: number;
  readonly digest: string;
}

const plainBytes = 512 * 2 ** 20;

/** A plain archive of random data. */
export async function makePlainLayer(folder: string): Promise<LayerFile> {
  const content = join(folder, "plain");
  mkdirSync(content, { recursive: true });
  await run(["dd", "if=/dev/urandom", `of=${join(content, "data")}`, "bs=1M", `count=${plainBytes / 2 ** 20}`]);
  const path = join(folder, "layer.tar");
  await run(["tar", "-cf", path, "-C", content, "."]);
  await run(["rm", "-r", content]);
  return describeLayer(path);
}

/** An archive of the runtime's program, about 100 MB, in gzip as images have it. */
export async function makeGzipLayer(folder: string): Promise<LayerFile> {
  const content = join(folder, "program");
  mkdirSync(content, { recursive: true });
  copyFileSync(process.execPath, join(content, "bun"));
  const path = join(folder, "program.tar");
  await run(["tar", "-cf", path, "-C", content, "."]);
  await run(["gzip", "-6", path]);
  await run(["rm", "-r", content]);
  return describeLayer(`${path}.gz`);
}

async function describeLayer(path: string): Promise<LayerFile> {
  return { path, size: statSync(path).size, digest: `sha256:${await hashFile(path, "")}` };
}

/** The SHA-256 of `before` and then a file. */
async function hashFile(path: string, before: string): Promise<string> {
  const hash = new Bun.CryptoHasher("sha256").update(before);
  for await (const part of Bun.file(path).stream()) hash.update(part);
  return hash.digest("hex");
}

const curl = ["curl", "-sf", "-H", "Expect:", "-o", "/dev/null"];

/** Pushes a layer as a v1 client does: JSON, layer, checksum. Returns the seconds from the first request to the last answer. */
export async function pushOverV1(origin: string, layer: LayerFile): Promise<number> {
  const id = new Bun.CryptoHasher("sha256").update(`${layer.digest} ${performance.now()}`).digest("hex");
  const json = JSON.stringify({ id, created: "2014-06-24T11:54:49Z", os: "linux", architecture: "amd64" });
  const checksum = await hashFile(layer.path, `${json}\n`);
  const begun = performance.now();
  const put = async (part: string, init: RequestInit) => {
    const answer = await fetch(`${origin}/v1/images/${id}/${part}`, { method: "PUT", ...init });
    if (!answer.ok) throw new Error(`PUT ${part} of a v1 image: ${answer.status} ${await answer.text()}`);
  };
  await put("json", { body: json });
  await run([...curl, "-T", layer.path, `${origin}/v1/images/${id}/layer`]);
  await put("checksum", { headers: { "X-Docker-Checksum-Payload": `sha256:${checksum}` } });
  return (performance.now() - begun) / 1000;
}

/** Pushes a layer as today's clients do: POST, PATCH, PUT. Returns the seconds from the first request to the last answer. */
export async function pushOverOci(origin: string, layer: LayerFile): Promise<number> {
  const begun = performance.now();
  const opened = await fetch(`${origin}/v2/bench/plain/blobs/uploads/`, { method: "POST" });
  const location = new URL(opened.headers.get("location") ?? "", origin);
  const octets = ["-H", "Content-Type: application/octet-stream"];
  await run([...curl, ...octets, "-X", "PATCH", "-T", layer.path, location.href]);
  location.searchParams.set("digest", layer.digest);
  const answer = await fetch(location, { method: "PUT" });
  if (answer.status !== 201) throw new Error(`PUT of a blob: ${answer.status} ${await answer.text()}`);
  return (performance.now() - begun) / 1000;
}

/** Pushes an image with a layer that is a file; returns the paths of the layer in both tongues. */
export async function pushFileImage(
  origin: string,
  layer: LayerFile,
): Promise<{ readonly v1: string; readonly oci: string }> {
  await pushOverOci(origin, layer);
  const blob = { digest: layer.digest, size: layer.size, parts: () => [] };
  const config = makeConfig(1024, "plain", [blob]);
  const image = makeImage(config, [blob]);
  const connection = await openConnection(Number(new URL(origin).port));
  // The layer is known: its bytes are not sent again.
  await pushImage(connection, "bench/plain", tag, image);
  connection.close();
  const [, below] = await ancestryOf(origin, "bench/plain", tag);
  return { v1: `/v1/images/${below}/layer`, oci: `/v2/bench/plain/blobs/${layer.digest}` };
}

/** The ids of an image and those below it, newest first. */
export async function ancestryOf(origin: string, repository: string, name: string): Promise<readonly string[]> {
  const id: unknown = await readJson(`${origin}/v1/repositories/${repository}/tags/${name}`);
  const ids = await readJson(`${origin}/v1/images/${id}/ancestry`);
  return Array.isArray(ids) ? ids.map(String) : [];
}

async function readJson(url: string): Promise<unknown> {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`GET ${url}: ${answer.status}`);
  return answer.json();
}

/** Pushes an image whose chain has `images` v1 images, one of them for its config; returns the id of its top. */
export async function pushLongImage(origin: string, images: number, repository = "bench/long"): Promise<string> {
  const layers = Array.from({ length: images - 1 }, (_, i) => makeBlob(1024, `long ${i}`));
  const connection = await openConnection(Number(new URL(origin).port));
  await pushImage(connection, repository, tag, makeImage(makeConfig(1024, "long", layers), layers));
  connection.close();
  const ids = await ancestryOf(origin, repository, tag);
  if (ids.length !== images) throw new Error(`the chain has ${ids.length} images, not ${images}`);
  return ids[0] ?? "";
}

/** Gives one image of `bench/tagged` so many tags. */
export async function pushTags(origin: string, tags: number, clients: number): Promise<void> {
  await load("lists", new URL(origin).port, 0, tags, clients);
}

/** How long a GET takes by the median of several, in ms; the answer is read whole. */
export async function timeGet(origin: string, path: string, times: number): Promise<readonly number[]> {
  const connection = await openConnection(Number(new URL(origin).port));
  const waits: number[] = [];
  for (let i = 0; i < times; i++) {
    const begun = performance.now();
    const { status } = await connection.ask({ method: "GET", path });
    if (status !== 200) throw new Error(`GET ${path}: ${status}`);
    waits.push(performance.now() - begun);
  }
  connection.close();
  return waits;
}
