// The members of a layer as the v1 protocol lists them: the JSON of `GET /v1/images/<id>/files`, in the first registry's format.
import { expand, Undecodable } from "../compression.ts";
import { NotAnArchive, readTar, type TarHeader } from "./tar.ts";

/** Some 300,000 members: as many as the largest images of whole systems have. */
const maxTextLength = 32 * 1024 * 1024;

const letters: Readonly<Record<string, string>> = {
  "\0": "f",
  "0": "f",
  "1": "l",
  "2": "s",
  "3": "c",
  "4": "b",
  "5": "d",
  "6": "i",
  "7": "t",
  S: "S",
};

/**
 * One `[path, type, deleted, size, mtime, mode, uid, gid]` for each member of the layer `body`, in its order, as JSON; undefined
 * when it is no archive, or the text would be longer than 32 Mi characters. Errors: those of `body`.
 */
export async function listFiles(body: AsyncIterable<Uint8Array>): Promise<string | undefined> {
  const rows: string[] = [];
  let length = 0;
  try {
    for await (const part of readTar(expand(body))) {
      const row = part instanceof Uint8Array ? undefined : rowOf(part);
      if (row === undefined) continue;
      length += row.length;
      if (length > maxTextLength) return undefined;
      rows.push(row);
    }
  } catch (error) {
    if (error instanceof Undecodable || error instanceof NotAnArchive) return undefined;
    throw error;
  }
  return `[${rows.join(", ")}]`;
}

/** The text of a member; undefined for what the file system of the engine kept for itself. */
function rowOf({ name, type, size, mtime, mode, uid, gid }: TarHeader): string | undefined {
  const bare = type === "5" ? name.replace(/\/+$/, "") : name;
  const path = bare === "." ? "/" : bare.replace(/^\.\//, "/");
  // Only at the root are whiteouts told, as the first registry did.
  const isDeleted = path.startsWith("/.wh.");
  const shown = isDeleted ? `/${path.slice("/.wh.".length)}` : path;
  if (shown.startsWith("/.wh.")) return undefined;
  const values = [textOf(shown), `"${letters[type] ?? "u"}"`, isDeleted, size, mtime, mode, uid, gid];
  return `[${values.join(", ")}]`;
}

/** Bytes as JSON in ASCII. */
function textOf(bytes: string): string {
  const escaped = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return JSON.stringify(Buffer.from(bytes, "latin1").toString("utf8")).replace(/[\u007f-\uffff]/g, escaped);
}
