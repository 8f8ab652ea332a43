// Pushes: large blobs, and many small images.
import { startPushes } from "../load/background.ts";
import { loadNumber, loadNumbers } from "../tools.ts";
import type { Limit, Measure, Reach, Row, Setting } from "./measure.ts";

const manyBytes = 256 * 2 ** 20;
const together = 8;
/** A gigabyte takes 2.5 s of processor time of the server and 0.5 of the client, on two cores. */
const disk: Limit = { by: "the disk, and two cores: receiving, SHA-256, copying", of: "disk" };
const perPush: Limit = { by: "processor time: the clients have one core of two, the server the other" };

export function listPushes(setting: Setting): readonly Measure[] {
  return [...listLargePushes(setting), ...listSmallPushes(setting)];
}

function listLargePushes({ largeBytes }: Setting): readonly Measure[] {
  const large = (name: string, way: string, clients: number, bytes: number): Measure => ({
    rows: [{ name, unit: "MB/s", reach: [{ times: 1.2, of: "best" }], limit: disk }],
    scene: "new",
    take: async (stage) => [(await loadNumber("blobs", stage.running().port, way, clients, bytes, "once")) / 1e6],
  });
  return [
    large("1 GiB blob push, PUT", "put", 1, largeBytes),
    large("1 GiB blob push, PATCH", "patch", 1, largeBytes),
    large(`${together} × 256 MiB blob push at once, sum`, "patch", together, manyBytes),
  ];
}

function listSmallPushes({ seconds, largeBytes }: Setting): readonly Measure[] {
  const small = (clients: number, repositories: number, rows: readonly [Row, ...(Row | undefined)[]]): Measure => ({
    rows: rows.filter((row) => row !== undefined),
    scene: "new",
    async take(stage) {
      const figures = await loadNumbers("images", stage.running().port, clients, repositories, seconds);
      return figures.filter((_, i) => rows[i] !== undefined);
    },
  });
  const rate = (name: string, reach: readonly Reach[]): Row => ({ name, unit: "pushes/s", reach, limit: perPush });
  const six: Reach = { times: 6, of: "best" };
  return [
    small(1, 1, [
      rate("small pushes, 1 client", []),
      {
        name: "p50 of a small push, 1 client",
        unit: "ms",
        reach: [{ times: 0.6, of: "zot" }],
        limit: { by: "three syncs", of: "sync", times: 3 },
      },
    ]),
    small(32, 200, [rate("small pushes, 32 clients, 200 repositories", [six])]),
    small(32, 1, [rate("small pushes, 32 clients, one repository", [six])]),
    small(200, 3000, [
      rate("small pushes, 200 clients, 3,000 repositories", [six]),
      undefined,
      {
        name: "p99 of a small push, 200 clients, 3,000 repositories",
        unit: "ms",
        reach: [{ times: 0.2, of: "best" }],
        limit: perPush,
      },
    ]),
    {
      rows: [
        rate(`small pushes, 32 clients, beside ${together} × 1 GiB pushes`, []),
        {
          name: `the same, as a part of small pushes alone`,
          unit: "ratio",
          reach: [{ limit: 0.3 }],
          limit: { by: "the large ones take both cores and keep the disk busy while small ones wait for their syncs" },
        },
      ],
      scene: "new",
      async take(stage) {
        const { port } = stage.running();
        const [alone = Number.NaN] = await loadNumbers("images", port, 32, 200, seconds);
        const large = await startPushes(port, together, largeBytes);
        const [beside = Number.NaN] = await loadNumbers("images", port, 32, 200, seconds).finally(large.stop);
        return [beside, beside / alone];
      },
    },
  ];
}
