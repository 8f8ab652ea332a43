// The checksums that engines send, computed here from their description: docker-registry compared the same values.
import { createHash } from "node:crypto";
import { readTar, unpack } from "./archive.ts";

export function hash(...parts: readonly (string | Uint8Array)[]): string {
  const sum = createHash("sha256");
  for (const part of parts) sum.update(part);
  return sum.digest("hex");
}

export function digestOf(bytes: string | Uint8Array): string {
  return `sha256:${hash(bytes)}`;
}

/** JSON, a newline, the layer as it is sent. */
export function payloadChecksum(json: Uint8Array, layer: Uint8Array): string {
  return `sha256:${hash(json, "\n", layer)}`;
}

/** TarSum version 0: the sorted sums of all members, after the JSON. */
export function tarsum(json: Uint8Array, layer: Uint8Array): string {
  const sums = readTar(unpack(layer)).map((member) => {
    const fields: readonly (readonly [string, string | number])[] = [
      ["name", member.name],
      ["mode", member.mode],
      ["uid", member.uid],
      ["gid", member.gid],
      ["size", member.content.byteLength],
      ["mtime", member.mtime],
      ["typeflag", member.type],
      ["linkname", member.link],
      ["uname", member.uname],
      ["gname", member.gname],
      ["devmajor", 0],
      ["devminor", 0],
    ];
    return hash(fields.map(([name, value]) => `${name}${value}`).join(""), member.content);
  });
  return `tarsum+sha256:${hash(json, sums.sort().join(""))}`;
}
