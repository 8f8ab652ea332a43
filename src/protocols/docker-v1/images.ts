// /v1/images/: JSON, layer, ancestry, files and checksum of an image. The bytes of a layer are never recompressed.
import type { Answer } from "#http/answer";
import type { Call } from "#http/call";
import { bodyOf, type Span } from "#http/range";
import { Fault } from "#lib/fault";
import type { Asking } from "#registry";
import { answerOf, jsonAnswer } from "./answers.ts";
import type { Question } from "./deciding.ts";
import { formatJson, readBody } from "./json.ts";
import type { ImagePart } from "./path.ts";

const maxJsonBytes = 1024 * 1024;
const aYearSeconds = 31_536_000;
const idPattern = /^(?:[\da-f]{16}|[\da-f]{64})$/;
const encoder = new TextEncoder();

/** Whether a text can be the id of an image. */
export function isImageId(text: string): boolean {
  return idPattern.test(text);
}

/** Faults: unknown image (also for an id that is none), and those of the registry. */
export async function answerImage(question: Question, part: ImagePart, id: string): Promise<Answer> {
  if (!isImageId(id)) throw new Fault("unknown", "image", "Invalid image ID");
  const { method } = question.call;
  if (method === "PUT") return part === "json" ? putJson(question, id) : putRest(question, part, id);
  if (question.call.header("if-modified-since") !== undefined) return notModified(question, id);
  switch (part) {
    case "json":
      return getJson(question, id);
    case "layer":
      return method === "HEAD" ? headLayer(question, id) : getLayer(question, id);
    case "ancestry":
      return getAncestry(question, id);
    case "files":
      return getFiles(question, id);
    default:
      await question.house.images.get(askingOf(question), id);
      throw new Fault("unsupported", "image", "Diff queue is disabled");
  }
}

export function askingOf({ actor, repository }: Question): Asking {
  return { actor, repository };
}

async function putJson({ house, call, ...question }: Question, id: string): Promise<Answer> {
  const json = await readBody(call, maxJsonBytes);
  // Clients of 2013 send the checksum ahead, or an empty one.
  const checksum = call.header("x-docker-checksum") || undefined;
  await house.images.putJson(askingOf({ house, call, ...question }), id, json, checksum);
  return jsonAnswer(200, true);
}

async function putRest(question: Question, part: ImagePart, id: string): Promise<Answer> {
  const { house, call } = question;
  if (part === "layer") await house.images.putLayer(askingOf(question), id, call.body);
  else {
    const payload = call.header("x-docker-checksum-payload") || undefined;
    const tarsum = call.header("x-docker-checksum") || undefined;
    if (payload === undefined && tarsum === undefined)
      throw new Fault("invalid", "checksum", "Missing Image's checksum");
    await house.images.putChecksum(askingOf(question), id, { payload, tarsum });
  }
  return jsonAnswer(200, true);
}

/** An image never changes: whoever has it from whenever has it still. */
async function notModified({ house, ...question }: Question, id: string): Promise<Answer> {
  const { isAmbiguous } = await house.images.get(askingOf({ house, ...question }), id);
  return answerOf(304, ["Expires", expiry(house), "Cache-Control", cacheControl(isAmbiguous)]);
}

async function getJson(question: Question, id: string): Promise<Answer> {
  const { json, checksums, layerSize, isAmbiguous } = await question.house.images.get(askingOf(question), id);
  const headers = [
    ...checksums.flatMap((checksum) => ["X-Docker-Payload-Checksum", checksum]),
    ...cacheHeaders(question, isAmbiguous),
    ...(layerSize === undefined ? [] : ["X-Docker-Size", String(layerSize)]),
  ];
  return cachedJson(headers, json);
}

async function getAncestry(question: Question, id: string): Promise<Answer> {
  const { ids, isAmbiguous } = await question.house.images.ancestry(askingOf(question), id);
  return cachedJson(cacheHeaders(question, isAmbiguous), encoder.encode(formatJson(ids)));
}

async function getFiles(question: Question, id: string): Promise<Answer> {
  const { text, isAmbiguous } = await question.house.images.files(askingOf(question), id);
  return cachedJson(cacheHeaders(question, isAmbiguous), encoder.encode(text));
}

function cachedJson(headers: readonly string[], body: Uint8Array): Answer {
  const rest = ["Content-Type", "application/json", "Content-Length", String(body.byteLength)];
  return answerOf(200, [...headers, ...rest], body);
}

/** Without opening the layer. */
async function headLayer(question: Question, id: string): Promise<Answer> {
  const { layerSize, isAmbiguous } = await question.house.images.get(askingOf(question), id);
  if (layerSize === undefined) throw new Fault("unknown", "image", "Image not found");
  const headers = layerHeaders(question, isAmbiguous, layerSize);
  return layerSize === 0 ? answerOf(416, headers) : answerOf(200, headers);
}

async function getLayer(question: Question, id: string): Promise<Answer> {
  const { source, isAmbiguous } = await question.house.images.openLayer(askingOf(question), id);
  const { size } = source;
  const span = parseSpan(question.call, size);
  if (span === "outside") {
    await source.close();
    return answerOf(416, layerHeaders(question, isAmbiguous, 0));
  }
  const { start, end } = span ?? { start: 0, end: size };
  const range = span === undefined ? [] : ["Content-Range", `bytes ${start}-${end - 1}/${size}`];
  const headers = layerHeaders(question, isAmbiguous, end - start, range);
  return answerOf(span === undefined ? 200 : 206, headers, bodyOf(source, { start, end }));
}

/**
 * The one range that a client asks for: undefined for the whole, also when it asks in another way. Clients that resume ask to
 * the size, one past the last byte; the end is clamped. A layer without a byte has none to give.
 */
function parseSpan(call: Call, size: number): Span | "outside" | undefined {
  if (size === 0) return "outside";
  const [, first, last = ""] = /^bytes=(\d{1,16})-(\d{0,16})$/.exec(call.header("range") ?? "") ?? [];
  // No answer of this door has a validator that a client could have kept.
  if (first === undefined || call.header("if-range") !== undefined) return undefined;
  const start = Number(first);
  if (last !== "" && Number(last) < start) return undefined;
  if (start >= size) return "outside";
  return { start, end: last === "" ? size : Math.min(Number(last) + 1, size) };
}

function layerHeaders(
  question: Question,
  isAmbiguous: boolean,
  length: number,
  range: readonly string[] = [],
): readonly string[] {
  const type = ["Content-Type", "application/octet-stream"];
  const ranges = ["Accept-Ranges", "bytes", ...range];
  return ["Content-Length", String(length), ...ranges, ...cacheHeaders(question, isAmbiguous), ...type];
}

function cacheHeaders({ house }: Question, isAmbiguous: boolean): readonly string[] {
  const modified = ["Last-Modified", new Date(0).toUTCString()];
  return ["Expires", expiry(house), ...modified, "Cache-Control", cacheControl(isAmbiguous)];
}

function expiry({ clock }: Question["house"]): string {
  return new Date(clock.now() + aYearSeconds * 1000).toUTCString();
}

/** Where two repositories have other bytes under one id a cache in between would mix them up. */
function cacheControl(isAmbiguous: boolean): string {
  return `${isAmbiguous ? "private" : "public"}, max-age=${aYearSeconds}`;
}
