// What every refusal looks like: the envelope of the spec, the headers of every answer of /v2/, and nothing of the inside.
import { expect } from "bun:test";
import type { TestServer } from "../server.ts";
import type { WireAnswer } from "./wire.ts";

const codes = new Set([
  "BLOB_UNKNOWN",
  "BLOB_UPLOAD_INVALID",
  "BLOB_UPLOAD_UNKNOWN",
  "DENIED",
  "DIGEST_INVALID",
  "MANIFEST_BLOB_UNKNOWN",
  "MANIFEST_INVALID",
  "MANIFEST_UNKNOWN",
  "NAME_INVALID",
  "NAME_UNKNOWN",
  "PAGINATION_NUMBER_INVALID",
  "SIZE_INVALID",
  "UNSUPPORTED",
]);

/** Words of SQL, of stacks, and of the runtime. */
const inside = /\bselect\b.*\bfrom\b|sqlite|postgres|HPE_|ERR_|\bat \S+ \(|\.[jt]s:\d+|node_modules|bun:|\/src\//i;

/** Headers that every answer of /v2/ has. */
export function expectGuarded({ headers }: Pick<WireAnswer, "headers">): void {
  expect(headers["x-content-type-options"]).toBe("nosniff");
  expect(headers["content-security-policy"]).toBe("default-src 'none'; sandbox");
}

/** A refusal, and which codes it names. */
export function expectRefusal({ data }: Pick<TestServer, "data">, answer: WireAnswer | undefined): readonly string[] {
  if (answer === undefined) throw new Error("there was no answer");
  const { status, headers, body } = answer;
  expect({ status, isClientError: status >= 400 && status < 500 }).toEqual({ status, isClientError: true });
  expectGuarded(answer);
  expect(headers["content-type"]).toBe("application/json");
  expect(body).not.toContain(data);
  expect(body).not.toMatch(inside);
  return errorsIn(body);
}

/** The codes of an envelope, which must be one. */
function errorsIn(body: string): readonly string[] {
  const envelope = JSON.parse(Buffer.from(body, "latin1").toString());
  expect(Object.keys(envelope)).toEqual(["errors"]);
  expect(envelope.errors.length).toBeGreaterThan(0);
  for (const error of envelope.errors) {
    expect(Object.keys(error)).toEqual(["code", "message", "detail"]);
    expect(codes).toContain(error.code);
    expect(error.message).toMatch(/^[a-z].{5,}/i);
    expect(error.detail).toBeObject();
  }
  return envelope.errors.map(({ code }: { code: string }) => code);
}
