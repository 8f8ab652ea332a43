// Tar archives made and read without a program, so that a test decides every byte: with and without the closing blocks, as
// the engines of each year wrote them, and gzip that is flushed after every write, as the engines compress.
import { createGzip, gunzipSync, constants as zlib, zstdDecompressSync } from "node:zlib";

export interface Member {
  readonly name: string;
  /** `0` file, `1` hard link, `2` symbolic link, `5` folder */
  readonly type: "0" | "1" | "2" | "5";
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Whole seconds since 1970. */
  readonly mtime: number;
  readonly link: string;
  readonly uname: string;
  readonly gname: string;
  readonly content: Uint8Array;
}

const block = 512;
const nothing = new Uint8Array();

export function file(name: string, content: string | Uint8Array, mode = 0o644): Member {
  const bytes = typeof content === "string" ? Buffer.from(content) : content;
  return { ...folder(name), type: "0", mode, content: bytes };
}

export function folder(name: string): Member {
  return {
    name,
    type: "5",
    mode: 0o755,
    uid: 0,
    gid: 0,
    mtime: 1_400_000_000,
    link: "",
    uname: "",
    gname: "",
    content: nothing,
  };
}

export function symbolicLink(name: string, target: string): Member {
  return { ...folder(name), type: "2", mode: 0o777, link: target };
}

export function hardLink(name: string, target: string): Member {
  return { ...folder(name), type: "1", mode: 0o644, link: target };
}

/** The bytes of an archive. `isClosed` false leaves out the two zero blocks, as engines up to 0.10 did. */
export function writeTar(members: readonly Member[], isClosed = true): Buffer {
  const parts = members.flatMap((member) => [headerOf(member), member.content, paddingOf(member.content.byteLength)]);
  return Buffer.concat([...parts, Buffer.alloc(isClosed ? 2 * block : 0)]);
}

function headerOf(member: Member): Buffer {
  const header = Buffer.alloc(block);
  const octal = (value: number, width: number) => `${value.toString(8).padStart(width - 1, "0")}\0`;
  const put = (text: string, at: number, width: number) => {
    if (Buffer.byteLength(text) > width) throw new Error(`too long for a header of tar: ${text}`);
    header.write(text, at);
  };
  put(member.name, 0, 100);
  put(octal(member.mode, 8), 100, 8);
  put(octal(member.uid, 8), 108, 8);
  put(octal(member.gid, 8), 116, 8);
  put(octal(member.content.byteLength, 12), 124, 12);
  put(octal(member.mtime, 12), 136, 12);
  put(" ".repeat(8), 148, 8);
  put(member.type, 156, 1);
  put(member.link, 157, 100);
  put("ustar\x0000", 257, 8);
  put(member.uname, 265, 32);
  put(member.gname, 297, 32);
  put(octal(0, 8), 329, 8);
  put(octal(0, 8), 337, 8);
  const sum = header.reduce((total, byte) => total + byte, 0);
  put(`${sum.toString(8).padStart(6, "0")}\0 `, 148, 8);
  return header;
}

function paddingOf(size: number): Buffer {
  return Buffer.alloc((block - (size % block)) % block);
}

/** The members of an archive that this file can write; other kinds are refused. */
export function readTar(bytes: Uint8Array): Member[] {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const members: Member[] = [];
  for (let at = 0; at + block <= buffer.length; ) {
    const header = buffer.subarray(at, at + block);
    if (header.every((byte) => byte === 0)) break;
    const text = (from: number, width: number) => {
      const field = header.subarray(from, from + width);
      const end = field.indexOf(0);
      return field.toString("utf8", 0, end < 0 ? width : end);
    };
    const number = (from: number, width: number) => Number.parseInt(text(from, width).trim() || "0", 8);
    const size = number(124, 12);
    members.push({
      name: text(0, 100),
      type: typeOf(text(156, 1)),
      mode: number(100, 8),
      uid: number(108, 8),
      gid: number(116, 8),
      mtime: number(136, 12),
      link: text(157, 100),
      uname: text(265, 32),
      gname: text(297, 32),
      content: buffer.subarray(at + block, at + block + size),
    });
    at += block + Math.ceil(size / block) * block;
  }
  return members;
}

function typeOf(flag: string): Member["type"] {
  if (flag === "0" || flag === "1" || flag === "2" || flag === "5") return flag;
  throw new Error(`a member of an unexpected type: ${JSON.stringify(flag)}`);
}

/** Gzip with a flush after every `step` bytes, as the engines up to 1.9 compress what they push. */
export async function flushGzip(bytes: Uint8Array, step = 32_768): Promise<Buffer> {
  const gzip = createGzip();
  const parts: Buffer[] = [];
  gzip.on("data", (part: Buffer) => parts.push(part));
  for (let at = 0; at < bytes.byteLength; at += step) {
    gzip.write(bytes.subarray(at, at + step));
    await new Promise<void>((done) => gzip.flush(zlib.Z_SYNC_FLUSH, () => done()));
  }
  await new Promise<void>((done) => {
    gzip.on("end", done);
    gzip.end();
  });
  return Buffer.concat(parts);
}

/** The archive in a layer that is gzip, zstd or plain. */
export function unpack(layer: Uint8Array): Buffer {
  const magic = Buffer.from(layer.buffer, layer.byteOffset, Math.min(layer.byteLength, 4)).toString("hex");
  if (magic.startsWith("1f8b")) return gunzipSync(layer);
  if (magic === "28b52ffd") return zstdDecompressSync(layer);
  return Buffer.from(layer);
}
