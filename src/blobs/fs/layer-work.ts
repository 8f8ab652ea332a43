// What a worker does with layers that are stored: what it found out while they arrived is remembered, else the file is read.
import * as fs from "node:fs";
import { open } from "node:fs/promises";
import { digestOf } from "#lib/digest";
import { type LayerFacts, readFacts } from "#lib/layer";
import { listFiles } from "#lib/layers/files";
import { tarsum } from "#lib/layers/tarsum";
import { incomingOf } from "#lib/stream";

/** A layer in a file, of which something may be remembered under `id`; or in memory. */
export type Place = { readonly id?: string; readonly path: string } | { readonly content: Uint8Array };

export type FactsOrder = { readonly op: "facts"; readonly prefix: Uint8Array } & Place;
export type ReadOrder =
  | ({ readonly op: "tarsum"; readonly json: Uint8Array } & Place)
  | ({ readonly op: "files" } & Place);
export type LayerOrder = FactsOrder | ReadOrder;

interface Known {
  /** What the file was when it was closed: another process may have written it since. */
  readonly mark: string;
  readonly prefix: string;
  readonly facts: LayerFacts;
}

const partBytes = 512 * 1024;

/** Remembers the facts of up to `maxKnown` layers. `markOf` tells whether a file is as it was. */
export function openLayerWork(maxKnown: number, markOf: (stats: fs.BigIntStats) => string) {
  const known = new Map<string, Known>();
  let last: Promise<unknown> = Promise.resolve();

  /** One at a time: a list of members may be long, and many of them at once would fill the memory. */
  const alone = <Result>(work: () => Promise<Result>): Promise<Result> => {
    const result = last.then(work);
    last = result.catch(() => undefined);
    return result;
  };

  return {
    remember(id: string, mark: string, prefix: Uint8Array, facts: LayerFacts): void {
      known.delete(id);
      known.set(id, { mark, prefix: digestOf(prefix), facts });
      const [oldest] = known.keys();
      if (known.size > maxKnown && oldest !== undefined) known.delete(oldest);
    },
    forget(id: string): void {
      known.delete(id);
    },
    async facts(order: FactsOrder): Promise<LayerFacts> {
      if ("path" in order && order.id !== undefined) {
        const remembered = known.get(order.id);
        const isRight =
          remembered?.prefix === digestOf(order.prefix) &&
          remembered.mark === markOf(fs.statSync(order.path, { bigint: true }));
        if (isRight) return remembered.facts;
      }
      return readFacts(bytesOf(order), order.prefix);
    },
    read: (order: ReadOrder): Promise<string | undefined> =>
      alone(() => (order.op === "tarsum" ? tarsum(bytesOf(order), order.json) : listFiles(bytesOf(order)))),
  };
}

function bytesOf(place: Place): AsyncIterable<Uint8Array> {
  return "path" in place ? readFile(place.path) : incomingOf(place.content);
}

/** The first `size` bytes of a file, or all. Each part is the reader's own. */
export async function* readFile(path: string, size = Number.POSITIVE_INFINITY): AsyncGenerator<Uint8Array> {
  const file = await open(path, "r");
  try {
    for (let at = 0; at < size; ) {
      const buffer = Buffer.allocUnsafeSlow(Math.min(partBytes, size - at));
      const { bytesRead } = await file.read(buffer, 0, buffer.byteLength, at);
      if (bytesRead === 0) return;
      at += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}
