// Every way to fail: status, reason, headers in their order, and the bytes and lengths that were measured on 0.7.3.
import { describe, expect, test } from "bun:test";
import type { Answer } from "#http/answer";
import { Fault, type Kind, type Subject } from "#lib/fault";
import { htmlAnswer, jsonAnswer, nothing, optionsAnswer, slashAnswer } from "./answers.ts";
import { dockerV1Errors, inForm } from "./errors.ts";

const last = [
  ...["X-Docker-Registry-Version", "0.7.3", "X-Docker-Registry-Config", "dev"],
  ...["X-Content-Type-Options", "nosniff"],
];
const textOf = ({ body }: Answer) => (body instanceof Uint8Array ? new TextDecoder().decode(body) : "");
const noCache = (length: number) => [
  ...["Expires", "-1", "Content-Type", "application/json", "Pragma", "no-cache", "Cache-Control", "no-cache"],
  ...["Content-Length", String(length)],
];

type Row = readonly [kind: Kind, subject: Subject, words: string, status: string, length?: number];
const rows: readonly Row[] = [
  ["invalid", "image", "Invalid JSON", "400 BAD REQUEST"],
  ["invalid", "image", "Missing key `id' in JSON", "400 BAD REQUEST"],
  ["invalid", "image", "JSON data contains invalid id", "400 BAD REQUEST"],
  ["invalid", "image", "This image does not belong to the repository", "400 BAD REQUEST"],
  ["invalid", "image", "Image depends on a non existing parent", "400 BAD REQUEST"],
  ["invalid", "image", "Image depends on an unauthorized parent", "400 BAD REQUEST"],
  ["conflict", "arriving-image", "Image is being uploaded, retry later", "400 BAD REQUEST", 49],
  ["invalid", "checksum", "Missing Image's checksum", "400 BAD REQUEST"],
  ["invalid", "checksum", "Checksum mismatch", "400 BAD REQUEST", 30],
  ["invalid", "checksum", "Checksum mismatch, ignoring the layer", "400 BAD REQUEST"],
  ["invalid", "checksum", "Invalid checksum format", "400 BAD REQUEST"],
  ["invalid", "image-list", "Invalid data", "400 BAD REQUEST"],
  ["invalid", "image-list", "Error Decoding JSON", "400 BAD REQUEST"],
  ["unsupported", "image", "Layer format not supported", "400 BAD REQUEST"],
  ["unsupported", "image", "Diff queue is disabled", "400 BAD REQUEST"],
  ["unauthenticated", "request", "Requires authorization", "401 UNAUTHORIZED", 35],
  ["denied", "repository", "push is not allowed", "403 FORBIDDEN"],
  ["unknown", "image", "Image not found", "404 NOT FOUND", 28],
  ["unknown", "image", "Invalid image ID", "404 NOT FOUND"],
  ["unknown", "tag", "Tag not found", "404 NOT FOUND", 26],
  ["unknown", "repository", "Repository not found", "404 NOT FOUND", 33],
  ["unknown", "repository", "images not found", "404 NOT FOUND"],
  ["conflict", "image", "Image already exists", "409 CONFLICT", 33],
  ["conflict", "checksum", "Cannot set this image checksum", "409 CONFLICT", 43],
  ["too-large", "image", "too large", "413 REQUEST ENTITY TOO LARGE"],
  ["busy", "store", "busy", "503 SERVICE UNAVAILABLE"],
  ["full", "store", "full", "507 INSUFFICIENT STORAGE"],
];

describe("a failure", () => {
  for (const [kind, subject, words, status, length] of rows) {
    test(`${words} is ${status}`, () => {
      const answer = dockerV1Errors.fault(new Fault(kind, subject, words));
      const text = `{"error": "${words}"}`;
      expect(`${answer.status} ${answer.reason}`).toBe(status);
      expect(textOf(answer)).toBe(text);
      if (length !== undefined) expect(text).toHaveLength(length);
      const first = { 401: ["WWW-Authenticate", "Token"], 503: ["Retry-After", "5"], 507: ["Retry-After", "5"] };
      const more: readonly string[] = Object.entries(first).find(([each]) => each === String(answer.status))?.[1] ?? [];
      expect(answer.headers).toEqual([...more, ...noCache(text.length), ...last]);
    });
  }

  test("of a tag's name says the pattern, escaped as JSON wants it", () => {
    const words = "Invalid tag name (must match ^[\\w][\\w.-]{0,127}$)";
    expect(textOf(dockerV1Errors.fault(new Fault("invalid", "tag", words)))).toBe(
      '{"error": "Invalid tag name (must match ^[\\\\w][\\\\w.-]{0,127}$)"}',
    );
  });

  test("at the Hub is a JSON string, and asks for a password", () => {
    const denied = inForm(new Fault("denied", "request", "Account is not Active"), { isHub: true });
    const unknown = inForm(new Fault("unauthenticated", "request", "x"), { isHub: true });
    if (!(denied instanceof Fault && unknown instanceof Fault)) throw new Error("a Fault stays one");
    expect(textOf(dockerV1Errors.fault(denied))).toBe('"Account is not Active"');
    const { status, headers } = dockerV1Errors.fault(unknown);
    expect(status).toBe(401);
    expect(headers.slice(0, 2)).toEqual(["WWW-Authenticate", 'Basic realm="auth required",Token']);
  });

  test("that is no Fault stays what it is", () => {
    const error = new Error("a bug");
    expect(inForm(error, { isHub: true })).toBe(error);
  });

  test("of the database leaks nothing but its words", () => {
    const fault = new Fault("busy", "store", "the store is busy", { path: "x" }, new Error("secret"));
    expect(textOf(dockerV1Errors.fault(fault))).toBe('{"error": "the store is busy"}');
  });
});

