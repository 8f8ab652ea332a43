// What the machine and the runtime do by themselves: the limits of the rows, taken in the same run.
import { closeSync, fsyncSync, mkdirSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { MachineLimits } from "./measures/measure.ts";
import { medianOf } from "./median.ts";
import { pickPort, residentBytes, startServer } from "./processes.ts";
import { bareCommand } from "./servers.ts";

const mebibyte = 2 ** 20;
const hashedMebibytes = 512;
const pageBytes = 4096;
const syncs = 200;
const starts = 3;

/** The limits that need no load, with `folder` on the disk that is measured. */
export async function measureLimits(folder: string): Promise<Omit<MachineLimits, "disk">> {
  return { hash: measureHash(), sync: measureSync(join(folder, "synced")), ...(await measureRuntime(folder)) };
}

function measureHash(): number {
  const block = new Uint8Array(mebibyte);
  const hash = new Bun.CryptoHasher("sha256");
  const begun = performance.now();
  for (let i = 0; i < hashedMebibytes; i++) hash.update(block);
  hash.digest();
  return (hashedMebibytes * mebibyte) / 1000 / (performance.now() - begun);
}

/** The median of a page written over another and synced, as a log that is used again is written. */
function measureSync(file: string): number {
  const page = new Uint8Array(pageBytes).fill(1);
  const fd = openSync(file, "w");
  try {
    for (let i = 0; i < syncs; i++) writeSync(fd, page, 0, pageBytes, i * pageBytes);
    fsyncSync(fd);
    const taken = Array.from({ length: syncs }, (_, i) => {
      const begun = performance.now();
      writeSync(fd, page, 0, pageBytes, i * pageBytes);
      fsyncSync(fd);
      return performance.now() - begun;
    });
    return medianOf(taken);
  } finally {
    closeSync(fd);
    rmSync(file);
  }
}

/** An empty server of the runtime: until its first answer in ms, and what it then holds in MiB. */
async function measureRuntime(folder: string): Promise<Pick<MachineLimits, "start" | "memory">> {
  const empty = join(folder, "empty");
  mkdirSync(empty);
  const [start, memory]: [number[], number[]] = [[], []];
  for (let i = 0; i < starts; i++) {
    const port = await pickPort();
    const command = bareCommand(process.execPath, port, empty);
    const running = await startServer(command, { port, cwd: folder, env: {}, path: "/" });
    start.push(running.startMilliseconds);
    memory.push(residentBytes(running.pid) / mebibyte);
    await running.stop();
  }
  return { start: medianOf(start), memory: medianOf(memory) };
}
