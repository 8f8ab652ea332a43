// Who asks, and through which door: what every verb of a room is given first.

export interface Actor {
  readonly kind: "anonymous";
  /** The account, null for anonymous. */
  readonly id: string | null;
  /** The tongue and the request, for the history and the events. */
  readonly protocol: string;
  readonly address: string;
  readonly requestId: string;
}

/** Somebody without credentials. */
export function anonymous(protocol: string, address: string, requestId: string): Actor {
  return { kind: "anonymous", id: null, protocol, address, requestId };
}
