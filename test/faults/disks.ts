// Disks that fail on command: one that fills up, one that turns read-only under a running server. Needs root.
import { statfsSync } from "node:fs";
import { mkdir, mkdtemp, open, rm, truncate } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Disk {
  /** Where it is mounted. */
  readonly folder: string;
  remount(options: string): void;
  /** Unmounts it; nobody may use it any more. */
  remove(): Promise<void>;
}

/** A disk in memory of so many mebibytes. */
export async function mountMemory(mebibytes: number): Promise<Disk> {
  const home = await mkdtemp(join(tmpdir(), "berth-disk-"));
  const folder = join(home, "disk");
  await mkdir(folder);
  run("mount", "-t", "tmpfs", "-o", `size=${mebibytes}m`, "tmpfs", folder);
  return diskOf(home, folder);
}

/** A disk with a file system that gives up when told `abort`, as it does when its device fails: then it is read-only. */
export async function mountImage(mebibytes: number): Promise<Disk> {
  const home = await mkdtemp(join(tmpdir(), "berth-disk-"));
  const folder = join(home, "disk");
  const image = join(home, "image");
  await mkdir(folder);
  await Bun.write(image, "");
  await truncate(image, mebibytes * 2 ** 20);
  run("mkfs.ext4", "-q", "-F", image);
  run("mount", "-o", "loop", image, folder);
  return diskOf(home, folder);
}

function diskOf(home: string, folder: string): Disk {
  return {
    folder,
    remount: (options) => run("mount", "-o", `remount,${options}`, folder),
    async remove() {
      run("umount", folder);
      await rm(home, { recursive: true });
    },
  };
}

/** Takes all the space of a disk but `leaveBytes`; returns how to give it back. */
export async function fillDisk({ folder }: Disk, leaveBytes: number): Promise<() => Promise<void>> {
  const path = join(folder, "ballast");
  const file = await open(path, "w");
  try {
    const page = new Uint8Array(4096);
    for (;;) {
      const { bavail, bsize } = statfsSync(folder);
      if (bavail * bsize <= leaveBytes) break;
      await file.write(page);
    }
  } finally {
    await file.close();
  }
  return () => rm(path);
}

function run(...command: string[]): void {
  const { exitCode, stderr } = Bun.spawnSync(command);
  if (exitCode !== 0) throw new Error(`${command.join(" ")}: ${stderr.toString()}`);
}
