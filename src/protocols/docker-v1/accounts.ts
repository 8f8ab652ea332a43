// All that this door asks of accounts, where there are some. In the open mode nobody is asked.
import type { Action, Actor } from "#access";
import type { RepositoryName } from "#lib/reference";
import type { Token, TokenAccess } from "./tokens.ts";

export interface Credentials {
  readonly username: string;
  readonly password: string;
}

export interface Registration extends Credentials {
  readonly email: string;
}

/** What a token that was checked allows, at most. */
export interface Grant {
  readonly actor: Actor;
  readonly repository: RepositoryName;
  readonly access: TokenAccess;
}

export interface Accounts {
  /**
   * Who has these credentials; `guest` is the same request without them. Faults: unauthenticated request, denied request
   * (`Account is not Active`).
   */
  signIn(credentials: Credentials, guest: Actor): Promise<Actor>;
  /**
   * Makes an account, whose values have been checked for their form. `taken`: name or address belong to somebody; `closed`:
   * nobody may register here. Fault: invalid request, with the words for the user.
   */
  register(registration: Registration): Promise<"made" | "taken" | "closed">;
  /** Changes the password or adds an address. Faults: denied request (somebody else's), unknown request, invalid request. */
  update(actor: Actor, username: string, change: Partial<Omit<Registration, "username">>): Promise<void>;
  /** Whether `actor` may do this, now. What one may not pull does not exist. */
  allows(actor: Actor, name: RepositoryName, action: Action): Promise<boolean>;
  /** The signature of a new token, 40 hex digits, good for some hours however often it is used. */
  issue(actor: Actor, name: RepositoryName, access: TokenAccess): Promise<string>;
  /** What a token was issued for; undefined when it was not, or is too old. */
  check(token: Token, guest: Actor): Promise<Grant | undefined>;
}
