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

/** So many are handed on at once though a batch is under way: from here on a turn of the writer costs little for each. */
const enough = 10;

interface Gathering extends Pick<Writer, "submit" | "writes"> {
  /** Answers those that were submitted first, one for each outcome. */
  settle(outcomes: readonly Outcome[]): void;
  /** Answers all with `lost`, also those that come from now on. */
  lose(): void;
}

/**
 * Hands on by `send` what is submitted: at once to a writer that has nothing to do, else what has gathered when it is `enough`
 * or when the writer is done. It does not always wait for that, since this loop may be busy with many requests then.
 */
function openGathering(send: (members: readonly Member[]) => void): Gathering {
  const unanswered: ((outcome: Outcome) => void)[] = [];
  let waiting: Member[] = [];
  let isLost = false;
  let transactions = 0;
  let batches = 0;

  const flush = () => {
    if (waiting.length === 0) return;
    const sent = waiting;
    waiting = [];
    send(sent);
  };

  return {
    submit: (member) =>
      new Promise((settle) => {
        if (isLost) return settle(lost);
        const isIdle = unanswered.length === waiting.length;
        transactions++;
        unanswered.push(settle);
        waiting.push(member);
        if (!isIdle && waiting.length >= enough) flush();
        else if (isIdle && waiting.length === 1) queueMicrotask(flush);
      }),
    settle(outcomes) {
      batches++;
      const settled = unanswered.splice(0, outcomes.length);
      if (unanswered.length === waiting.length) flush();
      for (const [i, settle] of settled.entries()) settle(outcomes[i] ?? lost);
    },
    lose() {
      isLost = true;
      waiting = [];
      for (const settle of unanswered.splice(0)) settle(lost);
    },
    writes: () => ({ waiting: unanswered.length, transactions, batches }),
  };
}

const lost: Outcome = {
  fault: { kind: "busy", subject: "store", message: "the writer of the registry went away", detail: {} },
};

/** The writer in a thread of this process. Faults: unsupported, full, busy store. */
export async function openThreadWriter(makeWorker: () => Worker, options: WriterOptions): Promise<Writer> {
  const worker = makeWorker();
  const order = (message: WriterOrder) => worker.postMessage(message);
  const { submit, writes, settle, lose } = openGathering((batch) => order({ batch }));
  let version = 0;
  let reply: (message: WriterReply) => void = () => undefined;
  let fail: (error: Error) => void = () => undefined;
  worker.onmessage = ({ data }: MessageEvent<WriterReply>) => {
    if (!("outcomes" in data)) return reply(data);
    // Before anybody is answered: what is read from now on is not what was kept.
    version++;
    settle(data.outcomes);
  };
  worker.onerror = ({ message }) => {
    fail(new Error(message));
    lose();
  };
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
