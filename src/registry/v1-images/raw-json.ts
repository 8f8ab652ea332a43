// JSON as raw text: values keep their spelling, keys are sorted by their bytes, nothing passes through a number. So the
// engines write JSON, and what they write is hashed.
const quote = 0x22;
const backslash = 0x5c;
const maxDepth = 128;

/** The members of an object: names decoded, values as they are written. */
export type Members = ReadonlyMap<string, string>;

/** One member as it is written, and its name decoded. */
export interface RawMember {
  readonly name: string;
  readonly rawName: string;
  readonly raw: string;
}

export interface RawObject {
  /** The last of those with the same name. */
  readonly members: Members;
  /** Names that came more than once. */
  readonly repeated: ReadonlySet<string>;
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The object in `bytes`; undefined when they are not UTF-8, or what readMembers does not take. */
export function readObject(bytes: Uint8Array): RawObject | undefined {
  let text: string;
  try {
    text = utf8.decode(bytes);
  } catch {
    return undefined;
  }
  return readMembers(text);
}

/** The object in `text`; undefined when that is not JSON, not an object, or nested deeper than 128 levels. */
export function readMembers(text: string): RawObject | undefined {
  if (!isJson(text)) return undefined;
  const list = listMembers(text.trim());
  if (list === undefined) return undefined;
  const members = new Map<string, string>();
  const repeated = new Set<string>();
  for (const { name, raw } of list) {
    if (members.has(name)) repeated.add(name);
    members.set(name, raw);
  }
  return { members, repeated };
}

/** The members of a raw value, the last of those with the same name; undefined when it is not an object. */
export function membersOf(raw: string | undefined): Members | undefined {
  const list = raw === undefined ? undefined : listMembers(raw);
  return list === undefined ? undefined : new Map(list.map((member) => [member.name, member.raw]));
}

/** All members of a raw value in their order; undefined when it is not an object. */
export function listMembers(raw: string): readonly RawMember[] | undefined {
  if (!raw.startsWith("{")) return undefined;
  return split(raw).map((part) => {
    const end = endOfString(part, 0);
    const rawName = part.slice(0, end);
    const value = part.slice(part.indexOf(":", end) + 1).trim();
    return { name: textOf(rawName)?.toWellFormed() ?? "", rawName, raw: value };
  });
}

/** The items of a raw value; undefined when it is not a list. */
export function itemsOf(raw: string | undefined): readonly string[] | undefined {
  return raw?.startsWith("[") ? split(raw) : undefined;
}

/** The text that a raw value stands for; undefined when it is not a string. */
export function textOf(raw: string | undefined): string | undefined {
  if (!raw?.startsWith('"')) return undefined;
  const value: unknown = JSON.parse(raw);
  return typeof value === "string" ? value : undefined;
}

/** The texts that a raw value stands for; undefined when it is not a list of strings alone. */
export function textsOf(raw: string | undefined): readonly string[] | undefined {
  const texts = itemsOf(raw)?.map(textOf);
  return texts?.every((text) => text !== undefined) ? texts : undefined;
}

/** The text of an object: names sorted by their UTF-8 bytes and encoded anew, values compacted. No newline at its end. */
export function canonical(members: Members): string {
  const names = [...members.keys()];
  // Of ASCII, the order of the bytes is that of the characters.
  if (names.every((name) => Buffer.byteLength(name) === name.length)) names.sort();
  else names.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  return `{${names.map((name) => `${encodeString(name)}:${compact(members.get(name) ?? "")}`).join(",")}}`;
}

/** A raw value without white space, the characters escaped that could end a script in a web page; else as it is written. */
export function compact(raw: string): string {
  return withoutSpaces(raw).replace(/[<>&\u2028\u2029]/g, escapeCharacter);
}

/** A string written anew. A lone surrogate becomes U+FFFD. */
export function encodeString(text: string): string {
  // All but the characters that stand for themselves; among those are 0x7f and the halves of pairs.
  return `"${text.toWellFormed().replace(/[^ !#-%'-;=?-[\]-\u2027\u202a-\uffff]/g, escapeCharacter)}"`;
}

const shortEscapes: ReadonlyMap<string, string> = new Map([
  ['"', '\\"'],
  ["\\", "\\\\"],
  ["\n", "\\n"],
  ["\r", "\\r"],
  ["\t", "\\t"],
]);

function escapeCharacter(character: string): string {
  return shortEscapes.get(character) ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

const time = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)$/;

/**
 * A time written anew: its fraction cut to nine digits and without zeros at its end, no offset as Z; undefined when `text` is
 * none, by the calendar too. https://datatracker.ietf.org/doc/html/rfc3339#section-5.6
 */
export function encodeTime(text: string): string | undefined {
  const match = time.exec(text);
  if (match === null) return undefined;
  const [, year, month, day, hour, minute, second, fraction = "", offset = "Z"] = match;
  if (Number(day) < 1 || Number(day) > daysOf(Number(year), Number(month))) return undefined;
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) return undefined;
  if (offset !== "Z" && (offset.slice(1, 3) > "23" || offset.slice(4) > "59")) return undefined;
  const digits = fraction.slice(0, 9).replace(/0+$/, "");
  const zone = offset.endsWith("00:00") ? "Z" : offset;
  return `${year}-${month}-${day}T${hour}:${minute}:${second}${digits === "" ? "" : `.${digits}`}${zone}`;
}

/** How many days a month has; 0 when there is no such month. */
function daysOf(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1] ?? 0;
}

/** The parser judges the grammar; it never sees what is nested too deep. */
function isJson(text: string): boolean {
  if (isTooDeep(text)) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function isTooDeep(text: string): boolean {
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === quote) i = endOfString(text, i) - 1;
    else if (isOpening(c) && ++depth > maxDepth) return true;
    else if (isClosing(c)) depth--;
  }
  return false;
}

/** What stands between the commas of a list or an object. */
function split(raw: string): string[] {
  const parts: string[] = [];
  const last = raw.length - 1;
  let depth = 0;
  let from = 1;
  for (let i = 1; i < last; i++) {
    const c = raw.charCodeAt(i);
    if (c === quote) i = endOfString(raw, i) - 1;
    else if (isOpening(c)) depth++;
    else if (isClosing(c)) depth--;
    else if (c === 0x2c && depth === 0) {
      parts.push(raw.slice(from, i).trim());
      from = i + 1;
    }
  }
  const rest = raw.slice(from, last).trim();
  return rest === "" ? parts : [...parts, rest];
}

function withoutSpaces(raw: string): string {
  if (!/[ \t\n\r]/.test(raw)) return raw;
  const kept: string[] = [];
  let from = 0;
  for (let i = 0; i < raw.length; i++) {
    const c = raw.charCodeAt(i);
    if (c === quote) i = endOfString(raw, i) - 1;
    else if (c === 0x20 || c === 0x0a || c === 0x0d || c === 0x09) {
      if (i > from) kept.push(raw.slice(from, i));
      from = i + 1;
    }
  }
  return [...kept, raw.slice(from)].join("");
}

/** The index after the closing quote of the string that opens at `start`. */
function endOfString(text: string, start: number): number {
  for (let i = start + 1; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === backslash) i++;
    else if (c === quote) return i + 1;
  }
  return text.length;
}

function isOpening(c: number): boolean {
  return c === 0x7b || c === 0x5b;
}

function isClosing(c: number): boolean {
  return c === 0x7d || c === 0x5d;
}
