// The thread that owns the writing connection. Its entry file hands it the catalogue: db/ knows no room.
import type { Database } from "bun:sqlite";
import type { Catalogue } from "../transaction.ts";
import { type Member, type Outcome, openBatches } from "./batch.ts";
import { openWriting, type Synchronous } from "./connection.ts";
import { migrateSqlite } from "./migrate.ts";

declare const self: Worker;

export type WriterOrder =
  | { readonly open: { readonly file: string; readonly synchronous: Synchronous; readonly maxPageCount?: number } }
  | { readonly batch: readonly Member[] }
  | { readonly close: true };

export type WriterReply =
  | { readonly opened: true }
  | { readonly failed: string; readonly code?: string }
  | { readonly outcomes: readonly Outcome[] }
  | { readonly closed: true };

/** Serves orders that arrive at this worker until it is told to close. Called once, by the worker's entry file. */
export function serveWriter(catalogue: Catalogue): void {
  let database: Database | undefined;
  let run: ((members: readonly Member[]) => Outcome[]) | undefined;
  const reply = (message: WriterReply) => postMessage(message);

  const open = (order: { file: string; synchronous: Synchronous; maxPageCount?: number }) => {
    database = openWriting(order.file, order.synchronous);
    migrateSqlite(database, order.file);
    if (order.maxPageCount !== undefined) database.run(`pragma max_page_count = ${order.maxPageCount}`);
    run = openBatches(database, catalogue, order.file);
    reply({ opened: true });
  };

  self.onmessage = ({ data }: MessageEvent<WriterOrder>) => {
    if ("batch" in data) return reply({ outcomes: run?.(data.batch) ?? [] });
    if ("close" in data) {
      database?.run("pragma wal_checkpoint(truncate)");
      database?.close();
      return reply({ closed: true });
    }
    try {
      return open(data.open);
    } catch (error) {
      return reply({ failed: error instanceof Error ? error.message : String(error) });
    }
  };
}
