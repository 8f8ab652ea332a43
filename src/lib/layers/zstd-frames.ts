// Where the frames of a zstd stream end, by their headers alone: RFC 8878, section 3.1. It tells a stream that is whole from one
// that was cut short; the content is the decompressor's to judge.

export interface ZstdFrames {
  /** Takes the next bytes of the stream. */
  take(bytes: Uint8Array): void;
  /** Whether what was taken ends where a frame ends. */
  isWhole(): boolean;
}

/** What is read next: some bytes to look at, behind some to pass over. */
interface Step {
  readonly skip: number;
  readonly need: number;
  readonly read: (bytes: Buffer) => Step | undefined;
}

const frameMagic = 0xfd2fb528;
const skippableMagic = 0x184d2a5;
const dictionarySizes = [0, 1, 2, 4];
const contentSizes = [0, 2, 4, 8];
const checksumBytes = 4;

export function openZstdFrames(): ZstdFrames {
  /** Undefined when this is no zstd stream. */
  let step: Step | undefined = frameAfter(0);
  let skipped = 0;
  let gathered: Uint8Array = new Uint8Array();
  let isEmpty = true;
  return {
    take(bytes) {
      isEmpty &&= bytes.byteLength === 0;
      for (let at = 0; step !== undefined && at < bytes.byteLength; ) {
        const skip = Math.min(step.skip - skipped, bytes.byteLength - at);
        skipped += skip;
        at += skip;
        const part = bytes.subarray(at, at + step.need - gathered.byteLength);
        at += part.byteLength;
        gathered = Buffer.concat([gathered, part]);
        if (gathered.byteLength < step.need) continue;
        step = step.read(Buffer.from(gathered));
        skipped = 0;
        gathered = new Uint8Array();
      }
    },
    isWhole: () => !isEmpty && step?.read === readMagic && skipped === step.skip && gathered.byteLength === 0,
  };
}

function frameAfter(skip: number): Step {
  return { skip, need: 4, read: readMagic };
}

function readMagic(bytes: Buffer): Step | undefined {
  const magic = bytes.readUInt32LE();
  if (magic === frameMagic) return { skip: 0, need: 1, read: readDescriptor };
  if (magic >>> 4 !== skippableMagic) return undefined;
  return { skip: 0, need: 4, read: (size) => frameAfter(size.readUInt32LE()) };
}

function readDescriptor(bytes: Buffer): Step {
  const descriptor = bytes.readUInt8();
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const sizeFlag = descriptor >> 6;
  const content = isSingleSegment && sizeFlag === 0 ? 1 : (contentSizes[sizeFlag] ?? 0);
  const header = (isSingleSegment ? 0 : 1) + (dictionarySizes[descriptor & 3] ?? 0) + content;
  return blockAfter(header, (descriptor & 4) !== 0);
}

function blockAfter(skip: number, hasChecksum: boolean): Step {
  return {
    skip,
    need: 3,
    read(bytes) {
      const header = bytes.readUIntLE(0, 3);
      const isRepeated = ((header >> 1) & 3) === 1;
      const size = isRepeated ? 1 : header >> 3;
      const isLast = (header & 1) === 1;
      return isLast ? frameAfter(size + (hasChecksum ? checksumBytes : 0)) : blockAfter(size, hasChecksum);
    },
  };
}
