// Layers in a folder: the workers read them, the loop that serves requests does not.
import { join } from "node:path";
import { Fault } from "#lib/fault";
import { randomHex } from "#lib/id";
import type { Layer, Layers } from "../store.ts";
import type { Place } from "./layer-work.ts";
import type { Pool } from "./pool.ts";
import { guarded, receive, uploadPath } from "./uploads.ts";

/** Layers in `root`, whose folders exist. */
export function openLayers(root: string, pool: Pool): Layers {
  const placeOf = (layer: Layer): Place => {
    if ("upload" in layer) return { id: layer.upload, path: uploadPath(root, layer.upload) };
    return "key" in layer ? { path: join(root, layer.key) } : layer;
  };
  /** By this a worker is chosen: any for small content, else that of the upload, with whose id a key ends. */
  const idOf = (layer: Layer) => {
    if ("content" in layer) return randomHex(2);
    return "key" in layer ? layer.key : layer.upload;
  };
  const run = <Result>(layer: Layer, work: () => Promise<Result>) => ("upload" in layer ? guarded(work) : work());

  return {
    receive: (id, prefix, body) =>
      guarded(async () => {
        await pool.askBeside(id, { op: "begin", id, prefix });
        try {
          const open = { op: "open", id, path: uploadPath(root, id), algorithm: "sha256", offset: 0 } as const;
          // A chunk is done with when both have seen it: who is slower slows the body.
          const size = await receive(open, body, pool, (parts) => pool.writeAndLook(id, parts));
          const { digest, mark } = await pool.ask(id, { op: "peek", id });
          if (digest !== undefined && mark !== undefined) {
            await pool.askBeside(id, { op: "finish", id, digest, mark });
          }
          return size;
        } finally {
          await pool.askBeside(id, { op: "cancel", id });
        }
      }),
    facts: (layer, prefix) =>
      run(layer, async () => {
        const { facts } = await pool.askBeside(idOf(layer), { op: "facts", prefix, ...placeOf(layer) });
        if (facts === undefined) throw new Fault("busy", "store", "the layer could not be read");
        return facts;
      }),
    tarsum: (layer, json) =>
      run(layer, async () => {
        const { text } = await pool.askBeside(idOf(layer), { op: "tarsum", json, ...placeOf(layer) });
        if (text === undefined) throw new Fault("busy", "store", "the layer could not be read");
        return text;
      }),
    files: (layer) =>
      run(layer, async () => (await pool.askBeside(idOf(layer), { op: "files", ...placeOf(layer) })).text),
  };
}
