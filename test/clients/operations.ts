// What each client is seen to do here: tests say so at their end, and table.ts makes docs/clients.md of it. The variable
// CLIENT_RESULTS names the file that a run appends to; without it nothing is written down.
import { appendFile } from "node:fs/promises";

export const clients = [
  "docker",
  "docker 1.5",
  "podman",
  "buildah",
  "skopeo",
  "crane",
  "oras",
  "regctl",
  "helm",
  "cosign",
  "ctr",
  "zb",
] as const;
export type Client = (typeof clients)[number];

/** What clients do with a registry, in the order of the table. */
export const operations = [
  "push",
  "pull",
  "pull by digest",
  "push an index",
  "pull from an index",
  "push of what is there already",
  "push after the server was killed",
  "push in chunks",
  "copy between repositories",
  "copy with referrers",
  "copy with digest tags",
  "synchronise",
  "convert on the way",
  "inspect",
  "tag",
  "list tags",
  "list repositories",
  "delete a tag",
  "delete a manifest",
  "delete a blob",
  "attach",
  "list referrers",
  "sign and verify",
  "HTTPS with an own authority",
] as const;
export type Operation = (typeof operations)[number];

export interface Seen {
  readonly client: Client;
  readonly operation: Operation;
}

/** Says that a client has just done this and that: the last line of a test, reached only when all before it held. */
export async function record(client: Client, ...done: readonly Operation[]): Promise<void> {
  const results = process.env["CLIENT_RESULTS"];
  if (results === undefined) return;
  await appendFile(results, done.map((operation) => `${client}\t${operation}\n`).join(""));
}
