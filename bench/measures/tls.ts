// Reads over TLS, each server with its own, HTTP/1.1 and HTTP/2.
import { tag } from "../servers.ts";
import { countGets, countGetsOverHttp2, downloadAgain, loaderOfHttp2 } from "../tools.ts";
import { blobPath, type Measure, repository, type Setting } from "./measure.ts";

const repeated = 3;
const rounds = 2;

export function listTls(setting: Setting): readonly Measure[] {
  const { seconds } = setting;
  const counted = (what: string, path: string): readonly Measure[] => [
    over(`${what} over TLS, HTTP/1.1`, "requests/s", "wrk", (origin) => countGets(`${origin}${path}`, seconds)),
    over(`${what} over TLS, HTTP/2`, "requests/s", loaderOfHttp2 ?? "h2load", (origin) =>
      countGetsOverHttp2(`${origin}${path}`, seconds),
    ),
  ];
  const streamed = (version: string, flag: string) =>
    over(`1 GiB blob GET over TLS, ${version}`, "MB/s", "curl", async (origin) => {
      return (await downloadAgain(`${origin}${blobPath(setting, 2)}`, repeated, flag)) / 1e6;
    });
  return [
    ...counted("manifest GET by tag", `/v2/${repository}/manifests/${tag}`),
    ...counted("10 KiB blob GET", blobPath(setting, 0)),
    streamed("HTTP/1.1", "--http1.1"),
    streamed("HTTP/2", "--http2"),
  ];
}

function over(
  name: string,
  unit: "requests/s" | "MB/s",
  needs: string,
  take: (origin: string) => Promise<number>,
): Measure {
  return {
    rows: [
      { name, unit, reach: [{ times: 1, of: "best" }], limit: { by: "the runtime's TLS and HTTP", of: "bare Bun" } },
    ],
    scene: "tls",
    rounds,
    needs,
    take: async (stage) => [await take(stage.running().origin)],
  };
}
