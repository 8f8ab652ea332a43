// Whom a v1 image belongs to, and who may use it: ids are chosen by who pushes and prove nothing.
import type { Access, Actor } from "#access";
import { defaultNamespace } from "#lib/reference";
import type { Owned } from "./images.sql.ts";

/** What is asked about a record: to read it, to go on with its push, or to take it into a push to another repository. */
export type Purpose = "read" | "push" | "reuse";

/** Whether `actor` may do that with a record: another's is taken into a push only where they could have pushed it themselves. */
export function maySee(access: Access, actor: Actor, { path, origin, is_gone }: Owned, purpose: Purpose): boolean {
  // What is nobody's, and what a deleted repository left: for those who could push there.
  if (path === null || is_gone === 1)
    return access.allows(actor, path ?? "", "push") && access.allows(actor, path ?? "", "pull");
  if (purpose === "push") return access.allows(actor, path, "push");
  if (!access.allows(actor, path, "pull")) return false;
  const isTrusted = origin === "derived" || !path.includes("/") || path.startsWith(`${defaultNamespace}/`);
  return purpose === "read" || isTrusted || access.allows(actor, path, "push");
}
