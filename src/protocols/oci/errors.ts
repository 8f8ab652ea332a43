// From what went wrong to what /v2/ says.
// https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#error-codes
import { type Answer, json } from "#http/answer";
import type { ErrorWords } from "#http/guard";
import type { Fault, Kind, Subject } from "#lib/fault";

/** By this header clients know that a server speaks /v2/. */
export const versionHeader: readonly string[] = ["Docker-Distribution-Api-Version", "registry/2.0"];

/** Headers of every answer of this door. */
export const commonHeaders: readonly string[] = [
  ...versionHeader,
  "X-Content-Type-Options",
  "nosniff",
  "Content-Security-Policy",
  "default-src 'none'; sandbox",
];

/** How many digests one answer names: images have less layers, and an answer is not larger than the push it refuses. */
const maxErrors = 256;

type Wire = readonly [status: number, code: string];

const byKind = {
  invalid: [400, "UNSUPPORTED"],
  unauthenticated: [401, "UNAUTHORIZED"],
  denied: [403, "DENIED"],
  unknown: [404, "NAME_UNKNOWN"],
  conflict: [409, "UNSUPPORTED"],
  "too-large": [413, "SIZE_INVALID"],
  range: [416, "SIZE_INVALID"],
  unsupported: [405, "UNSUPPORTED"],
  quota: [403, "DENIED"],
  busy: [503, "UNAVAILABLE"],
  full: [507, "UNAVAILABLE"],
  upstream: [502, "UNAVAILABLE"],
} as const satisfies Record<Kind, Wire>;

const bySubject: Readonly<Partial<Record<`${Kind} ${Subject}`, Wire>>> = {
  "invalid name": [400, "NAME_INVALID"],
  "invalid tag": [400, "MANIFEST_INVALID"],
  "invalid digest": [400, "DIGEST_INVALID"],
  "invalid manifest": [400, "MANIFEST_INVALID"],
  "invalid upload": [400, "BLOB_UPLOAD_INVALID"],
  "invalid size": [400, "SIZE_INVALID"],
  "invalid page": [400, "PAGINATION_NUMBER_INVALID"],
  "unknown blob": [404, "BLOB_UNKNOWN"],
  "unknown manifest": [404, "MANIFEST_UNKNOWN"],
  "unknown manifest-blob": [404, "MANIFEST_BLOB_UNKNOWN"],
  "unknown upload": [404, "BLOB_UPLOAD_UNKNOWN"],
  "unknown route": [404, "UNSUPPORTED"],
  "conflict upload": [409, "BLOB_UPLOAD_INVALID"],
  "range upload": [416, "BLOB_UPLOAD_INVALID"],
  "unsupported manifest": [400, "MANIFEST_INVALID"],
  "unsupported media-type": [415, "MANIFEST_INVALID"],
  "too-large request": [431, "UNSUPPORTED"],
  "invalid timeout": [408, "UNSUPPORTED"],
  "unsupported expectation": [417, "UNSUPPORTED"],
};

/** The errors of /v2/ as its envelope. */
export const ociErrors: ErrorWords = {
  fault: faultAnswer,
  bug: (requestId) => envelope(500, [{ code: "UNKNOWN", message: "internal error", detail: { requestId } }]),
};

/** The answer to a Fault. */
export function faultAnswer(fault: Fault): Answer {
  const { kind, subject, message, detail } = fault;
  const [status, code] = bySubject[`${kind} ${subject}`] ?? byKind[kind];
  const { digests, allow } = detail;
  const headers = [
    // A blob in use is refused with 405 as well: it can be read.
    ...(status === 405 ? ["Allow", typeof allow === "string" ? allow : "GET, HEAD"] : []),
    ...(status === 503 || status === 507 ? ["Retry-After", "5"] : []),
  ];
  if (Array.isArray(digests)) {
    return envelope(
      status,
      digests.slice(0, maxErrors).map((digest) => ({ code, message, detail: { digest } })),
      headers,
    );
  }
  return envelope(status, [{ code, message, detail }], headers);
}

function envelope(status: number, errors: readonly object[], headers: readonly string[] = []): Answer {
  return json(status, { errors }, [...headers, ...commonHeaders]);
}
