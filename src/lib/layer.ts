// What a layer is beyond its digest: how it is compressed, and what is in it once that is undone. The v1 protocol hashes
// it together with the image's JSON; today's manifests name it by the digest of what it decompresses to.
import { type Compression, decompress, headBytes, sniff, Undecodable } from "./compression.ts";
import { type Digest, openHasher } from "./digest.ts";
import { type Handover, openHandover } from "./layers/handover.ts";
import { concat } from "./stream.ts";

export { type Compression, isCompression } from "./compression.ts";

export interface LayerFacts {
  /** SHA-256 of a prefix (an image's JSON and a line feed) and the bytes as received: the v1 payload checksum. */
  readonly payload: Digest;
  readonly compression: Compression;
  /** SHA-256 of the whole decompressed stream, padding and all; null when it cannot be told. */
  readonly diffId: Digest | null;
  /** Bytes of the decompressed stream; null when it cannot be told. */
  readonly diffSize: number | null;
  /** The decompressed stream is empty or all zeros: no member of an archive can be in it. False when it cannot be told. */
  readonly isEmpty: boolean;
  /** Why no image of today can have this layer, for people; null when one can. */
  readonly reason: string | null;
}

type Content = Pick<LayerFacts, "diffId" | "diffSize" | "isEmpty" | "reason">;

/** Finds the facts of a layer whose bytes are arriving. */
export interface Examination {
  /** Takes the next bytes, in order, for good; the promise is fulfilled when they have been looked at. Several may be under way. */
  take(bytes: Uint8Array): Promise<void>;
  /** The facts, behind the last bytes. `digest` is the SHA-256 of all of them. */
  end(digest: () => Digest): Promise<LayerFacts>;
  /** Ends it without facts, and frees what it holds. */
  cancel(): void;
}

/** Examines a layer whose payload checksum begins with `prefix`. Either `end` or `cancel` must be called. */
export function examine(prefix: Uint8Array): Examination {
  const payload = openHasher("sha256");
  payload.update(prefix);
  const plain = openZeroCheck();
  const handover = openHandover();
  let head: Uint8Array | undefined = new Uint8Array();
  let compression: Compression = "none";
  let reading: Promise<Content> | undefined;

  const look = (bytes: Uint8Array): Promise<void> | undefined => {
    if (reading === undefined) {
      plain.take(bytes);
      return undefined;
    }
    return handover.give(bytes);
  };
  const begin = (bytes: Uint8Array) => {
    head = undefined;
    compression = sniff(bytes);
    if (compression !== "none") {
      reading = readContent(handover, compression);
      // `end` tells it, later.
      reading.catch(() => undefined);
    }
    return look(bytes);
  };

  return {
    async take(bytes) {
      payload.update(bytes);
      if (head === undefined) {
        await look(bytes);
        return;
      }
      head = concat([head, bytes]);
      if (head.byteLength >= headBytes) await begin(head);
    },
    async end(digest) {
      if (head !== undefined) await begin(head);
      handover.end();
      const content = await reading;
      return {
        payload: payload.digest(),
        compression,
        ...(content ?? { diffId: digest(), diffSize: plain.size(), isEmpty: plain.isZero(), reason: null }),
      };
    },
    cancel() {
      handover.fail(new Cancelled("the layer did not arrive"));
    },
  };
}

/** The facts of the layer `body`, read in bounded memory. Errors: those of `body`. */
export async function readFacts(body: AsyncIterable<Uint8Array>, prefix: Uint8Array): Promise<LayerFacts> {
  const hasher = openHasher("sha256");
  const examination = examine(prefix);
  try {
    for await (const part of body) {
      hasher.update(part);
      await examination.take(part);
    }
  } catch (error) {
    examination.cancel();
    throw error;
  }
  return examination.end(() => hasher.digest());
}

class Cancelled extends Error {
  override readonly name = "Cancelled";
}

async function readContent(handover: Handover, compression: Compression): Promise<Content> {
  const hasher = openHasher("sha256");
  const zeros = openZeroCheck();
  try {
    if (compression === "bzip2" || compression === "xz") {
      return untold(`a layer compressed with ${compression} has no media type that clients of today know`);
    }
    for await (const part of decompress(handover.body, compression)) {
      hasher.update(part);
      zeros.take(part);
    }
  } catch (error) {
    if (error instanceof Undecodable)
      return untold(`the ${compression} stream of the layer cannot be read: ${error.message}`);
    if (error instanceof Cancelled) return untold(error.message);
    throw error;
  } finally {
    handover.leave();
  }
  return { diffId: hasher.digest(), diffSize: zeros.size(), isEmpty: zeros.isZero(), reason: null };
}

function untold(reason: string): Content {
  return { diffId: null, diffSize: null, isEmpty: false, reason };
}

const zeros = new Uint8Array(64 * 1024);

/** Counts bytes, and knows whether all of them are zero. */
function openZeroCheck() {
  let size = 0;
  let areZero = true;
  return {
    take(bytes: Uint8Array) {
      size += bytes.byteLength;
      for (let at = 0; areZero && at < bytes.byteLength; at += zeros.byteLength) {
        const part = bytes.subarray(at, at + zeros.byteLength);
        areZero = Buffer.compare(part, zeros.subarray(0, part.byteLength)) === 0;
      }
    },
    size: () => size,
    isZero: () => areZero,
  };
}
