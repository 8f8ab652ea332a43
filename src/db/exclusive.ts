// One at a time by key, in order of asking.

/**
 * Runs `work` when all earlier work under `key` has ended, whatever became of it. Where exclusion can be lost meanwhile,
 * `onLost` is called then: `work` should stop, and fails in any case.
 */
export type Exclusive = <Result>(key: string, work: () => Promise<Result>, onLost?: () => void) => Promise<Result>;

/** Exclusion inside this process. Keys that nobody holds take no memory. */
export function openExclusive(): Exclusive {
  const tails = new Map<string, Promise<unknown>>();
  return async (key, work) => {
    const before = tails.get(key);
    const mine = (async () => {
      await before?.catch(() => undefined);
      return work();
    })();
    tails.set(key, mine);
    try {
      return await mine;
    } finally {
      if (tails.get(key) === mine) tails.delete(key);
    }
  };
}
