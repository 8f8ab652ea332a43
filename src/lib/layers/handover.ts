// A body that is given part by part from outside: whoever gives learns when a part has been read.

export interface Handover {
  readonly body: AsyncIterable<Uint8Array>;
  /**
   * Gives the next part away. Fulfilled when the reader asks for the one behind it, or has left. Several may be under way.
   */
  give(bytes: Uint8Array): Promise<void>;
  /** Ends the body, behind what was given. */
  end(): void;
  /** Breaks the body off: its reader gets `error`, and nothing waits for it any more. */
  fail(error: Error): void;
  /** Nobody will read the body any more. A reader that began and leaves says so itself. */
  leave(): void;
}

interface Given {
  readonly bytes: Uint8Array;
  readonly isRead: () => void;
}

export function openHandover(): Handover {
  const waiting: Given[] = [];
  let state: "open" | "ended" | "left" = "open";
  let failure: Error | undefined;
  let wake: () => void = () => undefined;

  const leave = () => {
    state = "left";
    for (const { isRead } of waiting.splice(0)) isRead();
  };
  const read = async function* (): AsyncGenerator<Uint8Array> {
    try {
      for (;;) {
        if (failure !== undefined) throw failure;
        const given = waiting[0];
        if (given !== undefined) {
          yield given.bytes;
          waiting.shift();
          given.isRead();
        } else if (state === "ended") return;
        else
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
      }
    } finally {
      leave();
    }
  };

  return {
    body: read(),
    give(bytes) {
      if (state === "left") return Promise.resolve();
      return new Promise((resolve) => {
        waiting.push({ bytes, isRead: resolve });
        wake();
      });
    },
    end() {
      if (state === "open") state = "ended";
      wake();
    },
    fail(error) {
      failure = error;
      leave();
      wake();
    },
    leave,
  };
}
