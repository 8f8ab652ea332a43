// The workers that hash and write. An upload stays with one worker, so its chunks stay in order.
import { availableParallelism } from "node:os";
import { toFault } from "./errors.ts";
import type { Answer, Order, Reply, Request } from "./worker.ts";

export interface Pool {
  /** Asks the worker of `id`. Faults: full, busy store. */
  ask(id: string, order: Exclude<Order, { op: "chunk" }>): Promise<Answer>;
  /** Has the worker of `id` hash and write `bytes`, whose buffer it takes; gives the buffer back. Faults: full, busy store. */
  write(id: string, bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer> | undefined>;
  close(): void;
}

interface Waiting {
  resolve(answer: Answer): void;
  reject(error: unknown): void;
}

const maxWorkers = 4;

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

  const send = (id: string, order: Order): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const call = ++calls;
      waiting.set(call, { resolve, reject });
      // A file that is no upload has a name that is no number.
      const worker = workers[(Number.parseInt(id.slice(-4), 16) || 0) % workers.length];
      worker?.postMessage({ ...order, call } satisfies Request, order.op === "chunk" ? [order.bytes.buffer] : []);
    });

  return {
    ask: send,
    async write(id, bytes) {
      const { bytes: written } = await send(id, { op: "chunk", id, bytes });
      return written === undefined ? undefined : new Uint8Array(written.buffer);
    },
    close: () => {
      for (const worker of workers) worker.terminate();
    },
  };
}
