// SQL of events: appended in the transaction that made them true.
import type { Transaction } from "#db";
import type { EventKind } from "#lib/event";

/** Who did it, through which door, and when: the part of an actor that is written down. */
export interface Stamp {
  readonly at: number;
  readonly actor: string | null;
  readonly protocol: string;
  readonly address: string;
  readonly requestId: string;
}

/** Appends one event about `repository`; `detail` is JSON. */
export function* appendEvent(
  kind: EventKind,
  stamp: Stamp,
  repository: { readonly id: number; readonly path: string },
  subject: string | null,
  detail: Readonly<Record<string, unknown>> | null,
): Transaction<void> {
  yield {
    sql: `insert into events (at, kind, actor, protocol, address, request_id, repository_id, repository_path, subject, detail)
          values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    args: [
      stamp.at,
      kind,
      stamp.actor,
      stamp.protocol,
      stamp.address,
      stamp.requestId,
      repository.id,
      repository.path,
      subject,
      detail === null ? null : JSON.stringify(detail),
    ],
    unread: true,
  };
}
