// The tree that layers make when they are unpacked one over the other, as text: two images are the same when these are.

import { type Member, readTar, unpack } from "./archive.ts";
import { digestOf } from "./checksums.ts";

const whiteout = ".wh.";

/** What stands at each path: type, mode, owner, time, and the digest of the content or the target of a link. */
export type Tree = ReadonlyMap<string, string>;

/** Unpacks layers, base first; each is gzip, zstd or plain. */
export function unpackTree(layers: readonly Uint8Array[]): Tree {
  const tree = new Map<string, string>();
  for (const layer of layers) {
    for (const member of readTar(unpack(layer))) place(tree, member);
  }
  return new Map([...tree].sort(([one], [other]) => (one < other ? -1 : 1)));
}

function place(tree: Map<string, string>, member: Member): void {
  const path = member.name.replace(/^\.\//, "").replace(/\/$/, "");
  const slash = path.lastIndexOf("/") + 1;
  if (path.startsWith(whiteout, slash)) {
    removeAt(tree, path.slice(0, slash) + path.slice(slash + whiteout.length));
    return;
  }
  if (member.type !== "5") removeAt(tree, path);
  const { type, mode, uid, gid, mtime, link, content } = member;
  tree.set(path, [type, mode.toString(8), uid, gid, mtime, type === "0" ? digestOf(content) : link].join(" "));
}

function removeAt(tree: Map<string, string>, path: string): void {
  for (const each of [...tree.keys()]) {
    if (each === path || each.startsWith(`${path}/`)) tree.delete(each);
  }
}
