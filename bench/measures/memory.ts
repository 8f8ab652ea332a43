// Resident memory of a server with its workers, each on one that was just started.
import { type Running, residentBytes } from "../processes.ts";
import { downloadTogether, load } from "../tools.ts";
import { blobPath, type Limit, type Measure, type Reach, type Scene, type Setting } from "./measure.ts";

const clients = 64;
const downloads = 8;
const leastSeconds = 3;
const idle = "memory: idle";
const runtime: Limit = { by: "an empty server of the runtime", of: "memory" };

export function listMemory(setting: Setting): readonly Measure[] {
  const large = blobPath(setting, 2);
  const seconds = Math.max(leastSeconds, setting.seconds);
  const slow = (mode: string) => (running: Running) =>
    peakOf(running, load("slow", running.port, mode, large, clients, seconds));
  return [
    memory({ name: idle, scene: "new", reach: [{ limit: 90 }] }, async ({ pid }) => residentBytes(pid)),
    memory({ name: "memory: after eight 1 GiB GETs", scene: "image", reach: [{ limit: 120 }] }, async (running) => {
      await downloadTogether(`${running.origin}${large}`, downloads);
      return residentBytes(running.pid);
    }),
    memory(
      { name: `memory: most beside ${clients} slow downloads`, scene: "image", reach: [{ above: idle, by: 60 }] },
      slow("readers"),
    ),
    memory(
      { name: `memory: most beside ${clients} slow uploads`, scene: "new", reach: [{ above: idle, by: 150 }] },
      slow("uploads"),
    ),
  ];
}

function memory(
  { name, scene, reach }: { readonly name: string; readonly scene: Scene; readonly reach: readonly Reach[] },
  bytesOf: (running: Running) => Promise<number>,
): Measure {
  return {
    rows: [{ name, unit: "MiB", reach, limit: runtime }],
    scene,
    rounds: 1,
    take: async (stage) => [(await bytesOf(await stage.restart())) / 2 ** 20],
  };
}

/** The most that is held until `done`, looked at ten times a second. */
async function peakOf({ pid }: Running, done: Promise<unknown>): Promise<number> {
  let peak = residentBytes(pid);
  const timer = setInterval(() => {
    peak = Math.max(peak, residentBytes(pid));
  }, 100);
  await done.finally(() => clearInterval(timer));
  return peak;
}
