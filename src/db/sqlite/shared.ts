// One writer for several processes. The parent owns it; a worker process sends it transactions, and asks for turns.
import type { Exclusive } from "../exclusive.ts";
import type { Member, Outcome } from "../outcome.ts";
import type { HoldingWriter } from "./writer.ts";

/** Messages between a parent and one worker process, in order, structured data both ways. */
export interface Channel {
  send(message: unknown): void;
  receive(listener: (message: unknown) => void): void;
  /** Calls `listener` once, when the other side is gone. */
  closed(listener: () => void): void;
}

/** A transaction that is asked for, with the key that nobody else holds while it runs. */
interface Order {
  readonly call: number;
  readonly member: Member;
  readonly holding: string | undefined;
}

/** What became of it. */
interface Done {
  readonly call: number;
  readonly outcome: Outcome;
}

type Question =
  | { readonly db: "write"; readonly orders: readonly Order[] }
  | { readonly db: "hold"; readonly call: number; readonly key: string }
  | { readonly db: "release"; readonly call: number };

type Reply =
  | { readonly db: "written"; readonly done: readonly Done[] }
  | { readonly db: "held"; readonly call: number };

function isOurs<Message>(message: unknown): message is Message {
  return typeof message === "object" && message !== null && "db" in message;
}

/** Hands on what comes in one turn of the loop together: a message has its price, whatever is in it. */
function openOutbox<Item>(send: (items: readonly Item[]) => void): (item: Item) => void {
  let items: Item[] = [];
  const flush = () => {
    const sent = items;
    items = [];
    send(sent);
  };
  return (item) => {
    if (items.push(item) === 1) setImmediate(flush);
  };
}

/** The parent's side. What a worker holds is free again when it is gone. */
export function serveRemote(channel: Channel, writer: HoldingWriter, exclusive: Exclusive): void {
  const held = new Map<number, () => void>();
  let isGone = false;
  const reply = (message: Reply) => {
    if (!isGone) channel.send(message);
  };
  const tell = openOutbox<Done>((done) => reply({ db: "written", done }));
  channel.closed(() => {
    isGone = true;
    for (const release of held.values()) release();
  });
  channel.receive(async (message) => {
    if (!isOurs<Question>(message)) return;
    if (message.db === "write") {
      for (const { call, member, holding } of message.orders)
        void writer.submit(member, holding).then((outcome) => tell({ call, outcome }));
    } else if (message.db === "hold") {
      const { call, key } = message;
      await exclusive(key, () => {
        if (isGone) return Promise.resolve();
        reply({ db: "held", call });
        return new Promise<void>((resolve) => held.set(call, resolve));
      });
    } else {
      held.get(message.call)?.();
      held.delete(message.call);
    }
  });
}

/** The worker's side. */
export function openRemote(channel: Channel): { writer: HoldingWriter; exclusive: Exclusive } {
  const writing = new Map<number, (outcome: Outcome) => void>();
  const holding = new Map<number, () => void>();
  let calls = 0;
  let transactions = 0;
  let batches = 0;
  channel.receive((message) => {
    if (!isOurs<Reply>(message)) return;
    if (message.db === "written") for (const { call, outcome } of message.done) take(writing, call)?.(outcome);
    else take(holding, message.call)?.();
  });
  const order = openOutbox<Order>((orders) => {
    batches++;
    channel.send({ db: "write", orders } satisfies Question);
  });
  return {
    writer: {
      submit: (member, key) =>
        new Promise((resolve) => {
          const call = ++calls;
          transactions++;
          writing.set(call, resolve);
          order({ call, member, holding: key });
        }),
      writes: () => ({ waiting: writing.size, transactions, batches }),
      version: () => undefined,
      close: async () => undefined,
    },
    async exclusive(key, work) {
      const call = ++calls;
      await new Promise<void>((resolve) => {
        holding.set(call, resolve);
        channel.send({ db: "hold", call, key } satisfies Question);
      });
      try {
        return await work();
      } finally {
        channel.send({ db: "release", call } satisfies Question);
      }
    },
  };
}

function take<Value>(waiting: Map<number, Value>, call: number): Value | undefined {
  const value = waiting.get(call);
  waiting.delete(call);
  return value;
}
