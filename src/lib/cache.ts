// A cache that is bounded by bytes: what came first goes first, unless it was used since: then it gets another round, as in the
// clock of operating systems. To find something costs one look and one flag.

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
  /** Since it came, or was passed over. */
  wasUsed: boolean;
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
  const makeRoomFor = (newest: string) => {
    for (const [key, entry] of entries) {
      if (total <= maxBytes) break;
      if (key === newest) continue;
      if (!entry.wasUsed) {
        forget(key);
        continue;
      }
      entry.wasUsed = false;
      entries.delete(key);
      entries.set(key, entry);
    }
  };
  return {
    has: (key) => entries.has(key),
    get(key) {
      const entry = entries.get(key);
      if (entry === undefined) return undefined;
      entry.wasUsed = true;
      return entry.value;
    },
    set(key, value, bytes) {
      forget(key);
      const taken = bytes + key.length + overheadBytes;
      if (taken > maxBytes / 8) return;
      entries.set(key, { value, bytes: taken, wasUsed: false });
      total += taken;
      makeRoomFor(key);
    },
    delete: forget,
    size: () => ({ bytes: total, entries: entries.size }),
  };
}
