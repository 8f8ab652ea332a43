// Waits until others leave the machine alone: figures taken while they do not are those of the scheduler.
import { readFileSync } from "node:fs";

const busyShare = 0.15;
const lookMilliseconds = 500;

interface Ticks {
  readonly idle: number;
  readonly all: number;
}

/** What the processors have done since the machine started. https://man7.org/linux/man-pages/man5/proc_stat.5.html */
function readTicks(): Ticks {
  const ticks = (readFileSync("/proc/stat", "utf8").split("\n", 1)[0] ?? "").trim().split(/\s+/).slice(1).map(Number);
  return { idle: (ticks[3] ?? 0) + (ticks[4] ?? 0), all: ticks.reduce((sum, each) => sum + each, 0) };
}

/** True after half a second in which little else ran; false when none came in time. The same for every server. */
export async function waitForQuiet(seconds: number): Promise<boolean> {
  const until = performance.now() + seconds * 1000;
  while (performance.now() < until) {
    const before = readTicks();
    await Bun.sleep(lookMilliseconds);
    const after = readTicks();
    if (1 - (after.idle - before.idle) / (after.all - before.all) < busyShare) return true;
  }
  return false;
}
