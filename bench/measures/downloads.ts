// Large downloads, and what else waits while they run.
import { makeSmallImage } from "../content.ts";
import { openConnection } from "../load/connection.ts";
import { pushImage } from "../load/pushing.ts";
import { tag } from "../servers.ts";
import { download, downloadAgain, downloadTogether, loadNumber } from "../tools.ts";
import { blobPath, type Limit, type Measure, type Reach, repository, type Setting } from "./measure.ts";

const together = 8;
const repeated = 5;
/** Of so many seconds is the 99th percentile, at least: 300 requests in each. */
const leastSeconds = 3;
/** One core copies into the socket while curl copies out of it on the other. */
const copies: Limit = { by: "copying, on both sides of the socket", of: "nginx" };

export function listDownloads(setting: Setting): readonly Measure[] {
  const { seconds, largeBytes } = setting;
  const large = blobPath(setting, 2);
  const byTag = `/v2/${repository}/manifests/${tag}`;
  const beside = (kind: string, what: string | number, reach: readonly Reach[]): Measure => ({
    rows: [
      {
        name: `p99 of manifest GETs, 300/s, beside ${together} × 1 GiB ${kind}`,
        unit: "ms",
        reach,
        limit: { by: "the scheduler: many threads on two cores" },
      },
    ],
    scene: kind === "pushes" ? "new" : "image",
    async take(stage) {
      const { port } = stage.running();
      if (kind === "pushes") await pushSmall(port);
      return [await loadNumber("beside", port, byTag, kind, together, what, Math.max(leastSeconds, seconds))];
    },
  });
  return [
    {
      rows: [
        {
          name: "1 GiB blob GET, one stream",
          unit: "MB/s",
          reach: [{ times: 0.65, of: "nginx" }],
          limit: copies,
        },
      ],
      scene: "image",
      take: async (stage) => [(await downloadAgain(`${stage.running().origin}${large}`, repeated)) / 1e6],
    },
    {
      rows: [
        {
          name: `1 GiB blob GET, ${together} streams, sum`,
          unit: "MB/s",
          reach: [{ times: 0.9, of: "nginx" }],
          limit: copies,
        },
      ],
      scene: "image",
      async take(stage) {
        const url = `${stage.running().origin}${large}`;
        await download(url);
        return [(together * largeBytes) / 1e6 / (await downloadTogether(url, together))];
      },
    },
    beside("downloads", large, [{ times: 1.3, of: "nginx" }]),
    beside("pushes", largeBytes, [{ times: 1, of: "best" }]),
  ];
}

/** Puts an image where the others hold theirs. */
async function pushSmall(port: number): Promise<void> {
  const connection = await openConnection(port);
  await pushImage(connection, repository, tag, makeSmallImage("beside"));
  connection.close();
}
