// What happened, in the words of every room: appended in the transaction that made it true.

export type EventKind =
  | "repository.create"
  | "repository.delete"
  | "manifest.push"
  | "manifest.delete"
  | "tag.move"
  | "tag.delete"
  | "blob.delete";
