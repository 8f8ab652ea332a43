// One writer for several processes. The parent owns it; a worker process sends it transactions, and asks for turns.
import type { Exclusive } from "../exclusive.ts";
import type { Member, Outcome } from "../outcome.ts";
import { openGathering, type Writer } from "./writer.ts";

/** Messages between a parent and one worker process, in order, structured data both ways. */
export interface Channel {
  send(message: unknown): void;
  receive(listener: (message: unknown) => void): void;
  /** Calls `listener` once, when the other side is gone. */
  closed(listener: () => void): void;
}

type Question =
  | { readonly db: "write"; readonly call: number; readonly batch: readonly Member[] }
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
export function openRemote(channel: Channel): { writer: Writer; exclusive: Exclusive } {
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

  const { submit, writes } = openGathering(async (batch) => {
    const reply = await ask((call) => ({ db: "write", call, batch }));
    return reply.db === "written" ? reply.outcomes : [];
  });
  return {
    writer: { submit, writes, version: () => undefined, close: async () => undefined },
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
