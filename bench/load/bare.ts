// bare.ts PORT FOLDER [CERTIFICATE KEY]: the runtime's own HTTP server with nothing behind it, the limit for whoever stands on
// it. It answers with the files of FOLDER under their paths: small ones from memory, larger ones as streams.
import { createReadStream, readdirSync, readFileSync, statSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createSecureServer, type Http2ServerRequest, type Http2ServerResponse } from "node:http2";
import { join } from "node:path";

const smallBytes = 64 * 1024;
const [port = "", folder = "", certificate, key] = process.argv.slice(2);

const small = new Map<string, Buffer>();
const large = new Map<string, { readonly file: string; readonly size: number }>();
for (const path of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
  const file = join(folder, path);
  const stats = statSync(file);
  if (!stats.isFile()) continue;
  if (stats.size <= smallBytes) small.set(`/${path}`, readFileSync(file));
  else large.set(`/${path}`, { file, size: stats.size });
}

/** The compatible part of an answer of HTTP/2 is an answer of HTTP/1.1 in all that is used here. */
function serve({ method, url = "/" }: IncomingMessage | Http2ServerRequest, response: ServerResponse): void {
  const bytes = small.get(url);
  const stored = large.get(url);
  const size = bytes?.byteLength ?? stored?.size ?? 0;
  response.writeHead(size > 0 || url === "/" ? 200 : 404, {
    "Content-Type": "application/octet-stream",
    "Content-Length": String(size),
  });
  if (method !== "HEAD" && stored !== undefined) createReadStream(stored.file).pipe(response);
  else response.end(method === "HEAD" ? undefined : bytes);
}

if (certificate === undefined || key === undefined) createServer(serve).listen(Number(port), "127.0.0.1");
else {
  const pair = { cert: readFileSync(certificate), key: readFileSync(key) };
  const serveBoth = (request: Http2ServerRequest, response: Http2ServerResponse) =>
    serve(request, response as unknown as ServerResponse);
  createSecureServer({ ...pair, allowHTTP1: true }, serveBoth).listen(Number(port), "127.0.0.1");
}
