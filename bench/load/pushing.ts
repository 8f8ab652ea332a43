// How clients push: the requests of docker and of the tools that send a blob in one PUT.
import { type Blob, type Image, manifestType } from "../content.ts";
import type { Asked, Connection, Reply } from "./connection.ts";

/** `put`: POST, then one PUT with all bytes. `patch`: POST, one PATCH in chunked encoding, an empty PUT, as docker does. */
export type Way = "put" | "patch";

const pieceBytes = 32 * 1024;

async function expect(status: number, connection: Connection, asked: Asked): Promise<Reply> {
  const reply = await connection.ask(asked);
  if (reply.status !== status)
    throw new Error(`${asked.method} ${asked.path}: ${reply.status} where ${status} was expected`);
  return reply;
}

/** The path of a Location, which may be a whole URL. */
function locationOf(reply: Reply): string {
  const location = reply.header("location");
  if (location === undefined) throw new Error("an answer has no Location");
  return location.replace(/^https?:\/\/[^/]+/, "");
}

/** A part in pieces of 32 KiB, each with its chunk header: the size in which docker copies. */
function frame(part: Uint8Array): Uint8Array {
  const framed: Uint8Array[] = [];
  for (let at = 0; at < part.byteLength; at += pieceBytes) {
    const piece = part.subarray(at, at + pieceBytes);
    framed.push(Buffer.from(`${piece.byteLength.toString(16)}\r\n`), piece, Buffer.from("\r\n"));
  }
  return Buffer.concat(framed);
}

const framedParts = new WeakMap<Uint8Array, Uint8Array>();

/** The bytes in chunked encoding. A part that is sent again and again is framed once: the client has a core of the server's. */
function* chunked(blob: Blob): Generator<Uint8Array> {
  for (const part of blob.parts()) {
    const framed = framedParts.get(part) ?? frame(part);
    framedParts.set(part, framed);
    yield framed;
  }
  yield Buffer.from("0\r\n\r\n");
}

function withDigest(path: string, digest: string): string {
  return `${path}${path.includes("?") ? "&" : "?"}digest=${digest}`;
}

export async function pushBlob(connection: Connection, repository: string, blob: Blob, way: Way): Promise<void> {
  const octets = "Content-Type: application/octet-stream";
  const begun = await expect(202, connection, {
    method: "POST",
    path: `/v2/${repository}/blobs/uploads/`,
    headers: ["Content-Length: 0"],
  });
  if (way === "put") {
    const path = withDigest(locationOf(begun), blob.digest);
    await expect(201, connection, {
      method: "PUT",
      path,
      headers: [octets, `Content-Length: ${blob.size}`],
      body: blob.parts(),
    });
    return;
  }
  const sent = await expect(202, connection, {
    method: "PATCH",
    path: locationOf(begun),
    headers: [octets, "Transfer-Encoding: chunked"],
    body: chunked(blob),
  });
  const path = withDigest(locationOf(sent), blob.digest);
  await expect(201, connection, { method: "PUT", path, headers: ["Content-Length: 0"] });
}

export async function pushManifest(
  connection: Connection,
  repository: string,
  tag: string,
  image: Image,
): Promise<void> {
  await expect(201, connection, {
    method: "PUT",
    path: `/v2/${repository}/manifests/${tag}`,
    headers: [`Content-Type: ${manifestType}`, `Content-Length: ${image.manifest.byteLength}`],
    body: [image.manifest],
  });
}

/** The whole sequence of docker push: for each blob HEAD, POST, PATCH, PUT; then the manifest. */
export async function pushImage(connection: Connection, repository: string, tag: string, image: Image): Promise<void> {
  for (const blob of [...image.layers, image.config]) {
    const known = await connection.ask({ method: "HEAD", path: `/v2/${repository}/blobs/${blob.digest}` });
    if (known.status !== 200) await pushBlob(connection, repository, blob, "patch");
  }
  await pushManifest(connection, repository, tag, image);
}
