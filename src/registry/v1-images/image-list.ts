// The list of images that a push announces and the index keeps, as the server of 2014 merged it.
import { Fault } from "#lib/fault";
import { isObject } from "#lib/json";

/** More than any push names, and few enough to be kept in one transaction. */
const maxEntries = 20_000;

/** What is kept of a repository that was pushed to for years: the ids that were named last. */
const maxKept = 50_000;

export interface ListEntry {
  readonly id: string;
  readonly checksum?: string | null;
  readonly tag?: string;
}

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** The entries of a list that a client sent. Faults: invalid image-list, with the words of the protocol. */
export function readImageList(bytes: Uint8Array): readonly ListEntry[] {
  const entries = readEntries(bytes);
  if (entries.length > maxEntries) throw invalidData();
  return entries;
}

function readEntries(bytes: Uint8Array): readonly ListEntry[] {
  let value: unknown;
  try {
    value = JSON.parse(utf8.decode(bytes));
  } catch {
    throw new Fault("invalid", "image-list", "Error Decoding JSON");
  }
  if (!Array.isArray(value)) throw invalidData();
  return value.map(readEntry);
}

function readEntry(value: unknown): ListEntry {
  if (!isObject(value) || typeof value["id"] !== "string") throw invalidData();
  const { id, checksum, Tag: tag } = value;
  return {
    id,
    ...(typeof checksum === "string" || checksum === null ? { checksum } : {}),
    ...(typeof tag === "string" ? { tag } : {}),
  };
}

function invalidData(): Fault {
  return new Fault("invalid", "image-list", "Invalid data");
}

/**
 * What is kept: the first list as it came; later ones before what is known already. An entry that has a checksum stays, no
 * id is removed unless there are too many, and tags are dropped.
 */
export function mergeImageLists(known: Uint8Array | null, incoming: Uint8Array): Uint8Array {
  if (known === null) return incoming;
  const entries = new Map<string, ListEntry>();
  for (const { id, checksum } of [...readEntries(incoming), ...readEntries(known)]) {
    if (entries.get(id)?.checksum !== undefined) continue;
    entries.set(id, checksum === undefined ? { id } : { id, checksum });
  }
  return writeImageList([...entries.values()].slice(0, maxKept));
}

/** A list with the ids that it lacks at its end; the same bytes when it has them all. */
export function addToImageList(known: Uint8Array | null, ids: readonly string[]): Uint8Array {
  const entries = known === null ? [] : readEntries(known);
  const there = new Set(entries.map(({ id }) => id));
  const more = ids.filter((id) => !there.has(id)).map((id) => ({ id }));
  if (known !== null && more.length === 0) return known;
  return writeImageList([...entries, ...more]);
}

/** Which image each tag of a list is announced for: the last one, which the others lead to. */
export function tagsOfList(entries: readonly ListEntry[]): Readonly<Record<string, string>> | null {
  const tags = Object.fromEntries(entries.flatMap(({ id, tag }) => (tag === undefined ? [] : [[tag, id]])));
  return Object.keys(tags).length === 0 ? null : tags;
}

function writeImageList(entries: readonly ListEntry[]): Uint8Array {
  const text = entries.map(({ id, checksum }) => {
    const first = checksum === undefined ? "" : `"checksum": ${quote(checksum)}, `;
    return `{${first}"id": ${quote(id)}}`;
  });
  return new TextEncoder().encode(`[${text.join(", ")}]`);
}

/** As that server wrote strings: in ASCII. */
function quote(value: string | null): string {
  return JSON.stringify(value).replaceAll(
    /[\u0080-\uffff]/g,
    (each) => `\\u${each.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
