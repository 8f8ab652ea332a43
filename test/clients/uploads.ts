// Watches uploads arrive, for tests that end the server in the middle of one.
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { TestServer } from "../server.ts";

/** Waits until more than `size` bytes of an upload are on the disk. */
export async function waitForUpload({ data }: TestServer, size: number): Promise<void> {
  const uploads = join(data, "blobs", "uploads");
  for (let attempt = 0; attempt < 3000; attempt++) {
    const names = await readdir(uploads);
    const sizes = await Promise.all(names.map((name) => sizeOf(join(uploads, name))));
    if (sizes.some((each) => each > size)) return;
    await Bun.sleep(10);
  }
  throw new Error("no upload has come that far");
}

/** 0 for a file that has just gone. */
function sizeOf(file: string): Promise<number> {
  return stat(file).then(
    ({ size }) => size,
    () => 0,
  );
}
