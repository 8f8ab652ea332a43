// Reads archives as old clients and the first registry did: headers as their bytes say, since TarSum hashes them. The libraries
// for tar (tar-stream, tar) give words for types (none for NUL, `S` or what is unknown) and text for names, which loses both.
// POSIX pax (`x`), GNU long names (`L`, `K`) and base-256 numbers are read; global headers (`g`) are passed over.
import { concat } from "../stream.ts";

/** A member of an archive. Names are bytes, one character each (latin1). Numbers are exact. */
export interface TarHeader {
  readonly name: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  /** Whole seconds since 1970. */
  readonly mtime: number;
  /** The type's character: `0` and NUL are files. */
  readonly type: string;
  readonly linkname: string;
  readonly uname: string;
  readonly gname: string;
  readonly devmajor: number;
  readonly devminor: number;
}

/** A stream that is no archive, or one whose content is cut short. */
export class NotAnArchive extends Error {
  override readonly name = "NotAnArchive";
}

const blockBytes = 512;
const maxNamesBytes = 1024 * 1024;
/** Links, devices, folders and pipes have no content, whatever their size says. */
const contentless = /^[1-6]$/;

/** What headers of their own say about the member that follows. */
type Said = Partial<Record<string, string>>;

/**
 * The members of the archive `body`, each followed by the parts of its content. As the first registry did: an archive may
 * lack its closing blocks, and ends at the first block behind a member that is no header. Errors: NotAnArchive; those of `body`.
 */
export async function* readTar(body: AsyncIterable<Uint8Array>): AsyncGenerator<TarHeader | Uint8Array> {
  const input = openInput(body);
  let said: Said = {};
  try {
    for (let isFirst = true; ; isFirst = false) {
      const block = await input.read(blockBytes);
      const header = block.byteLength === blockBytes ? parseHeader(block) : undefined;
      if (header === undefined) {
        const isEnd = block.byteLength === blockBytes && block.every((byte) => byte === 0);
        if ((isFirst && !isEnd) || Object.keys(said).length > 0) throw new NotAnArchive("a header is damaged");
        return;
      }
      if (/^[xgLK]$/.test(header.type)) {
        const text = await readText(input, header.size);
        if (header.type === "x") said = { ...said, ...parseRecords(text) };
        if (header.type === "L") said = { ...said, path: cut(text) };
        if (header.type === "K") said = { ...said, linkpath: cut(text) };
        continue;
      }
      const member = complete(header, said);
      said = {};
      yield member;
      if (header.type === "S") await skipSparseMap(input, block);
      if (contentless.test(member.type)) continue;
      yield* input.parts(member.size);
      await input.skip(padding(member.size));
    }
  } finally {
    await input.leave();
  }
}

function padding(size: number): number {
  return (blockBytes - (size % blockBytes)) % blockBytes;
}

async function readText(input: Input, size: number): Promise<string> {
  if (size > maxNamesBytes) throw new NotAnArchive("a name is too long");
  const bytes = await input.read(size);
  if (bytes.byteLength < size) throw new NotAnArchive("a name is cut short");
  const text = bytes.toString("latin1");
  await input.skip(padding(size));
  return text;
}

/** Old GNU sparse files have more blocks of their map behind the header, as long as one says so. */
async function skipSparseMap(input: Input, header: Buffer): Promise<void> {
  let goesOn = header[482] !== 0;
  while (goesOn) {
    const block = await input.read(blockBytes);
    if (block.byteLength < blockBytes) throw new NotAnArchive("a sparse file is cut short");
    goesOn = block[504] !== 0;
  }
}

function complete(header: TarHeader, said: Said): TarHeader {
  const numberOf = (key: "uid" | "gid" | "size" | "mtime") => {
    const text = said[key];
    if (text === undefined) return header[key];
    const value = Math.floor(Number(text));
    const isRight = /^-?\d+(?:\.\d*)?$/.test(text) && Number.isSafeInteger(value) && (value >= 0 || key === "mtime");
    if (!isRight) throw new NotAnArchive("a number is none");
    return value;
  };
  const name = said["path"] ?? header.name;
  return {
    ...header,
    name,
    // Archives older than POSIX have no type for folders.
    type: header.type === "\0" && name.endsWith("/") ? "5" : header.type,
    linkname: said["linkpath"] ?? header.linkname,
    uname: said["uname"] ?? header.uname,
    gname: said["gname"] ?? header.gname,
    uid: numberOf("uid"),
    gid: numberOf("gid"),
    size: numberOf("size"),
    mtime: numberOf("mtime"),
  };
}

/** The records of a pax header: `length key=value\n`, where the length counts all of it. */
function parseRecords(text: string): Said {
  const said: Said = {};
  for (let at = 0; at < text.length; ) {
    const space = text.indexOf(" ", at);
    const digits = text.slice(at, space);
    const end = at + Number(digits);
    const record = text.slice(space + 1, end - 1);
    const equals = record.indexOf("=");
    const isRight = /^\d{1,7}$/.test(digits) && end <= text.length && text[end - 1] === "\n" && equals > 0;
    if (!isRight) throw new NotAnArchive("a pax record is damaged");
    const [key, value] = [record.slice(0, equals), record.slice(equals + 1)];
    // An empty value takes back what was said.
    if (/^(?:path|linkpath|uname|gname|uid|gid|size|mtime)$/.test(key) && value !== "") said[key] = value;
    at = end;
  }
  return said;
}

