// The door of /v2/ as tests ask it: no port, one line per request, answers compared header by header.
import { expect } from "bun:test";
import type { Answer } from "#http/answer";
import { type CallParts, call } from "#http/call";
import { guard } from "#http/guard";
import { digestOf } from "#lib/digest";
import { isObject } from "#lib/json";
import { silentLog } from "#lib/log";
import { ociManifest } from "#lib/media-type";
import { readAll } from "#lib/stream";
import type { Registry } from "#registry";
import { ociErrors, openOciDoor } from "./index.ts";

/** An answer, read to its end. */
export interface Seen {
  readonly status: number;
  /** By lower-case name, without those that every answer of this door has; several of one name are joined. */
  readonly headers: Readonly<Record<string, string>>;
  readonly bytes: Uint8Array;
  readonly text: string;
}

export type Ask = (method: string, target: string, parts?: CallParts) => Promise<Seen>;

/** What a row of a table demands: all headers, and the codes of the envelope. */
export interface Expected {
  readonly status: number;
  readonly headers?: Readonly<Record<string, unknown>>;
  readonly codes?: readonly string[];
  readonly text?: string;
}

/** One sentence of the spec: what is asked, and what must be answered. */
export type Row = readonly [sentence: string, method: string, target: string, parts: CallParts, expected: Expected];

const everywhere = new Map([
  ["docker-distribution-api-version", "registry/2.0"],
  ["x-content-type-options", "nosniff"],
  ["content-security-policy", "default-src 'none'; sandbox"],
]);

export function openAsk(registry: Registry): Ask {
  const door = guard(openOciDoor(registry), ociErrors, silentLog);
  return async (method, target, parts) => see(await door(call(method, target, parts)));
}

export async function see({ status, headers: list, body }: Answer): Promise<Seen> {
  const headers: Record<string, string> = {};
  for (let i = 0; i < list.length; i += 2) {
    const name = (list[i] ?? "").toLowerCase();
    const value = list[i + 1] ?? "";
    headers[name] = headers[name] === undefined ? value : `${headers[name]}, ${value}`;
  }
  for (const [name, value] of everywhere) {
    expect(`${name}: ${headers[name]}`).toBe(`${name}: ${value}`);
    delete headers[name];
  }
  const bytes = await bytesOf(body);
  // Beside a body it is the door or the porch that says the length: it has to be right.
  if (body !== undefined && headers["content-length"] !== undefined) {
    expect(headers["content-length"]).toBe(String(bytes.byteLength));
    delete headers["content-length"];
  }
  return { status, headers, bytes, text: new TextDecoder().decode(bytes) };
}

async function bytesOf(body: Answer["body"]): Promise<Uint8Array> {
  if (body === undefined || body instanceof Uint8Array) return body ?? new Uint8Array();
  try {
    const bytes = (await readAll(body.read(), body.length)) ?? new Uint8Array();
    expect(bytes.byteLength).toBe(body.length);
    return bytes;
  } finally {
    await body.close();
  }
}

/** The errors of an envelope, which must be one. */
export function errorsOf({ headers, text }: Seen): readonly Readonly<Record<string, unknown>>[] {
  expect(headers["content-type"]).toBe("application/json");
  const envelope: unknown = JSON.parse(text);
  const errors: unknown = isObject(envelope) ? envelope["errors"] : undefined;
  expect(isObject(envelope) ? Object.keys(envelope) : []).toEqual(["errors"]);
  const list = Array.isArray(errors) ? errors.filter(isObject) : [];
  for (const error of list) {
    expect(Object.keys(error)).toEqual(["code", "message", "detail"]);
    expect(typeof error["message"]).toBe("string");
  }
  return list;
}

/** Compares an answer with what is demanded. An answer with codes is the envelope, its headers but Content-Type as given. */
export function check(seen: Seen, { status, headers = {}, codes, text }: Expected): void {
  if (codes === undefined) {
    expect<unknown>({ status: seen.status, headers: seen.headers }).toEqual({ status, headers });
  } else {
    const found = errorsOf(seen).map(({ code }) => String(code));
    expect({ status: seen.status, codes: found }).toEqual({ status, codes: [...codes] });
    const { "content-type": _, ...others } = seen.headers;
    expect<unknown>(others).toEqual(headers);
  }
  if (text !== undefined) expect(seen.text).toBe(text);
}

/** Where an answer sends its client. */
export function locationOf({ headers }: Seen): string {
  const location = headers["location"];
  if (location === undefined) throw new Error("the answer has no Location");
  return location;
}

export function bytesFrom(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** `length` bytes that differ from those of another seed. */
export function bytesLike(seed: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = i * 31 + seed * 7 + (i >> 8) * 13;
  return bytes;
}

/** Pushes a blob in one request; returns its digest. */
export async function pushBlob(ask: Ask, name: string, bytes: Uint8Array): Promise<string> {
  const digest = digestOf(bytes);
  const { status } = await ask("POST", `/v2/${name}/blobs/uploads/?digest=${digest}`, { body: bytes });
  expect(status).toBe(201);
  return digest;
}

/** A descriptor as manifests hold it. */
export function descriptor(mediaType: string, bytes: Uint8Array): Readonly<Record<string, unknown>> {
  return { mediaType, digest: digestOf(bytes), size: bytes.byteLength };
}

/** The text of an image manifest of one config and some layers; `more` is added to it. */
export function imageText(config: Uint8Array, layers: readonly Uint8Array[], more = {}): string {
  return JSON.stringify({
    schemaVersion: 2,
    mediaType: ociManifest,
    config: descriptor("application/vnd.oci.image.config.v1+json", config),
    layers: layers.map((layer) => descriptor("application/vnd.oci.image.layer.v1.tar+gzip", layer)),
    ...more,
  });
}

/** Pushes an image manifest with a config of its own; returns its digest. */
export async function pushImage(ask: Ask, name: string, reference: string, more = {}): Promise<string> {
  const config = bytesFrom(`{"image":${JSON.stringify(reference)}}`);
  await pushBlob(ask, name, config);
  const body = imageText(config, [], more);
  const target = reference === "" ? digestOf(bytesFrom(body)) : reference;
  const seen = await ask("PUT", `/v2/${name}/manifests/${target}`, { body, headers: { "content-type": ociManifest } });
  expect(seen.status).toBe(201);
  return digestOf(bytesFrom(body));
}
