// From what went wrong to what /v1/ says. The message of a Fault is the protocol's own text.
import type { Answer } from "#http/answer";
import type { ErrorWords } from "#http/guard";
import { Fault, type Kind, type Subject } from "#lib/fault";
import { corsHeaders, htmlAnswer, jsonAnswer } from "./answers.ts";

const byKind = {
  invalid: 400,
  unauthenticated: 401,
  denied: 403,
  unknown: 404,
  conflict: 409,
  "too-large": 413,
  range: 416,
  unsupported: 400,
  quota: 403,
  busy: 503,
  full: 507,
  upstream: 502,
} as const satisfies Record<Kind, number>;

const bySubject: Readonly<Partial<Record<`${Kind} ${Subject}`, number>>> = {
  "conflict arriving-image": 400,
  "too-large request": 431,
  "invalid timeout": 408,
  "unsupported expectation": 417,
};

/** How a Fault is to be said beyond what it is. */
interface Form {
  /** The Hub's way: a JSON string, and a challenge that asks for a password. */
  readonly isHub?: boolean;
  /** Pages of other sites may read it. */
  readonly isShared?: boolean;
}

/** The same Fault, said in another form; what is no Fault stays as it is. */
export function inForm(error: unknown, form: Form): unknown {
  if (!(error instanceof Fault)) return error;
  return new Fault(error.kind, error.subject, error.message, { ...error.detail, ...form }, error.cause);
}

/** The errors of /v1/. What the framework said itself is a page. */
export const dockerV1Errors: ErrorWords = {
  fault: faultAnswer,
  bug: () => htmlAnswer(500),
};

function faultAnswer({ kind, subject, message, detail }: Fault): Answer {
  if (kind === "unknown" && subject === "route") return htmlAnswer(404);
  if (kind === "unsupported" && subject === "method") {
    return htmlAnswer(405, ["Allow", typeof detail["allow"] === "string" ? detail["allow"] : "GET, HEAD, OPTIONS"]);
  }
  const status = bySubject[`${kind} ${subject}`] ?? byKind[kind];
  const isHub = detail["isHub"] === true;
  const words = kind === "unauthenticated" ? "Requires authorization" : message;
  const challenge = isHub ? 'Basic realm="auth required",Token' : "Token";
  const first = [
    ...(detail["isByPlatform"] === true ? ["Vary", "User-Agent"] : []),
    ...(status === 401 ? ["WWW-Authenticate", challenge] : []),
    ...(status === 503 || status === 507 ? ["Retry-After", "5"] : []),
  ];
  const after = detail["isShared"] === true ? corsHeaders : [];
  return jsonAnswer(status, isHub ? words : { error: words }, { first, after });
}
