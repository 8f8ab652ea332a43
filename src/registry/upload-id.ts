// The id of an upload says when it began and how it is hashed, and is bound to its repository by a fingerprint: an upload
// needs no row before it has bytes, and is unknown anywhere else.
import type { Algorithm } from "#lib/digest";
import { fingerprint, randomHex } from "#lib/id";

const pattern = /^([0-9a-f]{11})([0-9a-f]{20})([25])([0-9a-f]{16})$/;

export interface UploadIdentity {
  readonly startedAt: number;
}

/** A new id, for the repository called `path`. `key` is the store's. */
export function makeUploadId(key: string, path: string, algorithm: Algorithm, now: number): string {
  const head = `${now.toString(16).padStart(11, "0")}${randomHex(10)}${algorithm === "sha512" ? "5" : "2"}`;
  return head + fingerprint(key, `${path}\n${head}`);
}

/** What an id says, or undefined when it was not made here for the repository called `path`. */
export function readUploadId(key: string, path: string, id: string): UploadIdentity | undefined {
  const parts = pattern.exec(id);
  if (parts === null || id.slice(-16) !== fingerprint(key, `${path}\n${id.slice(0, -16)}`)) return undefined;
  return { startedAt: Number.parseInt(parts[1] ?? "", 16) };
}

/** The algorithm that was asked for when the upload began: how its bytes are hashed while they arrive. */
export function algorithmOfUpload(id: string): Algorithm {
  return id[31] === "5" ? "sha512" : "sha256";
}