/** The header in a block, or undefined when it is none. */
function parseHeader(block: Buffer): TarHeader | undefined {
  const text = (start: number, length: number) => cut(block.toString("latin1", start, start + length));
  const number = (start: number, length: number) => parseNumber(block.subarray(start, start + length));
  const numbers = {
    mode: number(100, 8),
    uid: number(108, 8),
    gid: number(116, 8),
    size: number(124, 12),
    mtime: number(136, 12),
    devmajor: number(329, 8),
    devminor: number(337, 8),
  };
  const sum = number(148, 8);
  const isSummed = sum !== undefined && sumsOf(block).includes(sum);
  if (!isSummed || !areKnown(numbers) || numbers.size < 0) return undefined;
  const isPosix = block.toString("latin1", 257, 263) === "ustar\0";
  const isStar = isPosix && block.toString("latin1", 508, 512) === "tar\0";
  const prefix = isPosix ? text(345, isStar ? 131 : 155) : "";
  const hasNames = isPosix || block.toString("latin1", 257, 265) === "ustar  \0";
  return {
    name: prefix === "" ? text(0, 100) : `${prefix}/${text(0, 100)}`,
    ...numbers,
    type: block.toString("latin1", 156, 157),
    linkname: text(157, 100),
    uname: hasNames ? text(265, 32) : "",
    gname: hasNames ? text(297, 32) : "",
  };
}

function areKnown<Key extends string>(
  numbers: Readonly<Record<Key, number | undefined>>,
): numbers is Readonly<Record<Key, number>> {
  return Object.values(numbers).every((each) => each !== undefined);
}

/** The sum of a header whose own field counts as spaces; some writers took bytes for signed. */
function sumsOf(block: Buffer): [number, number] {
  let [unsigned, signed] = [0, 0];
  for (const [i, byte] of block.entries()) {
    const counted = i >= 148 && i < 156 ? 0x20 : byte;
    unsigned += counted;
    signed += counted < 128 ? counted : counted - 256;
  }
  return [unsigned, signed];
}

/** A number in octal digits, or in base 256 when its first bit is set; an empty field is 0. */
function parseNumber(field: Buffer): number | undefined {
  const [first = 0] = field;
  if (first >= 0x80) {
    const digits = Buffer.from(field);
    digits[0] = first & 0x7f;
    const value = BigInt(`0x${digits.toString("hex")}`);
    // The second bit is the sign.
    const exact = (first & 0x40) === 0 ? value : value - (1n << BigInt(field.byteLength * 8 - 1));
    return Number.isSafeInteger(Number(exact)) ? Number(exact) : undefined;
  }
  const digits = cut(field.toString("latin1").replace(/^[ \0]+/, "")).trimEnd();
  return /^[0-7]*$/.test(digits) ? Number.parseInt(`0${digits}`, 8) : undefined;
}

function cut(text: string): string {
  const end = text.indexOf("\0");
  return end < 0 ? text : text.slice(0, end);
}

type Input = ReturnType<typeof openInput>;

/** Reads exact lengths from the parts of `body`. */
function openInput(body: AsyncIterable<Uint8Array>) {
  const iterator = body[Symbol.asyncIterator]();
  let rest: Uint8Array = new Uint8Array();

  /** Up to `length` bytes, as many as are there; none at the end. */
  const readSome = async (length: number): Promise<Uint8Array> => {
    while (rest.byteLength === 0) {
      const { done, value } = await iterator.next();
      if (done) return rest;
      rest = value;
    }
    const some = rest.subarray(0, length);
    rest = rest.subarray(some.byteLength);
    return some;
  };
  const parts = async function* (length: number): AsyncGenerator<Uint8Array> {
    for (let left = length; left > 0; ) {
      const some = await readSome(left);
      if (some.byteLength === 0) throw new NotAnArchive("the content of a member is cut short");
      left -= some.byteLength;
      yield some;
    }
  };

  return {
    /** The next `length` bytes, to be looked at before the next call; fewer at the end. */
    async read(length: number): Promise<Buffer> {
      const found: Uint8Array[] = [];
      for (let left = length; left > 0; ) {
        const some = await readSome(left);
        if (some.byteLength === 0) break;
        left -= some.byteLength;
        found.push(left > 0 ? some.slice() : some);
      }
      const bytes = concat(found);
      return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    },
    parts,
    /** Passes over padding, which the end of an archive may lack. */
    async skip(length: number): Promise<void> {
      for (let left = length; left > 0; ) {
        const some = await readSome(left);
        if (some.byteLength === 0) return;
        left -= some.byteLength;
      }
    },
    async leave(): Promise<void> {
      await iterator.return?.();
    },
  };
}
