// What the clients of the kill driver share: the ledger, the manifests and uploads that they made, and what went wrong.
import { type Ledger, openLedger, type State, type Write } from "./ledger.ts";
import type { Random } from "./random.ts";
import type { Client, Reply } from "./registry-client.ts";
import { openV1World, type V1World } from "./v1/world.ts";

export interface KnownManifest {
  readonly repository: string;
  readonly digest: string;
  readonly mediaType: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly subject: string | null;
}

/** A blob that is arriving, with all that a client knows of it. */
export interface KnownUpload {
  readonly repository: string;
  readonly location: string;
  readonly digest: string;
  readonly seed: number;
  readonly size: number;
  /** What the last answer said has arrived. */
  acknowledged: number;
  /** What may have arrived: the end of the part that was sent last. */
  sent: number;
  /** The last part, or the cancel, was sent: it may be gone. */
  mayHaveEnded: boolean;
  /** A client works on it, and no other may. */
  isTaken: boolean;
}

export interface World {
  readonly ledger: Ledger;
  readonly repositories: readonly string[];
  /** By repository and digest. */
  readonly manifests: Map<string, KnownManifest>;
  /** Manifests that are never deleted: the tags that all clients move point at these. */
  readonly keepers: KnownManifest[];
  readonly uploads: Set<KnownUpload>;
  readonly v1: V1World;
  /** Whatever should not have happened, in words. */
  readonly wrongs: string[];
  /** Changes that were acknowledged, in all rounds. */
  acknowledged: number;
}

/** A world in which nothing has been pushed. */
export function openWorld(): World {
  return {
    ledger: openLedger(),
    repositories: ["one", "two/three", "four/five/six"],
    manifests: new Map(),
    keepers: [],
    uploads: new Set(),
    v1: openV1World(),
    wrongs: [],
    acknowledged: 0,
  };
}

/** One client for one round. */
export interface Session {
  readonly world: World;
  readonly client: Client;
  readonly random: Random;
  /** Names what this client alone writes. */
  readonly name: string;
  /** Whether the server has been killed, or is about to be: nothing that fails from here on is wrong. */
  isOver(): boolean;
  /** Whether an answer that was not expected is right all the same: the client stops, as if the server were gone. */
  isExcused?(what: string, reply: Reply, startedAt: number): boolean;
}

/** The server is gone: the client stops, and what it had under way stays open in the ledger. */
export class Gone extends Error {
  override readonly name = "Gone";
}

/** One request. A broken connection before the kill, and an answer of 5xx that is not excused, are wrong. */
export async function send(
  { world, isOver, isExcused }: Session,
  what: string,
  request: () => Promise<Reply>,
  expected: readonly number[],
): Promise<Reply> {
  if (isOver()) throw new Gone();
  const startedAt = performance.now();
  let reply: Reply;
  try {
    reply = await request();
  } catch (error) {
    if (!isOver()) world.wrongs.push(`${what}: the connection broke before the kill: ${String(error)}`);
    throw new Gone();
  }
  if (!expected.includes(reply.status)) {
    if (isExcused?.(what, reply, startedAt)) throw new Gone();
    world.wrongs.push(`${what}: answered ${reply.status}: ${new TextDecoder().decode(reply.bytes).slice(0, 300)}`);
  }
  return reply;
}

export interface Change {
  readonly what: string;
  readonly writes: Readonly<Record<string, State>>;
  readonly request: () => Promise<Reply>;
  /** The status that says that it was done. */
  readonly done: number;
  /** Statuses that say that it was not, and may. */
  readonly refused?: readonly number[];
}

/** A request that writes keys of the ledger; true when it was acknowledged. */
export async function change(
  session: Session,
  { what, writes, request, done, refused = [] }: Change,
): Promise<boolean> {
  const { world, isOver } = session;
  if (isOver()) throw new Gone();
  const entries: Write[] = Object.entries(writes).map(([key, value]) => world.ledger.begin(key, value));
  const { status } = await send(session, what, request, [done, ...refused]);
  for (const entry of entries) {
    if (status === done) entry.acknowledge();
    else entry.withdraw();
  }
  if (status === done) world.acknowledged++;
  return status === done;
}
