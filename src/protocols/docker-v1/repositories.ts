// Repositories as a whole: announced, finished and listed at the Hub, whose answers carry tokens; deleted; public or private.
import type { Answer } from "#http/answer";
import { Fault } from "#lib/fault";
import { isObject, stringOf } from "#lib/json";
import type { RepositoryName } from "#lib/reference";
import { answerOf, corsHeaders, jsonAnswer } from "./answers.ts";
import { type Question, unauthenticated } from "./deciding.ts";
import { isImageId } from "./images.ts";
import { formatJson, parseJson, readBody } from "./json.ts";
import { formatToken, openSignature, type TokenAccess } from "./tokens.ts";

const maxListBytes = 8 * 1024 * 1024;
const encoder = new TextEncoder();

/** PUT begins a push; DELETE is of the registry and, where there are accounts, of the Hub. Faults: those of the registry. */
export async function answerRepository(question: Question, name: RepositoryName): Promise<Answer> {
  const { house, call, actor, proof } = question;
  if (call.method === "PUT") {
    await house.repositories.announce(actor, name, await readBody(call, maxListBytes));
    return hubAnswer(question, name, { status: 200, access: "write", body: encoder.encode('""') });
  }
  if (house.mode.kind === "standalone") return deleteRepository(question, name);
  const wasThere = await deleteIfThere(question, name);
  // A client that had its token from the Hub deletes at the registry next: here that is done by then.
  if (proof === "token") return jsonAnswer(200, true);
  return hubAnswer(question, name, { status: wasThere ? 202 : 200, access: "delete", body: encoder.encode('""') });
}

/** Deletes a repository at the registry. Faults: those of the registry. */
export async function deleteRepository({ house, actor }: Question, name: RepositoryName): Promise<Answer> {
  await house.repositories.delete(actor, name);
  return jsonAnswer(200, true);
}

async function deleteIfThere({ house, actor }: Question, name: RepositoryName): Promise<boolean> {
  const deleted = house.repositories.delete(actor, name).then(() => true);
  return deleted.catch((error: unknown) => {
    if (error instanceof Fault && error.kind === "unknown") return false;
    throw error;
  });
}

/** The list of images: GET, and PUT at the end of a push. DELETE does nothing. Faults: those of the registry. */
export async function answerImages(question: Question, name: RepositoryName): Promise<Answer> {
  const { house, call, actor } = question;
  if (call.method === "DELETE") return hubAnswer(question, name, { status: 204, access: "delete" });
  if (call.method === "PUT") {
    await house.repositories.finish(actor, name, await readBody(call, maxListBytes));
    return hubAnswer(question, name, { status: 204, access: "write" });
  }
  const list = await house.repositories.images(actor, name).catch((error: unknown) => {
    const isUnknown = error instanceof Fault && error.kind === "unknown";
    throw isUnknown ? new Fault("unknown", "repository", "images not found") : error;
  });
  const body = house.mode.kind === "hub" ? sortList(list) : list;
  return hubAnswer(question, name, { status: 200, access: "read", body, after: corsHeaders });
}

/** A list as the Hub showed it: each id once, in order, with a checksum that may be empty. */
function sortList(list: Uint8Array): Uint8Array {
  const value = parseJson(list)?.value;
  const checksums = new Map<string, string>();
  for (const entry of Array.isArray(value) ? value.filter(isObject) : []) {
    const { id, checksum } = entry;
    if (typeof id === "string") checksums.set(id, stringOf(checksum) || checksums.get(id) || "");
  }
  const ids = [...checksums.keys()].toSorted();
  return encoder.encode(formatJson(ids.map((id) => ({ checksum: checksums.get(id) ?? "", id }))));
}

/** What a registry asks about a token that a client showed it: deciding has looked at it. Fault: unauthenticated request. */
export async function answerAuth({ house, proof }: Question): Promise<Answer> {
  if (house.mode.kind === "hub" && proof === "nothing") throw unauthenticated();
  return jsonAnswer(200, "OK");
}

/** Whether an image can be had through a repository; also one that is still arriving there. */
export async function answerLayerAccess(question: Question, name: RepositoryName, id: string): Promise<Answer> {
  const { house, actor } = question;
  if (house.mode.kind === "standalone") return jsonAnswer(200, { access: true });
  if (!isImageId(id)) return jsonAnswer(200, { access: false });
  const found = house.images.get({ actor, repository: name }, id).then(() => true);
  const access = await found.catch((error: unknown) => {
    if (!(error instanceof Fault)) throw error;
    if (error.kind === "unknown" || error.kind === "denied") return false;
    if (error.subject === "arriving-image") return true;
    throw error;
  });
  return jsonAnswer(200, { access });
}

/** Whether it is public. Faults: invalid request, and those of the registry. */
export async function answerProperties({ house, call, actor }: Question, name: RepositoryName): Promise<Answer> {
  if (call.method !== "PUT") return jsonAnswer(200, { access: await house.repositories.access(actor, name) });
  const value = parseJson(await readBody(call, maxListBytes))?.value;
  if (!isObject(value) || value["access"] === undefined) throw new Fault("invalid", "request", "Invalid data");
  const { access } = value;
  if (access === "public" || access === "private") await house.repositories.setAccess(actor, name, access);
  return jsonAnswer(200, true);
}

interface Said {
  readonly status: number;
  readonly access: TokenAccess;
  readonly body?: Uint8Array;
  readonly after?: readonly string[];
}

/**
 * An answer of the Hub: with a token for what comes next, and where the registry is: here. With accounts only who asks for a
 * token gets one, and without the word `Token`, which clients put there themselves.
 */
async function hubAnswer(
  { house: { mode }, call, actor }: Question,
  name: RepositoryName,
  { status, access, body, after = [] }: Said,
): Promise<Answer> {
  const isStandalone = mode.kind === "standalone";
  const isAsked = isStandalone || call.header("x-docker-token")?.toLowerCase() === "true";
  const signature = isStandalone ? openSignature() : isAsked ? await mode.accounts.issue(actor, name, access) : "";
  const token = formatToken(signature, name, access);
  const host = call.header("host") ?? "";
  const headers = [
    ...(isAsked ? ["X-Docker-Token", isStandalone ? `Token ${token}` : token] : []),
    ...(isAsked && host !== "" ? ["X-Docker-Endpoints", host] : []),
    ...["Pragma", "no-cache", "Cache-Control", "no-cache", "Expires", "-1", "Content-Type", "application/json"],
    ...(isAsked ? ["WWW-Authenticate", `Token ${token}`] : []),
    ...["Content-Length", String(body?.byteLength ?? 0)],
    ...after,
  ];
  return answerOf(status, headers, body);
}
