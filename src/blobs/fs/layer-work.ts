// What a worker does with layers: it examines those that arrive, while another worker writes them, and remembers what it found
// out; of others it reads the file.
import * as fs from "node:fs";
import { open } from "node:fs/promises";
import { type Digest, digestOf } from "#lib/digest";
import { type Examination, examine, type LayerFacts, readFacts } from "#lib/layer";
import { listFiles } from "#lib/layers/files";
import { tarsum } from "#lib/layers/tarsum";
import { incomingOf } from "#lib/stream";

/** A layer in a file, of which something may be remembered under `id`; or in memory. */
export type Place = { readonly id?: string; readonly path: string } | { readonly content: Uint8Array };

/** Parts of one layer arrive in order; several may be under way. */
export type LayerOrder =
  | { readonly op: "begin"; readonly id: string; readonly prefix: Uint8Array }
  | { readonly op: "look"; readonly id: string; readonly parts: readonly Uint8Array<ArrayBuffer>[] }
  | { readonly op: "finish"; readonly id: string; readonly digest: Digest; readonly mark: string }
  | { readonly op: "cancel"; readonly id: string }
  | ({ readonly op: "facts"; readonly prefix: Uint8Array } & Place)
  | ({ readonly op: "tarsum"; readonly json: Uint8Array } & Place)
  | ({ readonly op: "files" } & Place);

export interface LayerAnswer {
  readonly facts?: LayerFacts;
  readonly text?: string;
}

interface Arriving {
  readonly prefix: Uint8Array;
  readonly examination: Examination;
}

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
  const arriving = new Map<string, Arriving>();
  let last: Promise<unknown> = Promise.resolve();

  /** One at a time: a list of members may be long, and many of them at once would fill the memory. */
  const alone = <Result>(work: () => Promise<Result>): Promise<Result> => {
    const result = last.then(work);
    last = result.catch(() => undefined);
    return result;
  };

  const remember = (id: string, each: Known) => {
    known.delete(id);
    known.set(id, each);
    const [oldest] = known.keys();
    if (known.size > maxKnown && oldest !== undefined) known.delete(oldest);
  };

  const cancel = (id: string) => {
    arriving.get(id)?.examination.cancel();
    arriving.delete(id);
  };

  const begin = (id: string, prefix: Uint8Array) => {
    cancel(id);
    known.delete(id);
    arriving.set(id, { prefix, examination: examine(prefix) });
  };

  const finish = async ({ id, digest, mark }: LayerOrder & { op: "finish" }) => {
    const layer = arriving.get(id);
    arriving.delete(id);
    if (layer === undefined) return;
    const facts = await layer.examination.end(() => digest);
    remember(id, { mark, prefix: digestOf(layer.prefix), facts });
  };

  const findFacts = async (order: LayerOrder & { op: "facts" }): Promise<LayerFacts> => {
    if ("path" in order && order.id !== undefined) {
      const remembered = known.get(order.id);
      const isRight =
        remembered?.prefix === digestOf(order.prefix) &&
        remembered.mark === markOf(fs.statSync(order.path, { bigint: true }));
      if (isRight) return remembered.facts;
    }
    return readFacts(bytesOf(order), order.prefix);
  };

  return {
    async obey(order: LayerOrder): Promise<LayerAnswer> {
      switch (order.op) {
        case "begin":
          begin(order.id, order.prefix);
          return {};
        case "look":
          // All at once: those of the next order may come before these have been looked at.
          await Promise.all(order.parts.map((part) => arriving.get(order.id)?.examination.take(part)));
          return {};
        case "finish":
          await finish(order);
          return {};
        case "cancel":
          cancel(order.id);
          return {};
        case "facts":
          return { facts: await findFacts(order) };
        case "tarsum":
          return { text: await alone(() => tarsum(bytesOf(order), order.json)) };
        case "files": {
          const text = await alone(() => listFiles(bytesOf(order)));
          return text === undefined ? {} : { text };
        }
      }
    },
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
