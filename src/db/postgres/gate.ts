// Transactions that lose races again and again get the floor: the others of this process wait until they have committed.

export interface Gate {
  /** Runs `work` beside others, once nobody waits for the floor. */
  shared<Result>(work: () => Promise<Result>): Promise<Result>;
  /** Runs `work` alone: what is under way ends first, what comes waits. In order of asking. */
  alone<Result>(work: () => Promise<Result>): Promise<Result>;
}

export function openGate(): Gate {
  let running = 0;
  let isAlone = false;
  const alone: (() => void)[] = [];
  const shared: (() => void)[] = [];

  const next = () => {
    if (isAlone) return;
    if (alone.length > 0) {
      if (running > 0) return;
      isAlone = true;
      alone.shift()?.();
      return;
    }
    for (const enter of shared.splice(0)) {
      running++;
      enter();
    }
  };

  const wait = (queue: (() => void)[]) =>
    new Promise<void>((enter) => {
      queue.push(enter);
      next();
    });

  return {
    async shared(work) {
      // Without a turn of the loop where nobody is in the way: who closes next must find it under way.
      if (isAlone || alone.length > 0) await wait(shared);
      else running++;
      try {
        return await work();
      } finally {
        running--;
        next();
      }
    },
    async alone(work) {
      await wait(alone);
      try {
        return await work();
      } finally {
        isAlone = false;
        next();
      }
    },
  };
}
