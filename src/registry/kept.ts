// What was read, kept in memory for as long as nothing is written: whoever asks finds what a read would have found.
import type { Db, Version } from "#db";
import { openCache } from "#lib/cache";
import type { Soon } from "#lib/soon";

export interface Kept<Value> {
  /**
   * The value of `key`: what is kept, if it is true still, else what `read` finds. Undefined is not kept, nor is what was
   * asked for once. Faults: those of `read`; busy store.
   */
  find(key: string, read: Read<Value>): Soon<Value | undefined>;
}

type Read<Value> = () => Promise<Value | undefined>;

interface Entry<Value> {
  readonly version: Version;
  readonly value: Value;
}

interface Reading<Value> {
  readonly version: Version;
  readonly value: Promise<Value | undefined>;
}

/** Keeps at most `maxBytes` of what `bytesOf` says that values take. */
export function openKept<Value>(db: Db, maxBytes: number, bytesOf: (value: Value) => number): Kept<Value> {
  // Null where a key was asked for once: to know a version costs as much as a read, and is worth it for the next ones only.
  const cache = openCache<Entry<Value> | null>(maxBytes);
  const readings = new Map<string, Reading<Value>>();

  const readOnce = async (key: string, read: Read<Value>) => {
    const value = await read();
    if (value !== undefined && !cache.has(key)) cache.set(key, null, 0);
    return value;
  };

  /** One read for all that ask under one version: it begins after each of them has asked. */
  const share = async (key: string, version: Version, read: Read<Value>) => {
    const underWay = readings.get(key);
    if (underWay?.version === version) return underWay.value;
    const reading = { version, value: read() };
    readings.set(key, reading);
    try {
      const value = await reading.value;
      if (value === undefined) cache.delete(key);
      else cache.set(key, { version, value }, bytesOf(value));
      return value;
    } finally {
      if (readings.get(key) === reading) readings.delete(key);
    }
  };

  const findUnder = (
    version: Version | undefined,
    entry: Entry<Value> | null | undefined,
    key: string,
    read: Read<Value>,
  ) => {
    if (version === undefined) return read();
    return entry?.version === version ? entry.value : share(key, version, read);
  };

  return {
    find(key, read) {
      const entry = cache.get(key);
      if (entry === undefined) return readOnce(key, read);
      const version = db.version();
      if (!(version instanceof Promise)) return findUnder(version, entry, key, read);
      return version.then((answered) => findUnder(answered, cache.get(key), key, read));
    },
  };
}
