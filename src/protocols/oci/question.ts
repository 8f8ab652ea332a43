// What every handler of /v2/ is given: who asks, what was sent, about which repository.
import type { Actor } from "#access";
import type { Call } from "#http/call";
import type { RepositoryName } from "#lib/reference";
import type { Registry } from "#registry";
import type { Heads } from "./heads.ts";

export interface Question {
  readonly registry: Registry;
  readonly actor: Actor;
  readonly call: Call;
  readonly name: RepositoryName;
  readonly heads: Heads;
}
