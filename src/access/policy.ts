// The decision. In the open mode, the only one there is so far, everybody may do everything.
import { Fault } from "#lib/fault";
import type { Actor } from "./actor.ts";

export type Action = "pull" | "push" | "delete";

export interface Access {
  /** Whether `actor` may do `action` in the repository called `path`. */
  allows(actor: Actor, path: string, action: Action): boolean;
  /** Returns when it does. Fault: denied repository. */
  require(actor: Actor, path: string, action: Action): void;
}

export function openAccess({ open }: { readonly open: boolean }): Access {
  const allows = (_actor: Actor, _path: string, _action: Action) => open;
  return {
    allows,
    require(actor, path, action) {
      if (!allows(actor, path, action))
        throw new Fault("denied", "repository", `${action} is not allowed`, { repository: path });
    },
  };
}
