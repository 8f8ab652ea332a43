// Answers as docker-registry 0.7.3 sent them: its headers in its order, its reason phrases in upper case, and the pages of
// its framework for what it did not know.
import { STATUS_CODES } from "node:http";
import type { Answer } from "#http/answer";
import { formatJson, type Json } from "./json.ts";

/** The server whose behaviour this is: clients up to 0.10 take no registry without a version. */
export const version = "0.7.3";
export const flavour = "dev";

/** The end of every answer. */
export const lastHeaders: readonly string[] = [
  ...["X-Docker-Registry-Version", version, "X-Docker-Registry-Config", flavour],
  ...["X-Content-Type-Options", "nosniff"],
];

/** Two routes may be read by the pages of other sites. */
export const corsHeaders: readonly string[] = [
  ...["Access-Control-Allow-Origin", "*", "Access-Control-Allow-Methods", "GET"],
];

const encoder = new TextEncoder();
const oldReasons: Readonly<Record<number, string>> = {
  413: "REQUEST ENTITY TOO LARGE",
  416: "REQUESTED RANGE NOT SATISFIABLE",
};

/** An answer; the last headers are added. */
export function answerOf(status: number, headers: readonly string[], body?: Answer["body"]): Answer {
  const reason = oldReasons[status] ?? STATUS_CODES[status]?.toUpperCase() ?? "";
  return { status, reason, headers: [...headers, ...lastHeaders], ...(body === undefined ? {} : { body }) };
}

export interface Around {
  /** Before those that every answer has. */
  readonly first?: readonly string[];
  /** After Content-Length. */
  readonly after?: readonly string[];
}

/** JSON that no cache keeps. */
export function jsonAnswer(status: number, value: Json, around: Around = {}): Answer {
  return rawJsonAnswer(status, encoder.encode(formatJson(value)), around);
}

/** JSON that has been written already. */
export function rawJsonAnswer(status: number, body: Uint8Array, { first = [], after = [] }: Around = {}): Answer {
  const headers = [
    ...first,
    ...["Expires", "-1", "Content-Type", "application/json", "Pragma", "no-cache", "Cache-Control", "no-cache"],
    ...["Content-Length", String(body.byteLength)],
    ...after,
  ];
  return answerOf(status, headers, body);
}

/** 204 as this server sent it: with a type and a length. */
export function nothing(): Answer {
  const { headers, ...answer } = rawJsonAnswer(204, new Uint8Array());
  return { status: answer.status, headers, ...(answer.reason === undefined ? {} : { reason: answer.reason }) };
}

const doctype = '<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 3.2 Final//EN">';
const sentences = {
  404: "The requested URL was not found on the server.  If you entered the URL manually please check your spelling and try again.",
  405: "The method is not allowed for the requested URL.",
  500: "The server encountered an internal error and was unable to complete your request.  Either the server is overloaded or there is an error in the application.",
} as const;
const titles = { 404: "Not Found", 405: "Method Not Allowed", 500: "Internal Server Error" } as const;

/** A page of the framework. */
export function htmlAnswer(status: keyof typeof titles, more: readonly string[] = []): Answer {
  const title = titles[status];
  const lines = [doctype, `<title>${status} ${title}</title>`, `<h1>${title}</h1>`, `<p>${sentences[status]}</p>`, ""];
  const body = encoder.encode(lines.join("\n"));
  return answerOf(status, ["Content-Type", "text/html", ...more, "Content-Length", String(body.byteLength)], body);
}

/** 301 to where the path with a slash at its end is. */
export function slashAnswer(location: string): Answer {
  const escaped = location
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
  const link = `<a href="${escaped}">${escaped}</a>`;
  const sentence = `<p>You should be redirected automatically to target URL: ${link}.  If not click the link.`;
  const lines = [doctype, "<title>Redirecting...</title>", "<h1>Redirecting...</h1>", sentence];
  const body = encoder.encode(lines.join("\n"));
  const type = ["Content-Type", "text/html; charset=utf-8"];
  return answerOf(301, [...type, "Content-Length", String(body.byteLength), "Location", location], body);
}

/** What OPTIONS gets. */
export function optionsAnswer(allow: string, after: readonly string[] = []): Answer {
  const type = ["Content-Type", "text/html; charset=utf-8"];
  return answerOf(200, [...type, "Allow", allow, "Content-Length", "0", ...after], new Uint8Array());
}
