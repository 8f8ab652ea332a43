// A cache that is bounded by bytes: what was not used for the longest time goes first.

export interface Cache<Value> {
  /** The value under `key`, if it was kept under this version. Whoever asks with another version has it forgotten. */
  get(key: string, version: number): Value | undefined;
  /** Keeps `value`, which takes about `bytes`, unless that is more than the cache may hold. */
  set(key: string, version: number, value: Value, bytes: number): void;
  /** About how many bytes are kept, and how many values. */
  size(): { readonly bytes: number; readonly entries: number };
}

interface Entry<Value> {
  readonly value: Value;
  readonly version: number;
  readonly bytes: number;
}

/** What an entry takes beside its value: the key, the entry, its place in the map. */
const overheadBytes = 256;

/** A cache of at most `maxBytes`. */
export function openCache<Value>(maxBytes: number): Cache<Value> {
  const entries = new Map<string, Entry<Value>>();
  let total = 0;
  const forget = (key: string, { bytes }: Entry<Value>) => {
    entries.delete(key);
    total -= bytes;
  };
  return {
    get(key, version) {
      const entry = entries.get(key);
      if (entry === undefined) return undefined;
      if (entry.version !== version) {
        forget(key, entry);
        return undefined;
      }
      entries.delete(key);
      entries.set(key, entry);
      return entry.value;
    },
    set(key, version, value, bytes) {
      const known = entries.get(key);
      if (known !== undefined) forget(key, known);
      const taken = bytes + overheadBytes;
      if (taken > maxBytes / 8) return;
      entries.set(key, { value, version, bytes: taken });
      total += taken;
      for (const [oldest, entry] of entries) {
        if (total <= maxBytes) break;
        forget(oldest, entry);
      }
    },
    size: () => ({ bytes: total, entries: entries.size }),
  };
}
