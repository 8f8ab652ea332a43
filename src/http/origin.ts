// What a web page of another site may not make its visitor's browser do. A page can send requests to servers that it cannot
// reach itself, such as one on loopback; it cannot keep the browser from saying where they come from.
// https://www.rfc-editor.org/rfc/rfc6454#section-7, https://www.w3.org/TR/fetch-metadata/
import { Fault } from "#lib/fault";
import type { Call } from "./call.ts";

const harmless = new Set(["GET", "HEAD", "OPTIONS"]);

/** Returns when a call may change something: no browser says that it comes from elsewhere. Fault: denied request. */
export function requireOwnOrigin(call: Call): void {
  if (harmless.has(call.method)) return;
  const origin = call.header("origin");
  const isForeign = origin !== undefined && !isSameHost(origin, call.header("host") ?? "");
  if (!isForeign && call.header("sec-fetch-site") !== "cross-site") return;
  throw new Fault("denied", "request", "a web page of another site may not ask for this");
}

/** Whether an origin is the server at `host`. The scheme is not compared: TLS may end before this server. */
function isSameHost(origin: string, host: string): boolean {
  const from = URL.parse(origin);
  if (from === null || host === "") return false;
  return from.host === URL.parse(`${from.protocol}//${host}`)?.host;
}
