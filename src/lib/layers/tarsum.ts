// TarSum, version 0: the checksum of clients until 0.10 over an image's JSON and the members of its layer, whatever their order
// and compression.
import { expand, Undecodable } from "../compression.ts";
import { hexOf, openHasher } from "../digest.ts";
import { NotAnArchive, readTar, type TarHeader } from "./tar.ts";

/** More members than any image has; each costs some 100 bytes until the end. */
const maxMembers = 1_000_000;

/** `tarsum+sha256:…` of the layer `body`; of `json` alone when it cannot be read, or has too many members. Errors: those of `body`. */
export async function tarsum(body: AsyncIterable<Uint8Array>, json: Uint8Array): Promise<string> {
  const sum = openHasher("sha256");
  sum.update(json);
  for (const hex of (await hashMembers(body)).sort()) sum.update(Buffer.from(hex, "latin1"));
  return `tarsum+${sum.digest()}`;
}

async function hashMembers(body: AsyncIterable<Uint8Array>): Promise<string[]> {
  const hashes: string[] = [];
  let hasher = openHasher("sha256");
  let isInside = false;
  const finish = () => {
    if (isInside) hashes.push(hexOf(hasher.digest()));
  };
  try {
    for await (const part of readTar(expand(body))) {
      if (part instanceof Uint8Array) {
        hasher.update(part);
        continue;
      }
      finish();
      if (hashes.length >= maxMembers) return [];
      hasher = openHasher("sha256");
      hasher.update(Buffer.from(headerText(part), "latin1"));
      isInside = true;
    }
  } catch (error) {
    if (error instanceof Undecodable || error instanceof NotAnArchive) return [];
    throw error;
  }
  finish();
  return hashes;
}

/** Name and value of each field, one behind the other. */
function headerText(header: TarHeader): string {
  const { name, type } = header;
  const fields: readonly (readonly [string, string | number])[] = [
    ["name", type === "5" && !name.endsWith("/") ? `${name}/` : name],
    ["mode", header.mode],
    ["uid", header.uid],
    ["gid", header.gid],
    ["size", header.size],
    ["mtime", header.mtime],
    ["typeflag", type],
    ["linkname", header.linkname],
    ["uname", header.uname],
    ["gname", header.gname],
    ["devmajor", header.devmajor],
    ["devminor", header.devminor],
  ];
  return fields.map(([field, value]) => `${field}${value}`).join("");
}