describe("a page of the framework", () => {
  const doctype = '<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 3.2 Final//EN">\n';
  const pages = [
    [dockerV1Errors.fault(new Fault("unknown", "route", "x")), "404 NOT FOUND", "404 Not Found", "Not Found", 233],
    [
      dockerV1Errors.fault(new Fault("unsupported", "method", "x", { allow: "PUT, OPTIONS, DELETE" })),
      "405 METHOD NOT ALLOWED",
      "405 Method Not Allowed",
      "Method Not Allowed",
      178,
    ],
    [dockerV1Errors.bug("id"), "500 INTERNAL SERVER ERROR", "500 Internal Server Error", "Internal Server Error", 291],
  ] as const;
  for (const [answer, status, title, heading, length] of pages) {
    test(`${status} has ${length} bytes`, () => {
      expect(`${answer.status} ${answer.reason}`).toBe(status);
      const text = textOf(answer);
      expect(text).toStartWith(`${doctype}<title>${title}</title>\n<h1>${heading}</h1>\n<p>`);
      expect(text).toEndWith("</p>\n");
      expect(text).toHaveLength(length);
      const allow = answer.status === 405 ? ["Allow", "PUT, OPTIONS, DELETE"] : [];
      const rest = ["Content-Length", String(length), ...last];
      expect(answer.headers).toEqual(["Content-Type", "text/html", ...allow, ...rest]);
    });
  }

  test("that sends on has 207 bytes and twice the place", () => {
    const answer = slashAnswer("http://localhost:5000/v1/repositories/ubuntu/latest/");
    expect(textOf(answer)).toHaveLength(311);
    expect(textOf(answer)).toEndWith("</a>.  If not click the link.");
    expect(`${answer.status} ${answer.reason}`).toBe("301 MOVED PERMANENTLY");
    expect(answer.headers).toEqual([
      ...["Content-Type", "text/html; charset=utf-8", "Content-Length", "311"],
      ...["Location", "http://localhost:5000/v1/repositories/ubuntu/latest/"],
      ...last,
    ]);
  });

  test("that sends on holds no mark-up of its caller", () => {
    const text = textOf(slashAnswer('http://x/v1/users/"><script>&/'));
    expect(text).toContain('<a href="http://x/v1/users/&quot;&gt;&lt;script&gt;&amp;/">');
    expect(text).not.toContain("<script>");
  });
});

describe("an answer", () => {
  test("of JSON has its headers in the order of 0.7.3", () => {
    const answer = jsonAnswer(200, true, { first: ["A", "1"], after: ["B", "2"] });
    expect(`${answer.status} ${answer.reason}`).toBe("200 OK");
    expect(answer.headers).toEqual(["A", "1", ...noCache(4), "B", "2", ...last]);
  });

  test("of nothing has a type and a length", () => {
    expect<unknown>(nothing()).toEqual({ status: 204, reason: "NO CONTENT", headers: [...noCache(0), ...last] });
  });

  test("about a tag that other machines see says so to caches", () => {
    const { headers } = dockerV1Errors.fault(new Fault("unknown", "tag", "Tag not found", { isByPlatform: true }));
    expect(headers.slice(0, 2)).toEqual(["Vary", "User-Agent"]);
    expect(dockerV1Errors.fault(new Fault("unknown", "tag", "Tag not found")).headers).not.toContain("Vary");
  });

  test("to OPTIONS says the methods", () => {
    const type = ["Content-Type", "text/html; charset=utf-8"];
    expect(optionsAnswer("GET, HEAD, OPTIONS").headers).toEqual([
      ...[...type, "Allow", "GET, HEAD, OPTIONS", "Content-Length", "0"],
      ...last,
    ]);
    expect(htmlAnswer(404).headers).not.toContain("Allow");
  });
});
