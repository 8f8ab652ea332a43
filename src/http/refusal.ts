// What goes to a connection whose request never became a Call: the parser refused it, it was too slow, or it asked for a
// tunnel.
import { STATUS_CODES } from "node:http";
import { errorCode, Fault } from "#lib/fault";
import { type Answer, hasLength } from "./answer.ts";

/** Why the HTTP parser gave up. */
export function faultOfParser(error: Error): Fault {
  const code = errorCode(error);
  if (code === "HPE_HEADER_OVERFLOW")
    return new Fault("too-large", "request", "the headers of the request are too large");
  if (code === "ERR_HTTP_REQUEST_TIMEOUT") return tooSlow();
  return new Fault("invalid", "request", "the request is not valid HTTP");
}

/** The headers did not come in time. */
export function tooSlow(): Fault {
  return new Fault("invalid", "timeout", "the headers of the request took too long");
}

/** CONNECT, whatever its target. */
export function noTunnel(): Fault {
  return new Fault("unsupported", "method", "this server is no proxy");
}

/** An answer as bytes on the wire, the last of its connection. */
export function wireOf({ status, reason, headers, body }: Answer, now: number): string {
  const text = body instanceof Uint8Array ? new TextDecoder().decode(body) : "";
  const lines = headers.flatMap((each, i) => (i % 2 === 0 ? [`${each}: ${headers[i + 1]}`] : []));
  const head = [
    `HTTP/1.1 ${status} ${reason ?? STATUS_CODES[status]}`,
    ...lines,
    ...(hasLength(headers) ? [] : [`Content-Length: ${Buffer.byteLength(text)}`]),
    `Date: ${new Date(now).toUTCString()}`,
    "Connection: close",
  ];
  return `${head.join("\r\n")}\r\n\r\n${text}`;
}
