// Hashes, writes and syncs uploads, so that the loop that serves requests does none of it. Hash states outlive a request:
// the next PATCH goes on where the last one stopped; after a restart the file is read again.
import * as fs from "node:fs";
import { open } from "node:fs/promises";
import { setPriority } from "node:os";
import { basename } from "node:path";
import { type Algorithm, type Digest, type Hasher, openHasher } from "#lib/digest";
import { type LayerAnswer, type LayerOrder, openLayerWork, readFile } from "./layer-work.ts";

export interface OpenOrder {
  readonly op: "open";
  readonly id: string;
  readonly path: string;
  readonly algorithm: Algorithm;
  readonly offset: number;
}

/** Bytes with a buffer of their own, which moves from thread to thread. */
export type Part = Uint8Array<ArrayBuffer>;

/** What the pool asks of a worker. Chunks of one upload arrive in order; several may be under way. */
export type Order =
  | OpenOrder
  | { readonly op: "chunk"; readonly id: string; readonly parts: readonly Part[]; readonly isGivenBack: boolean }
  | { readonly op: "close"; readonly id: string; readonly truncateTo?: number }
  | { readonly op: "peek"; readonly id: string }
  | { readonly op: "digest"; readonly id: string; readonly path: string; readonly algorithm: Algorithm }
  | { readonly op: "sync"; readonly path: string }
  | { readonly op: "forget"; readonly id: string }
  | LayerOrder;

export type Request = Order & { readonly call: number };

/** What was asked for. `parts` are those of a chunk that is given back. */
export interface Answer extends LayerAnswer {
  readonly digest?: Digest;
  readonly mark?: string;
  readonly parts?: readonly Part[];
}
export type Reply =
  | (Answer & { readonly call: number })
  | { readonly call: number; readonly error: { readonly message: string; readonly code?: string } };

interface State {
  readonly algorithm: Algorithm;
  readonly hasher: Hasher;
  size: number;
  /** What the file was when it was closed: another process may have written it since. */
  mark: string;
}

/** An upload that is being written. Nothing is written behind what failed: a kill leaves a beginning, never a hole. */
interface Handle {
  readonly fd: number;
  readonly state: State;
  hasFailed: boolean;
  /** Bytes since the last sync that went on beside the writing. */
  unsynced: number;
  syncing: Promise<void> | undefined;
  syncError: Error | undefined;
}

declare const self: Worker;

/** How much is written before a sync goes on beside the rest: a push of a gigabyte took a tenth less, measured with 64 MiB. */
const syncBytes = 64 * 1024 * 1024;
/** A third of the weight of the loop that serves requests; 10 did no better. */
const niceness = 5;
const maxStates = 1024;
const states = new Map<string, State>();
const handles = new Map<string, Handle>();
const layers = openLayerWork(maxStates, markOf);

function remember(id: string, state: State): void {
  states.delete(id);
  states.set(id, state);
  const [oldest] = states.keys();
  if (states.size > maxStates && oldest !== undefined) states.delete(oldest);
}

function markOf({ ino, size, mtimeNs, ctimeNs }: fs.BigIntStats): string {
  return `${ino} ${size} ${mtimeNs} ${ctimeNs}`;
}

/** The hash state of the first `size` bytes of an upload: the one that was kept, if the file is as it was; else a new one. */
async function recall(id: string, path: string, algorithm: Algorithm, size: number): Promise<State> {
  const known = states.get(id);
  states.delete(id);
  const now = fs.statSync(path, { bigint: true, throwIfNoEntry: false });
  const isUsable =
    known?.algorithm === algorithm && known.size === size && now !== undefined && markOf(now) === known.mark;
  return isUsable ? known : rehash(path, algorithm, size);
}

async function rehash(path: string, algorithm: Algorithm, size: number): Promise<State> {
  const hasher = openHasher(algorithm);
  if (size === 0) return { algorithm, hasher, size, mark: "" };
  let hashed = 0;
  for await (const part of readFile(path, size)) {
    hasher.update(part);
    hashed += part.byteLength;
  }
  if (hashed < size) throw Object.assign(new Error("the upload is shorter than it was"), { code: "EIO" });
  return { algorithm, hasher, size, mark: "" };
}

/**
 * Writes all of `parts` at `at`; returns how many bytes that are. A thread of its own may wait for the disk: handing each write
 * to yet another costs more.
 */
function writeAll(fd: number, parts: readonly Part[], at: number): number {
  const size = parts.reduce((sum, { byteLength }) => sum + byteLength, 0);
  for (let done = 0; done < size; ) done += fs.writevSync(fd, behind(parts, done), at + done);
  return size;
}

