// The thread that owns the writing connection. Its entry file hands it the catalogue: db/ knows no room.
import type { Database } from "bun:sqlite";
import { Fault, type FaultRecord, toRecord } from "#lib/fault";
import { type Member, type Outcome, outcomeOf } from "../outcome.ts";
import type { Catalogue } from "../transaction.ts";
import { openBatches } from "./batch.ts";
import { openWriting, type Synchronous } from "./connection.ts";
import { toFault } from "./errors.ts";
import { migrateSqlite } from "./migrate.ts";

declare const self: Worker;

export interface WriterOptions {
  readonly file: string;
  /** `off` for tests only. */
  readonly synchronous: Synchronous;
  /** A bound on the file, in pages: tests reach it to see a full disk. */
  readonly maxPageCount: number | undefined;
}

export type WriterOrder =
  | { readonly open: WriterOptions }
  | { readonly batch: readonly Member[] }
  | { readonly close: true };

export type WriterReply =
  | { readonly opened: true }
  | { readonly outcomes: readonly Outcome[] }
  | { readonly closed: true }
  | { readonly failed: FaultRecord | string };

/** Serves orders that arrive at this worker until it is told to close. Called once, by the worker's entry file. */
export function serveWriter(catalogue: Catalogue): void {
  let database: Database | undefined;
  let run: ((members: readonly Member[]) => Outcome[]) | undefined;
  let file = "";

  const open = (options: WriterOptions): WriterReply => {
    file = options.file;
    database = openWriting(file, options.synchronous);
    migrateSqlite(database, file);
    if (options.maxPageCount !== undefined) database.run(`pragma max_page_count = ${options.maxPageCount}`);
    run = openBatches(database, { catalogue, file, synchronous: options.synchronous });
    return { opened: true };
  };

  const close = (): WriterReply => {
    database?.run("pragma wal_checkpoint(truncate)");
    database?.close();
    return { closed: true };
  };

  let gathered: Member[] = [];
  const commit = () => {
    const members = gathered;
    gathered = [];
    try {
      postMessage({ outcomes: run?.(members) ?? [] } satisfies WriterReply);
    } catch (error) {
      // A mistake in what a transaction gives back: this thread goes on, and nobody waits for ever.
      const outcome = outcomeOf(toFault(error, file));
      postMessage({ outcomes: members.map(() => outcome) } satisfies WriterReply);
    }
  };

  self.onmessage = ({ data }: MessageEvent<WriterOrder>) => {
    if ("batch" in data) {
      // What came meanwhile is one batch with it.
      if (gathered.length === 0) setImmediate(commit);
      gathered = gathered.concat(data.batch);
      return;
    }
    try {
      postMessage("close" in data ? close() : open(data.open));
    } catch (error) {
      const fault = toFault(error, file);
      const failed = fault instanceof Fault ? toRecord(fault) : String(fault);
      postMessage({ failed } satisfies WriterReply);
    }
  };
}
