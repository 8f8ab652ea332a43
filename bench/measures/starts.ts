// From the start of a process to its first answer.
import { rmSync } from "node:fs";
import { join } from "node:path";
import { medianOf } from "../median.ts";
import { loadNumbers } from "../tools.ts";
import type { Measure } from "./measure.ts";

const pushingClients = 32;
/** How many starts make a figure: on a busy host one takes half as long again as another. */
const starts = 5;

export function listStarts(): readonly Measure[] {
  return [
    {
      rows: [
        {
          name: "start to first answer, empty folder",
          unit: "ms",
          reach: [{ limit: 150 }],
          limit: { by: "the runtime's own start", of: "start" },
        },
      ],
      scene: "new",
      async take({ server, folder }) {
        const own = join(folder, "start");
        const times: number[] = [];
        for (let i = 0; i < starts; i++) {
          const running = await server.start(own);
          await running.stop();
          rmSync(own, { recursive: true });
          times.push(running.startMilliseconds);
        }
        return [medianOf(times)];
      },
    },
    {
      rows: [
        {
          name: "start to first answer after kill -9 during pushes",
          unit: "ms",
          reach: [{ limit: 300 }],
          limit: { by: "the runtime's own start", of: "start" },
        },
      ],
      scene: "new",
      async take({ server, folder }) {
        const own = join(folder, "kill");
        const killed = await server.start(own);
        const pushing = loadNumbers("images", killed.port, pushingClients, pushingClients, 2).catch(() => undefined);
        await Bun.sleep(1000);
        await killed.kill();
        await pushing;
        const running = await server.start(own);
        await running.stop();
        rmSync(own, { recursive: true });
        return [running.startMilliseconds];
      },
    },
  ];
}
