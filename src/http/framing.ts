// What the HTTP parsers let pass and no server may: requests that another server on the way might read in another way.
// https://www.rfc-editor.org/rfc/rfc9112#section-3.2, #section-6.1; https://www.rfc-editor.org/rfc/rfc9113#section-8.3.1
import { Fault } from "#lib/fault";
import type { Request } from "./serve.ts";

const host = /^(?:[\w.~!$&'()*+,;=%-]*|\[[\da-fA-F:.]+\])(?::\d{0,5})?$/;
const framing = /^(?:content-length|transfer-encoding)$/i;
const framings = new Set(["content-length".length, "transfer-encoding".length]);
const scheme = /^https?:\/\/[^/?#]*/i;

/** Why a request is refused before any door sees it; undefined when it is sound. A Fault: invalid request. */
export function faultOf(request: Request): Fault | undefined {
  const sentence = isHttp2(request) ? findInHttp2(request) : findInHttp1(request);
  return sentence === undefined ? undefined : new Fault("invalid", "request", sentence);
}

/** The path and query of a target: proxies may send a whole URL. https://www.rfc-editor.org/rfc/rfc9112#section-3.2.2 */
export function originForm(target: string): string {
  if (target.startsWith("/")) return target;
  const rest = target.replace(scheme, "");
  return rest === target || rest.startsWith("/") ? rest : `/${rest}`;
}

/** Whether a request has a header of this lower-case name; of a request of HTTP/2, whether it may have. */
export function isSaid(request: Request, name: string): boolean {
  if (isHttp2(request)) return true;
  const { rawHeaders } = request;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const said = rawHeaders[i] ?? "";
    if (said.length === name.length && said.toLowerCase() === name) return true;
  }
  return false;
}

/** Not by the version that it says: a line of HTTP/1 may say 2.0. */
function isHttp2(request: Request): boolean {
  return "stream" in request && request.stream !== undefined;
}

function findInHttp1(request: Request): string | undefined {
  const { httpVersion, rawHeaders, url = "" } = request;
  if (httpVersion !== "1.1" && httpVersion !== "1.0") return "the version of HTTP is not 1.0 or 1.1";
  let named = "";
  let [hosts, lengths] = [0, 0];
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? "";
    if (name.length === 4 && name.toLowerCase() === "host") {
      hosts++;
      named = rawHeaders[i + 1] ?? "";
    } else if (framings.has(name.length) && framing.test(name)) lengths++;
  }
  if (hosts > 1 || (hosts === 0 && httpVersion === "1.1")) return "the request has not one Host";
  if (!host.test(named)) return "the Host is not a name with a port";
  if (!url.startsWith("/") && !scheme.test(url)) return "the target is not a path";
  if (lengths === 0) return undefined;
  const coding = request.headers["transfer-encoding"];
  if (lengths > 1) return "the length of the body is said twice";
  if (coding === undefined) return undefined;
  if (httpVersion === "1.0" || coding.toLowerCase() !== "chunked") return "the Transfer-Encoding is not chunked";
  return undefined;
}

function findInHttp2({ headers, url = "" }: Request): string | undefined {
  const { host: named, ":authority": authority } = headers;
  const names = [named, authority].filter((each) => each !== undefined);
  if (names.length === 0) return "the request has no authority";
  if (names.some((each) => typeof each !== "string" || !host.test(each)))
    return "the authority is not a name with a port";
  if (new Set(names).size > 1) return "the request has two authorities";
  return url.startsWith("/") ? undefined : "the target is not a path";
}
