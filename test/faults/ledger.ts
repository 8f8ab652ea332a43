// What was acknowledged, and what was under way: from it follows what the registry may hold after a kill. Each key is a
// register that clients write; a write counts from the moment it is sent to the moment its answer is there.

/** What a key holds: a tag its digest, a blob or a manifest `present`; null is nothing. */
export type State = string | null;

export interface Write {
  readonly value: State;
  /** The server said that it is done. */
  acknowledge(): void;
  /** The server said that it is not done. */
  withdraw(): void;
}

interface Entry {
  readonly value: State;
  readonly startedAt: number;
  endedAt: number;
}

export type Ledger = ReturnType<typeof openLedger>;

export function openLedger() {
  const registers = new Map<string, Entry[]>();
  const touched = new Set<string>();
  let moments = 0;

  /** An entry counts until an acknowledged one began after it had ended. */
  const prune = (entries: readonly Entry[]): Entry[] => {
    const newest = Math.max(...entries.filter(({ endedAt }) => endedAt < Infinity).map(({ startedAt }) => startedAt));
    return entries.filter(({ endedAt }) => endedAt >= newest);
  };

  return {
    /** A write that is about to be sent. */
    begin(key: string, value: State): Write {
      const entries = registers.get(key) ?? [{ value: null, startedAt: 0, endedAt: 0 }];
      const entry: Entry = { value, startedAt: ++moments, endedAt: Infinity };
      registers.set(key, [...entries, entry]);
      touched.add(key);
      return {
        value,
        acknowledge() {
          entry.endedAt = ++moments;
          registers.set(key, prune(registers.get(key) ?? []));
        },
        withdraw() {
          registers.set(
            key,
            (registers.get(key) ?? []).filter((each) => each !== entry),
          );
        },
      };
    },

    /** Every state that what was acknowledged and what was under way allow. */
    permitted(key: string): ReadonlySet<State> {
      return new Set((registers.get(key) ?? []).map(({ value }) => value));
    },

    /** Whether anybody ever began to write it. */
    isWritten: (key: string): boolean => registers.has(key),

    /** The state that a key surely has; undefined when there are several, or nobody wrote it. */
    stateOf(key: string): State | undefined {
      const entries = registers.get(key) ?? [];
      return entries.length === 1 ? entries[0]?.value : undefined;
    },

    /** What a key was found to hold, with nothing under way. */
    settle(key: string, value: State): void {
      registers.set(key, [{ value, startedAt: 0, endedAt: 0 }]);
      touched.delete(key);
    },

    keys: (): readonly string[] => [...registers.keys()],
    /** The keys written since they were last settled. */
    touchedKeys: (): ReadonlySet<string> => touched,
  };
}

export const blobKey = (repository: string, digest: string) => `blob ${repository} ${digest}`;
export const manifestKey = (repository: string, digest: string) => `manifest ${repository} ${digest}`;
export const tagKey = (repository: string, tag: string) => `tag ${repository} ${tag}`;
