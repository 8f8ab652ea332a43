// The one error of Berth. Rooms throw it, doors turn it into the words of their protocol, nobody else looks inside.

/** What went wrong, whatever the protocol. */
export type Kind =
  | "invalid"
  | "unauthenticated"
  | "denied"
  | "unknown"
  | "conflict"
  | "too-large"
  | "range"
  | "unsupported"
  | "quota"
  | "busy"
  | "full"
  | "upstream";

/** What it went wrong with. */
export type Subject =
  | "request"
  | "expectation"
  | "timeout"
  | "route"
  | "method"
  | "name"
  | "reference"
  | "digest"
  | "size"
  | "page"
  | "blob"
  | "manifest"
  | "manifest-blob"
  | "media-type"
  | "repository"
  | "tag"
  | "upload"
  | "store"
  | "settings"
  // Of the v1 protocol: an image, one whose bytes are still coming, its checksum, the list of a push.
  | "image"
  | "arriving-image"
  | "checksum"
  | "image-list";

/** Facts that a client may see. Never a path, an SQL text or a stack. */
export type Detail = Readonly<Record<string, unknown>>;

export class Fault extends Error {
  override readonly name = "Fault";
  readonly kind: Kind;
  readonly subject: Subject;
  readonly detail: Detail;

  /** `message` and `detail` reach the client; `cause` stays in the log. */
  constructor(kind: Kind, subject: Subject, message: string, detail: Detail = {}, cause?: unknown) {
    super(message, cause === undefined ? {} : { cause });
    this.kind = kind;
    this.subject = subject;
    this.detail = detail;
  }
}

/** A Fault as plain data, to cross a thread or a socket. */
export interface FaultRecord {
  readonly kind: Kind;
  readonly subject: Subject;
  readonly message: string;
  readonly detail: Detail;
  readonly cause?: string;
}

/** The record of a Fault; its cause becomes text. */
export function toRecord(fault: Fault): FaultRecord {
  const { kind, subject, message, detail, cause } = fault;
  return { kind, subject, message, detail, ...(cause === undefined ? {} : { cause: String(cause) }) };
}

/** The Fault of a record. */
export function fromRecord(record: FaultRecord): Fault {
  return new Fault(record.kind, record.subject, record.message, record.detail, record.cause);
}

/** The code of a system error (`ENOENT`, `SQLITE_FULL`), or undefined. */
export function errorCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}
