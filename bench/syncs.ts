// Who syncs: the calls of fsync and fdatasync that a server makes during a push, counted by strace, so that the figures of
// pushes can be read with what they promise.
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { makeBlob, makeSmallImage } from "./content.ts";
import { openConnection } from "./load/connection.ts";
import { pushBlob, pushImage } from "./load/pushing.ts";
import { findProgram, type Running } from "./processes.ts";

export interface Syncs {
  readonly smallPush: number;
  readonly largeBlob: number;
  /** What is synced for the large blob, below the server's folder: ids and digests as `…`, with how often. */
  readonly places: readonly string[];
}

const largeBytes = 8 * 1024 * 1024;
const settleMilliseconds = 700;

/** Syncs during one small push and one blob of 8 MiB, the first of each not counted; undefined without strace. */
export async function countSyncs(running: Running, folder: string): Promise<Syncs | undefined> {
  const strace = findProgram("strace");
  if (strace === undefined) return undefined;
  const connection = await openConnection(running.port);
  const push = async (name: string) => {
    await pushImage(connection, "bench/syncs", name, makeSmallImage(name));
  };
  const pushLarge = (name: string) => pushBlob(connection, "bench/syncs", makeBlob(largeBytes, name), "patch");
  await push("first");
  await pushLarge("first large");
  const small = await traced(strace, running.pid, folder, () => push("second"));
  const large = await traced(strace, running.pid, folder, () => pushLarge("second large"));
  connection.close();
  return { smallPush: small.length, largeBlob: large.length, places: placesOf(large) };
}

async function traced(strace: string, pid: number, folder: string, act: () => Promise<void>): Promise<string[]> {
  const file = join(folder, "strace");
  const calls = "trace=fsync,fdatasync,syncfs,sync_file_range,msync";
  const child = Bun.spawn([strace, "-f", "-y", "-p", String(pid), "-e", calls, "-o", file], {
    stdout: "ignore",
    stderr: "ignore",
  });
  await Bun.sleep(settleMilliseconds);
  if (child.exitCode !== null) throw new Error("strace may not look at the server");
  await act();
  await Bun.sleep(settleMilliseconds);
  child.kill("SIGINT");
  await child.exited;
  const lines = readFileSync(file, "utf8").split("\n");
  rmSync(file);
  return lines.filter((line) => /^\d+\s+(?:f(?:data)?sync|syncfs|sync_file_range|msync)\(/.test(line));
}

function placesOf(lines: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const line of lines) {
    const path = /<([^>]+)>/.exec(line)?.[1]?.replace(/^.*-syncs\//, "") ?? "?";
    const place = path.replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{32,}/g, "…").replace(/\d{5,}/, "…");
    counts.set(place, (counts.get(place) ?? 0) + 1);
  }
  return [...counts].map(([place, count]) => `\`${place}\`${count > 1 ? ` ${count}×` : ""}`);
}
