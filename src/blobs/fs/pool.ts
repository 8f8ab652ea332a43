// The workers that hash and write. An upload stays with one worker, so its chunks stay in order.
import { availableParallelism } from "node:os";
import { toFault } from "./errors.ts";
import type { LayerAnswer, LayerOrder } from "./layer-work.ts";
import type { Answer, Order, Reply, Request } from "./worker.ts";

export interface Pool {
  /** Asks the worker of `id`. Faults: full, busy store. */
  ask(id: string, order: Exclude<Order, { op: "chunk" } | LayerOrder>): Promise<Answer>;
  /** Asks the worker beside that of `id` about a layer: the two hashes of a plain one then run at the same time. */
  askBeside(id: string, order: Exclude<LayerOrder, { op: "look" }>): Promise<LayerAnswer>;
  /** Has the worker of `id` hash and write `bytes`, which it takes and gives back. Faults: full, busy store. */
  write: Pass;
  /** Has the worker beside look at `bytes` of a layer, which it takes and gives back. */
  look: Pass;
  close(): void;
}

export type Pass = (id: string, bytes: Uint8Array<ArrayBuffer>) => Promise<Uint8Array<ArrayBuffer>>;

interface Waiting {
  resolve(answer: Answer): void;
  reject(error: unknown): void;
}

const maxWorkers = 4;

/** A file that is no upload has a name that is no number. */
function placeOf(id: string): number {
  return Number.parseInt(id.slice(-4), 16) || 0;
}

export function openPool(): Pool {
  const waiting = new Map<number, Waiting>();
  let calls = 0;
  const workers = Array.from({ length: Math.min(maxWorkers, availableParallelism()) }, () => {
    const worker = new Worker(new URL("./worker.ts", import.meta.url).href);
    worker.onmessage = ({ data }: MessageEvent<Reply>) => {
      const waiter = waiting.get(data.call);
      waiting.delete(data.call);
      if ("error" in data) waiter?.reject(toFault(Object.assign(new Error(data.error.message), data.error)));
      else waiter?.resolve(data);
    };
    return worker;
  });

  const send = (place: number, order: Order): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const call = ++calls;
      waiting.set(call, { resolve, reject });
      const moved = order.op === "chunk" || order.op === "look" ? [order.bytes.buffer] : [];
      workers[place % workers.length]?.postMessage({ ...order, call } satisfies Request, moved);
    });
  const pass =
    (op: "chunk" | "look", distance: number): Pass =>
    async (id, bytes) => {
      const { bytes: passed } = await send(placeOf(id) + distance, { op, id, bytes });
      if (passed === undefined) throw new Error("a worker kept what it was given");
      return passed;
    };

  return {
    ask: (id, order) => send(placeOf(id), order),
    askBeside: (id, order) => send(placeOf(id) + 1, order),
    write: pass("chunk", 0),
    look: pass("look", 1),
    close: () => {
      for (const worker of workers) worker.terminate();
    },
  };
}