/** What lies behind the first `skipped` bytes of `parts`. */
function behind(parts: readonly Part[], skipped: number): readonly Part[] {
  if (skipped === 0) return parts;
  const rest: Part[] = [];
  let at = 0;
  for (const part of parts) {
    at += part.byteLength;
    if (at > skipped) rest.push(part.subarray(Math.max(0, part.byteLength - (at - skipped))));
  }
  return rest;
}

async function openUpload(order: Order & { op: "open" }): Promise<void> {
  const { id, path, algorithm, offset } = order;
  const state = await recall(id, path, algorithm, offset);
  const fd = fs.openSync(path, fs.constants.O_WRONLY | fs.constants.O_CREAT, 0o640);
  handles.set(id, { fd, state, hasFailed: false, unsynced: 0, syncing: undefined, syncError: undefined });
  fs.ftruncateSync(fd, offset);
}

function writeChunk({ id, parts }: Order & { op: "chunk" }): void {
  const handle = handles.get(id);
  if (handle === undefined) throw new Error("a chunk for an upload that is not open");
  if (handle.hasFailed) throw new Error("a chunk behind one that could not be written");
  const { fd, state } = handle;
  handle.hasFailed = true;
  const bytes = writeAll(fd, parts, state.size);
  handle.hasFailed = false;
  for (const part of parts) state.hasher.update(part);
  state.size += bytes;
  handle.unsynced += bytes;
  if (handle.unsynced >= syncBytes && handle.syncing === undefined) syncBeside(handle);
}

/** Has what was written so far brought to the disk while more arrives: the sync at the end has less to wait for. */
function syncBeside(handle: Handle): void {
  handle.unsynced = 0;
  handle.syncing = new Promise((resolve) => {
    fs.fdatasync(handle.fd, (error) => {
      // It is told to one caller only: the sync at the end would find nothing wrong.
      handle.syncError ??= error ?? undefined;
      handle.syncing = undefined;
      resolve();
    });
  });
}

/** Closes the file. Its hash state is remembered, unless bytes are taken back. */
async function closeUpload({ id, truncateTo }: Order & { op: "close" }): Promise<void> {
  const handle = handles.get(id);
  handles.delete(id);
  if (handle === undefined) return;
  await handle.syncing;
  try {
    if (handle.syncError !== undefined && truncateTo === undefined) throw handle.syncError;
    if (truncateTo === undefined) {
      handle.state.mark = markOf(fs.fstatSync(handle.fd, { bigint: true }));
      remember(id, handle.state);
    } else fs.ftruncateSync(handle.fd, truncateTo);
  } finally {
    fs.closeSync(handle.fd);
  }
}

/** The digest of an upload that has just been closed, and what its file was then, when both are still known. */
function peek({ id }: Order & { op: "peek" }): Answer {
  const state = states.get(id);
  return state === undefined ? {} : { digest: state.hasher.copy().digest(), mark: state.mark };
}

async function digestUpload({ id, path, algorithm }: Order & { op: "digest" }): Promise<Digest> {
  const { size } = fs.statSync(path);
  return (await recall(id, path, algorithm, size)).hasher.digest();
}

async function syncPath(path: string): Promise<void> {
  const file = await open(path, "r");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Gives memory back at once: the collector of this thread would let much of it gather. */
function free(parts: readonly Part[]): void {
  for (const { buffer } of parts) buffer.transfer(0);
}

async function obey(order: Order): Promise<Answer> {
  switch (order.op) {
    case "open":
      await openUpload(order);
      return {};
    case "chunk":
      writeChunk(order);
      if (order.isGivenBack) return { parts: order.parts };
      free(order.parts);
      return {};
    case "close":
      await closeUpload(order);
      return {};
    case "peek":
      return peek(order);
    case "digest":
      return { digest: await digestUpload(order) };
    case "sync":
      await syncPath(order.path);
      return {};
    case "forget":
      states.delete(order.id);
      return {};
    default:
      return layers.obey(order);
  }
}

/** Requests come before bulk. Linux alone has a niceness for each thread; elsewhere all stay equal. */
function giveWay(): void {
  try {
    setPriority(Number(basename(fs.readlinkSync("/proc/thread-self"))), niceness);
  } catch {
    // It is a courtesy: nothing depends on it.
  }
}

giveWay();
self.onmessage = async ({ data }: MessageEvent<Request>) => {
  const { call } = data;
  try {
    const answer = await obey(data);
    postMessage({ call, ...answer } satisfies Reply, answer.parts?.map(({ buffer }) => buffer) ?? []);
  } catch (error) {
    const { message, code } = error as Error & { code?: string };
    postMessage({ call, error: code === undefined ? { message } : { message, code } } satisfies Reply);
  }
};
