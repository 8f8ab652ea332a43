// The writer as its callers see it: transactions are handed in, gathered while a batch is being committed, and answered
// when they are on disk. Two of them: the thread of this process, and the parent's, reached from a worker process.
import { Fault, type FaultRecord, fromRecord } from "#lib/fault";
import type { Writes } from "../index.ts";
import type { Member, Outcome } from "../outcome.ts";
import type { WriterOptions, WriterOrder, WriterReply } from "./writer-worker.ts";

export interface Writer {
  /** Runs one transaction; fulfilled when it is durable or has failed. */
  submit(member: Member): Promise<Outcome>;
  writes(): Writes;
  /** A number that is another one after each batch; undefined when others hand in batches as well. */
  version(): number | undefined;
  close(): Promise<void>;
}

/** A writer that also waits for a key, which nobody else holds while the transaction runs. */
export interface HoldingWriter extends Omit<Writer, "submit"> {
  submit(member: Member, holding: string | undefined): Promise<Outcome>;
}

/** Gathers what is submitted while `send` has a batch under way. */
function openGathering(
  send: (batch: readonly Member[]) => Promise<readonly Outcome[]>,
): Pick<Writer, "submit" | "writes"> {
  let waiting: { readonly member: Member; readonly settle: (outcome: Outcome) => void }[] = [];
  let isFlying = false;
  let transactions = 0;
  let batches = 0;

  const flush = async () => {
    if (isFlying || waiting.length === 0) return;
    isFlying = true;
    const flying = waiting;
    waiting = [];
    batches++;
    transactions += flying.length;
    const outcomes = await send(flying.map(({ member }) => member)).catch(() => []);
    isFlying = false;
    void flush();
    for (const [i, { settle }] of flying.entries()) settle(outcomes[i] ?? lost);
  };

  return {
    submit: (member) =>
      new Promise((settle) => {
        waiting.push({ member, settle });
        if (!isFlying && waiting.length === 1) queueMicrotask(flush);
      }),
    writes: () => ({ waiting: waiting.length, transactions, batches }),
  };
}

const lost: Outcome = {
  fault: { kind: "busy", subject: "store", message: "the writer of the registry went away", detail: {} },
};

/** The writer in a thread of this process. Faults: unsupported, full, busy store. */
export async function openThreadWriter(makeWorker: () => Worker, options: WriterOptions): Promise<Writer> {
  const worker = makeWorker();
  const order = (message: WriterOrder) => worker.postMessage(message);
  let reply: (message: WriterReply) => void = () => undefined;
  let fail: (error: Error) => void = () => undefined;
  worker.onmessage = ({ data }: MessageEvent<WriterReply>) => reply(data);
  worker.onerror = ({ message }) => fail(new Error(message));
  const ask = (message: WriterOrder) =>
    new Promise<WriterReply>((resolve, reject) => {
      reply = resolve;
      fail = reject;
      order(message);
    });

  const opened = await ask({ open: options });
  if ("failed" in opened) {
    worker.terminate();
    throw typeof opened.failed === "string"
      ? new Error(opened.failed)
      : fromRecord(opened.failed satisfies FaultRecord);
  }
  let version = 0;
  const { submit, writes } = openGathering(async (batch) => {
    const done = await ask({ batch });
    // Before anybody is answered: what is read from now on is not what was kept.
    version++;
    return "outcomes" in done ? done.outcomes : [];
  });
  let last: Promise<unknown> = Promise.resolve();
  return {
    writes,
    version: () => version,
    submit(member) {
      const outcome = submit(member);
      last = outcome;
      return outcome;
    },
    async close() {
      await last;
      const closed = await ask({ close: true });
      worker.terminate();
      if ("failed" in closed) throw new Fault("busy", "store", "the database could not be closed in order");
    },
  };
}
