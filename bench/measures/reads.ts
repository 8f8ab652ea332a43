// Reads of small things: manifests and blobs, requests per second, and what they cost the server.

import { cpuMicroseconds } from "../processes.ts";
import { tag } from "../servers.ts";
import { countGets, countHeads, loadNumber } from "../tools.ts";
import {
  blobPath,
  type Limit,
  type Measure,
  pulledRepository,
  type Reach,
  type Row,
  repository,
  type Setting,
} from "./measure.ts";

const manifestGet = "manifest GET by tag";
const runtime: Limit = { by: "the runtime's HTTP server", of: "bare Bun" };
/** A server reads a file into its memory and writes it into the socket; nginx has the kernel do both at once. */
const copies: Limit = { by: "copying each byte into the socket, which sendfile need not", of: "nginx" };

export function listReads(setting: Setting): readonly Measure[] {
  const { image, seconds } = setting;
  const byTag = `/v2/${repository}/manifests/${tag}`;
  const byDigest = `/v2/${repository}/manifests/${image.digest}`;
  const gets = (name: string, path: string, reach: readonly Reach[], limit: Limit = runtime): Measure => ({
    rows: [{ name, unit: "requests/s", reach, limit }],
    scene: "image",
    needs: "wrk",
    take: async (stage) => [await countGets(`${stage.running().origin}${path}`, seconds)],
  });
  const heads = (name: string, path: string, reaches: readonly [readonly Reach[], readonly Reach[]]): Measure => ({
    rows: [
      { name, unit: "requests/s", reach: reaches[0], limit: runtime },
      { name: `server CPU per ${name}`, unit: "µs", reach: reaches[1], limit: runtime },
    ],
    scene: "image",
    needs: "bombardier",
    take: (stage) => countHeads(stage.running(), path, seconds),
  });
  const ofNginx: Reach = { times: 0.5, of: "nginx" };
  const ofHead: readonly [readonly Reach[], readonly Reach[]] = [
    [{ times: 1.8, of: "zot" }],
    [{ times: 0.4, of: "zot" }],
  ];
  const logged: Row = {
    name: "manifest GET by tag, our access log on",
    unit: "requests/s",
    reach: [{ times: 0.4, of: "nginx", row: manifestGet }],
    limit: { by: "the runtime's HTTP server, and a line of JSON for each request" },
  };
  return [
    gets(manifestGet, byTag, [{ times: 2.5, of: "zot" }, ofNginx]),
    { ...gets("", byTag, []), rows: [logged], scene: "logging" },
    gets("manifest GET by digest", byDigest, [{ times: 2.5, of: "zot" }, ofNginx]),
    heads("manifest HEAD by tag", byTag, ofHead),
    heads("manifest HEAD by digest", byDigest, ofHead),
    gets("10 KiB blob GET", blobPath(setting, 0), [ofNginx, { times: 2.5, of: "best" }]),
    heads("10 KiB blob HEAD", blobPath(setting, 0), [[{ times: 2.5, of: "best" }], []]),
    gets("1 MiB blob GET", blobPath(setting, 1), [{ times: 1, of: "best" }], copies),
    pullOf(setting),
  ];
}

function pullOf({ pulled, seconds }: Setting): Measure {
  const blobs = [pulled.config, ...pulled.layers].map(({ digest }) => `/v2/${pulledRepository}/blobs/${digest}`);
  return {
    rows: [
      {
        name: "server CPU per pulled image (manifest, config, 5 layers of 1 MiB)",
        unit: "µs",
        reach: [{ times: 0.7, of: "best" }],
        limit: copies,
      },
    ],
    scene: "image",
    async take(stage) {
      const { pid, port } = stage.running();
      const before = cpuMicroseconds(pid);
      const pulls = await loadNumber("pulls", port, seconds, `/v2/${pulledRepository}/manifests/${tag}`, ...blobs);
      return [(cpuMicroseconds(pid) - before) / pulls];
    },
  };
}
