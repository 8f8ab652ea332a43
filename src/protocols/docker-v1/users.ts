// /v1/users/: log in, register, change. In the open mode everybody is welcome, and nothing is kept.
import type { Answer } from "#http/answer";
import type { Call } from "#http/call";
import { Fault } from "#lib/fault";
import { isObject, type JsonObject } from "#lib/json";
import type { Accounts } from "./accounts.ts";
import { jsonAnswer, nothing } from "./answers.ts";
import { type Question, unauthenticated } from "./deciding.ts";
import { parseJson, readBody } from "./json.ts";

const maxUserBytes = 8 * 1024 * 1024;
const namePattern = /^[a-z0-9_]{4,30}$/;
const addressPattern = /^[^\s@]{1,64}@[^\s@]{1,255}$/;
const minPasswordLength = 5;

/** GET: whether one may log in. POST: register. Faults: unauthenticated request, invalid request. */
export async function answerUsers({ house: { mode }, call, proof }: Question): Promise<Answer> {
  if (call.method === "POST") return mode.kind === "hub" ? register(mode.accounts, call) : welcome(call);
  if (mode.kind === "hub" && proof !== "password") throw unauthenticated();
  return jsonAnswer(200, "OK");
}

async function welcome(call: Call): Promise<Answer> {
  if (parseJson(await readBody(call, maxUserBytes)) === undefined) throw undecodable();
  return jsonAnswer(201, "User Created");
}

/** An account that exists is always answered with these words: by them clients know to try its password. */
async function register(accounts: Accounts, call: Call): Promise<Answer> {
  const body = await readObject(call);
  const { username, password, email } = body;
  if (typeof username !== "string" || !namePattern.test(username))
    throw invalid(`Wrong username format (it has to match "${namePattern.source}")`);
  if (typeof password !== "string" || !isPassword(password)) throw invalid(passwordWords);
  if (typeof email !== "string" || !addressPattern.test(email)) throw invalid(addressWords);
  const outcome = await accounts.register({ username, password, email });
  if (outcome === "closed") throw unauthenticated();
  if (outcome === "taken") throw invalid("Username or email already exists");
  return jsonAnswer(201, "User created");
}

/** PUT of a user: another password, one more address. Faults: unauthenticated, denied, unknown, invalid request. */
export async function updateUser({ house: { mode }, call, actor, proof }: Question, user: string): Promise<Answer> {
  if (mode.kind === "standalone") return nothing();
  if (proof !== "password") throw unauthenticated();
  const { password, email } = await readObject(call);
  if (password !== undefined && (typeof password !== "string" || !isPassword(password))) throw invalid(passwordWords);
  if (email !== undefined && (typeof email !== "string" || !addressPattern.test(email))) throw invalid(addressWords);
  await mode.accounts.update(actor, user, {
    ...(password === undefined ? {} : { password }),
    ...(email === undefined ? {} : { email }),
  });
  return nothing();
}

const passwordWords = `Password must have at least ${minPasswordLength} characters`;
const addressWords = "Enter a valid email address";

function isPassword(text: string): boolean {
  return text.length >= minPasswordLength;
}

async function readObject(call: Call): Promise<JsonObject> {
  const value = parseJson(await readBody(call, maxUserBytes))?.value;
  if (!isObject(value)) throw undecodable();
  return value;
}

function undecodable(): Fault {
  return invalid("Error Decoding JSON");
}

function invalid(sentence: string): Fault {
  return new Fault("invalid", "request", sentence);
}
