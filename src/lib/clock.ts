// The one place that reads the clock. Times are milliseconds since 1970.

export interface Clock {
  now(): number;
}

export const systemClock: Clock = { now: () => Date.now() };

/** Calls `run` every `milliseconds` until it is stopped; a run that still goes on is not doubled. */
export function every(milliseconds: number, run: () => Promise<void>): { stop(): void } {
  let running = false;
  const timer = setInterval(async () => {
    if (running) return;
    running = true;
    await run().finally(() => {
      running = false;
    });
  }, milliseconds);
  timer.unref();
  return { stop: () => clearInterval(timer) };
}

/** Fulfilled after `milliseconds`. */
export function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });
}
