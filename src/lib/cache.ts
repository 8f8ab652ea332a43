// A cache that is bounded by bytes: what was not used for the longest time goes first.

export interface Cache<Value> {
  has(key: string): boolean;
  get(key: string): Value | undefined;
  /** Keeps `value`, which takes about `bytes`, unless that and the key are too much of what the cache may hold. */
  set(key: string, value: Value, bytes: number): void;
  delete(key: string): void;
  /** About how many bytes are kept, and how many values. */
  size(): { readonly bytes: number; readonly entries: number };
}

interface Entry<Value> {
  readonly value: Value;
  readonly bytes: number;
}

/** What an entry takes beside its value and its key: the entry, its place in the map. */
const overheadBytes = 256;

/** A cache of at most `maxBytes`; one value takes at most an eighth of them. */
export function openCache<Value>(maxBytes: number): Cache<Value> {
  const entries = new Map<string, Entry<Value>>();
  let total = 0;
  const forget = (key: string) => {
    total -= entries.get(key)?.bytes ?? 0;
    entries.delete(key);
  };
  return {
    has: (key) => entries.has(key),
    get(key) {
      const entry = entries.get(key);
      if (entry === undefined) return undefined;
      entries.delete(key);
      entries.set(key, entry);
      return entry.value;
    },
    set(key, value, bytes) {
      forget(key);
      const taken = bytes + key.length + overheadBytes;
      if (taken > maxBytes / 8) return;
      entries.set(key, { value, bytes: taken });
      total += taken;
      for (const oldest of entries.keys()) {
        if (total <= maxBytes) break;
        forget(oldest);
      }
    },
    delete: forget,
    size: () => ({ bytes: total, entries: entries.size }),
  };
}
