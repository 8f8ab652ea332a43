// What runs beside something that is measured: large downloads or pushes, at full speed, until they are stopped.
import { join } from "node:path";

export interface Background {
  stop(): Promise<void>;
}

const settleMilliseconds = 700;

/** Downloads again and again, each in a process of its own: curl reads faster than a loop that also does something else. */
export async function startDownloads(url: string, count: number): Promise<Background> {
  let isOver = false;
  const running = new Set<Bun.Subprocess>();
  const download = async () => {
    while (!isOver) {
      const curl = Bun.spawn(["curl", "-sf", "-o", "/dev/null", url]);
      running.add(curl);
      const code = await curl.exited;
      running.delete(curl);
      if (code !== 0 && !isOver) throw new Error(`a download ended with ${code}`);
    }
  };
  const downloads = Promise.all(Array.from({ length: count }, download));
  await Bun.sleep(settleMilliseconds);
  return {
    async stop() {
      isOver = true;
      for (const curl of running) curl.kill();
      await downloads;
    },
  };
}

/** Pushes again and again, by one process: each blob of `bytes` has a digest of its own. */
export async function startPushes(port: number, count: number, bytes: number): Promise<Background> {
  const command = [process.execPath, join(import.meta.dir, "blobs.ts"), String(port), "patch", String(count)];
  const child = Bun.spawn([...command, String(bytes), "forever"], { stdout: "pipe", stderr: "inherit" });
  const reader = child.stdout.getReader();
  await reader.read();
  await Bun.sleep(settleMilliseconds);
  return {
    async stop() {
      const code = child.exitCode;
      child.kill();
      await child.exited;
      if (code !== null) throw new Error(`the pushes ended with ${code}`);
    },
  };
}
