// Access: who asks, and whether they may. The one place that decides.
export type { Actor } from "./actor.ts";
export { anonymous } from "./actor.ts";
export { type Access, type Action, openAccess } from "./policy.ts";
