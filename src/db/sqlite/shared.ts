// One writer for several processes. The parent owns it; a worker process sends it transactions, and asks for turns.
import type { Exclusive } from "../exclusive.ts";
import type { Member, Outcome } from "../outcome.ts";
import { type HoldingWriter, lost, openGathering, type Writer } from "./writer.ts";

/** Messages between a parent and one worker process, in order, structured data both ways. */
export interface Channel {
  send(message: unknown): void;
  receive(listener: (message: unknown) => void): void;
  /** Calls `listener` once, when the other side is gone. */
  closed(listener: () => void): void;
}

type Question =
  | { readonly db: "write"; readonly call: number; readonly batch: readonly Member[] }
  | { readonly db: "write-holding"; readonly call: number; readonly key: string; readonly member: Member }
  | { readonly db: "hold"; readonly call: number; readonly key: string }
  | { readonly db: "release"; readonly call: number };

type Reply =
  | { readonly db: "written"; readonly call: number; readonly outcomes: readonly Outcome[] }
  | { readonly db: "held"; readonly call: number };

function isOurs<Message>(message: unknown): message is Message {
  return typeof message === "object" && message !== null && "db" in message;
}

/** The parent's side. What a worker holds is free again when it is gone. */
export function serveRemote(channel: Channel, writer: Writer, exclusive: Exclusive): void {
  const held = new Map<number, () => void>();
  let isGone = false;
  const reply = (message: Reply) => {
    if (!isGone) channel.send(message);
  };
  channel.closed(() => {
    isGone = true;
    for (const release of held.values()) release();
  });
  channel.receive(async (message) => {
    if (!isOurs<Question>(message)) return;
    const { call } = message;
    if (message.db === "write") {
      reply({ db: "written", call, outcomes: await Promise.all(message.batch.map((member) => writer.submit(member))) });
    } else if (message.db === "write-holding") {
      const { key, member } = message;
      // Of one that is gone nobody wants to know, and others may hold what it held.
      const outcome = await exclusive(key, async () => (isGone ? undefined : writer.submit(member)));
      if (outcome !== undefined) reply({ db: "written", call, outcomes: [outcome] });
    } else if (message.db === "hold") {
      await exclusive(message.key, () => {
        if (isGone) return Promise.resolve();
        reply({ db: "held", call });
        return new Promise<void>((resolve) => held.set(call, resolve));
      });
    } else {
      held.get(call)?.();
      held.delete(call);
    }
  });
}

/** The worker's side. */
export function openRemote(channel: Channel): { writer: HoldingWriter; exclusive: Exclusive } {
  const waiting = new Map<number, (reply: Reply) => void>();
  let calls = 0;
  channel.receive((message) => {
    if (!isOurs<Reply>(message)) return;
    const resolve = waiting.get(message.call);
    waiting.delete(message.call);
    resolve?.(message);
  });
  const ask = (question: (call: number) => Question) =>
    new Promise<Reply>((resolve) => {
      const call = ++calls;
      waiting.set(call, resolve);
      channel.send(question(call));
    });

  const outcomesOf = async (question: (call: number) => Question) => {
    const reply = await ask(question);
    return reply.db === "written" ? reply.outcomes : [];
  };
  const { submit, writes } = openGathering((batch) => outcomesOf((call) => ({ db: "write", call, batch })));
  let held = 0;
  /** One message there and one back: to hold the key first, and give it back, would be three more. */
  const submitHolding = async (member: Member, key: string) => {
    held++;
    const [outcome] = await outcomesOf((call) => ({ db: "write-holding", call, key, member }));
    return outcome ?? lost;
  };
  return {
    writer: {
      submit: (member, key) => (key === undefined ? submit(member) : submitHolding(member, key)),
      writes() {
        const { waiting: gathered, transactions, batches } = writes();
        return { waiting: gathered, transactions: transactions + held, batches: batches + held };
      },
      version: () => undefined,
      close: async () => undefined,
    },
    async exclusive(key, work) {
      const { call } = await ask((id) => ({ db: "hold", call: id, key }));
      try {
        return await work();
      } finally {
        channel.send({ db: "release", call } satisfies Question);
      }
    },
  };
}
