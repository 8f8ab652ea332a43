// Turns: so much work is begun in each turn of the loop, and what else has come is looked at in between.

/**
 * So many parts of files are given out in one turn: each keeps the loop while it is copied into a socket. Measured beside eight
 * downloads in parts of 512 KiB, p99 of a small request: 6 ms, where all that had been read went out in one turn 36 ms.
 */
const inOneTurn = 2;

/** What it returns is undefined when the caller may go on at once, else a promise that is fulfilled in its turn. */
export function openTurns(): () => Promise<void> | undefined {
  const waiting: (() => void)[] = [];
  let begun = 0;
  const next = () => {
    begun = Math.min(inOneTurn, waiting.length);
    for (const goOn of waiting.splice(0, inOneTurn)) goOn();
    if (begun > 0) setImmediate(next);
  };
  return () => {
    if (begun < inOneTurn) {
      if (begun === 0) setImmediate(next);
      begun++;
      return undefined;
    }
    return new Promise((resolve) => waiting.push(resolve));
  };
}
