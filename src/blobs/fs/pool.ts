// The workers that hash and write. An upload stays with one worker, so its chunks stay in order.
import { availableParallelism } from "node:os";
import { toFault } from "./errors.ts";
import type { LayerAnswer, LayerOrder } from "./layer-work.ts";
import type { Answer, Order, Part, Reply, Request } from "./worker.ts";

export interface Pool {
  /** Asks the worker of `id`. Faults: full, busy store. */
  ask(id: string, order: Exclude<Order, { op: "chunk" } | LayerOrder>): Promise<Answer>;
  /** Asks the worker beside that of `id` about a layer: the two hashes of a plain one then run at the same time. */
  askBeside(id: string, order: Exclude<LayerOrder, { op: "look" }>): Promise<LayerAnswer>;
  /** Has the worker of `id` hash and write parts, which it takes away. Faults: full, busy store. */
  write(id: string, parts: readonly Part[]): Promise<unknown>;
  /** The same, and then has the worker beside look at them. Faults: full, busy store. */
  writeAndLook(id: string, parts: readonly Part[]): Promise<unknown>;
  close(): void;
}

interface Waiting {
  resolve(answer: Answer): void;
  reject(error: unknown): void;
}

const maxWorkers = 4;
const maxKnown = 4096;

export function openPool(): Pool {
  const waiting = new Map<number, Waiting>();
  let calls = 0;
  const makeWorker = () => {
    const worker = new Worker(new URL("./worker.ts", import.meta.url).href);
    worker.onmessage = ({ data }: MessageEvent<Reply>) => {
      const waiter = waiting.get(data.call);
      waiting.delete(data.call);
      if ("error" in data) waiter?.reject(toFault(Object.assign(new Error(data.error.message), data.error)));
      else waiter?.resolve(data);
    };
    return worker;
  };
  const count = Math.min(maxWorkers, availableParallelism());
  const places = openPlaces(count);
  // Made when the first is asked: a server that only serves has no need of them, and they take time and memory.
  let workers: readonly Worker[] = [];
  const workerAt = (place: number) => {
    if (workers.length === 0) workers = Array.from({ length: count }, makeWorker);
    return workers[place];
  };

  const sendTo = async (place: number, order: Order): Promise<Answer> => {
    places.begin(place);
    try {
      return await new Promise((resolve, reject) => {
        const call = ++calls;
        waiting.set(call, { resolve, reject });
        const moved = "parts" in order ? order.parts.map(({ buffer }) => buffer) : [];
        workerAt(place)?.postMessage({ ...order, call } satisfies Request, moved);
      });
    } finally {
      places.end(place);
    }
  };
  const send = (id: string, order: Order) => sendTo(places.of(id), order);
  const sendBeside = (id: string, order: Order) => sendTo((places.of(id) + 1) % count, order);

  return {
    async ask(id, order) {
      if (order.op === "open") places.open(id);
      try {
        return await send(id, order);
      } finally {
        if (order.op === "close") places.close(id);
      }
    },
    askBeside: sendBeside,
    write: (id, parts) => send(id, { op: "chunk", id, parts, isGivenBack: false }),
    async writeAndLook(id, parts) {
      const written = await send(id, { op: "chunk", id, parts, isGivenBack: true });
      await sendBeside(id, { op: "look", id, parts: written.parts ?? [] });
    },
    close: () => {
      for (const worker of workers) worker.terminate();
    },
  };
}

/**
 * Which of `count` workers has an upload: at first the one that has least to do. While it is open it stays there; later it may
 * be forgotten, and then costs a second reading.
 */
function openPlaces(count: number) {
  const open = new Map<string, number>();
  const known = new Map<string, number>();
  /** How much each has under way: orders, and uploads that are open. */
  const loads = Array.from({ length: count }, () => 0);
  const add = (place: number, change: number) => {
    loads[place] = (loads[place] ?? 0) + change;
  };
  const remember = (id: string, place: number) => {
    known.delete(id);
    known.set(id, place);
    const [oldest] = known.keys();
    if (known.size > maxKnown && oldest !== undefined) known.delete(oldest);
  };
  const of = (id: string) => {
    const place = open.get(id) ?? known.get(id) ?? loads.indexOf(Math.min(...loads));
    if (!open.has(id)) remember(id, place);
    return place;
  };
  return {
    of,
    open(id: string) {
      const place = of(id);
      open.set(id, place);
      add(place, 1);
    },
    close(id: string) {
      const place = open.get(id);
      if (place === undefined) return;
      open.delete(id);
      remember(id, place);
      add(place, -1);
    },
    begin: (place: number) => add(place, 1),
    end: (place: number) => add(place, -1),
  };
}
