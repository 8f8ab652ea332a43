// The words of a measurement: what is measured, on what, and what it is to reach.
import type { Certificate } from "../certificate.ts";
import type { Image } from "../content.ts";
import type { Running } from "../processes.ts";
import type { Server } from "../servers.ts";

export type Unit = "requests/s" | "MB/s" | "pushes/s" | "ratio" | "ms" | "µs" | "MiB";

export type Reach =
  /**
   * As many times as much as another server: `best` is the best of the registries. Where less is better, at most so much.
   * `row`: of its figure there, when that is another.
   */
  | { readonly times: number; readonly of: string; readonly row?: string }
  /** So much, whatever the others have. */
  | { readonly limit: number }
  /** So much above another row's figure. */
  | { readonly above: string; readonly by: number };

/** What bounds a row, and, where that has a figure, how far the row is from it. */
export interface Limit {
  readonly by: string;
  /** A server whose figure in this row is the limit, or one of the limits of the machine. */
  readonly of?: "nginx" | "bare Bun" | keyof MachineLimits;
  /** How many times of that. */
  readonly times?: number;
}

/** What the machine does by itself, each in the unit of the rows that it bounds. */
export interface MachineLimits {
  /** A GiB written and synced, in MB/s. */
  readonly disk: number;
  /** SHA-256 on one thread, in MB/s. */
  readonly hash: number;
  /** A page of 4 KiB written behind others and synced, in ms. */
  readonly sync: number;
  /** An empty server of the runtime: to its first answer in ms, and what it then holds in MiB. */
  readonly start: number;
  readonly memory: number;
}

/** One line of the report. */
export interface Row {
  readonly name: string;
  readonly unit: Unit;
  readonly reach: readonly Reach[];
  readonly limit?: Limit;
}

/**
 * What a server holds, and how it was started. `image`: the images of the bench. `logging`: the same, with a line for each
 * request. `tls`: the same, over HTTPS. `lists`: many repositories and tags. `new`: nothing.
 * In the order of a round: what is pushed goes to a disk without the images.
 */
export type Scene = "image" | "logging" | "tls" | "lists" | "new";
export const scenes: readonly Scene[] = ["new", "image", "logging", "tls", "lists"];

/** A server that is being measured. */
export interface Stage {
  readonly server: Server;
  readonly folder: string;
  running(): Running;
  /** Ends it and starts it again on the same folder. */
  restart(): Promise<Running>;
}

export interface Measure {
  readonly rows: readonly Row[];
  readonly scene: Scene;
  /** In how many rounds it is taken, at most. */
  readonly rounds?: number;
  /** The program without which it cannot be taken. */
  readonly needs?: string;
  /** One figure for each row, in their order. */
  take(stage: Stage): Promise<readonly number[]>;
}

export const repository = "bench/image";
export const pulledRepository = "bench/pulled";

/** What the measures know of the run. */
export interface Setting {
  /** In `bench/image`: layers of 10 KiB, 1 MiB and `largeBytes`. */
  readonly image: Image;
  /** In `bench/pulled`. */
  readonly pulled: Image;
  readonly seconds: number;
  readonly largeBytes: number;
  readonly certificate: Certificate;
}

/** Whether more is better. */
export function isMoreBetter(unit: Unit): boolean {
  return unit.endsWith("/s") || unit === "ratio";
}

/** The path of a blob in the repository of the image. */
export function blobPath({ image }: Setting, layer: number): string {
  const blob = image.layers[layer];
  if (blob === undefined) throw new Error(`the image has no layer ${layer}`);
  return `/v2/${repository}/blobs/${blob.digest}`;
}
