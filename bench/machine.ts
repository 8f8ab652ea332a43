// The machine under the measurements: left alone before each, and what it can do by itself.
import { rmSync } from "node:fs";
import { availableParallelism, cpus, totalmem } from "node:os";
import { join } from "node:path";
import { measureLimits } from "./limits.ts";
import type { MachineLimits } from "./measures/measure.ts";
import { medianOf } from "./median.ts";
import { run } from "./processes.ts";
import { waitForQuiet } from "./quiet.ts";

export interface Machine {
  /** Waits until others leave it alone. Before writes, memory and disk are made the same for everybody. */
  settle(isWrite: boolean): Promise<void>;
  /** What the disk does with a GiB of random data by itself, synced, in MB/s: `dd conv=fsync`. */
  measureDisk(): Promise<void>;
  /** What it does by itself. The disk has no figure before `measureDisk`. */
  limits(): Promise<MachineLimits>;
  /** Sentences about it. */
  describe(): Promise<readonly string[]>;
}

const warmBytes = 2 ** 31;
const mebibyte = 2 ** 20;
const maxSentence = 300;

/** The machine, with a folder on the disk that is measured. `patience`: how many seconds it is waited for, at most. */
export function openMachine(folder: string, patience: number): Machine {
  let taken = 0;
  let disturbed = 0;
  const disk: number[] = [];
  const machine: Machine = {
    async settle(isWrite) {
      // Nobody pays for what another left unwritten, nor for memory that a virtual machine touches for the first time:
      // that costs more than the writing itself, and whoever comes first would pay it.
      await run(["sync"]);
      taken++;
      if (!(await waitForQuiet(patience))) disturbed++;
      if (!isWrite) return;
      const file = join(folder, "warm");
      await run(["dd", "if=/dev/zero", `of=${file}`, "bs=1M", `count=${warmBytes / mebibyte}`]);
      rmSync(file);
    },
    async measureDisk() {
      const [from, to] = [join(folder, "random"), join(folder, "written")];
      await run(["dd", "if=/dev/urandom", `of=${from}`, "bs=1M", "count=1024"]);
      await machine.settle(true);
      const begun = performance.now();
      await run(["dd", `if=${from}`, `of=${to}`, "bs=1M", "conv=fsync"]);
      disk.push(2 ** 30 / 1e6 / ((performance.now() - begun) / 1000));
      rmSync(from);
      rmSync(to);
    },
    async limits() {
      await machine.settle(false);
      return { disk: medianOf(disk), ...(await measureLimits(folder)) };
    },
    async describe() {
      const fileSystem = (await run(["stat", "-f", "-c", "%T", folder])).trim();
      const model = cpus()[0]?.model ?? "unknown";
      const memory = Math.round(totalmem() / 2 ** 30);
      return [
        `${new Date().toISOString().slice(0, 10)}, ${process.platform} ${process.arch}, ${availableParallelism()} cores (${model}), ${memory} GiB; clients and servers share them.`,
        `Data of all servers on one disk (${fileSystem}).`,
        ...(disk.length === 0
          ? []
          : [
              `The disk alone, a GiB by dd conv=fsync from memory: ${disk.map((each) => Math.round(each)).join(", ")} MB/s (one in each round).`,
            ]),
        `${disturbed} of ${taken} measurements began although others were busy on the machine; what began later is not seen.`,
      ];
    },
  };
  return machine;
}

export function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** What failed, in one line for the report. */
export function sentenceOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.replaceAll(/\s+/g, " ").slice(0, maxSentence);
}
