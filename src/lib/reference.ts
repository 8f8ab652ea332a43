// Names of repositories and tags, parsed once at the door.
// https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pulling-manifests
import { type Digest, isDigest, parseDigest } from "./digest.ts";
import { Fault } from "./fault.ts";

/** A repository's name. `asked` is the name in the request; `path` the shown name, without `library/`. */
export interface RepositoryName {
  readonly namespace: string;
  readonly name: string;
  readonly path: string;
  readonly asked: string;
}

declare const valid: unique symbol;

/** A tag that has been parsed. */
export type Tag = string & { readonly [valid]: "tag" };

export type Reference = { readonly tag: Tag } | { readonly digest: Digest };

export const defaultNamespace = "library";
export const maxNameLength = 255;
export const maxTagLength = 128;
/** As the specification has it, with the slash as one more separator: half the work. */
const namePattern = /^[a-z0-9]+(?:(?:\.|__?|-+|\/)[a-z0-9]+)*$/;
const v1Part = /^[._-]*[A-Za-z0-9][A-Za-z0-9._-]*$/;
const tagPattern = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/;

/** Whether today's protocols can say a name: v1 knows others as well. */
export function isRepositoryName(text: string): boolean {
  return text.length <= maxNameLength && namePattern.test(text);
}

/** The repository that `text` names: `ubuntu` and `library/ubuntu` are one. Fault: invalid name. */
export function parseRepositoryName(text: string): RepositoryName {
  if (text.length > maxNameLength) {
    throw new Fault("invalid", "name", `a repository name has at most ${maxNameLength} characters`, {
      length: text.length,
    });
  }
  if (!namePattern.test(text)) {
    throw new Fault(
      "invalid",
      "name",
      "a repository name is lower-case letters and digits, with . _ __ - or / between them",
      {
        name: text,
      },
    );
  }
  return nameOf(text);
}

/**
 * The repository that `text` names in the v1 protocol, whose names may also have upper case and marks in any place.
 * Fault: invalid name.
 */
export function parseV1RepositoryName(text: string): RepositoryName {
  if (text.length <= maxNameLength && text.split("/").every((part) => v1Part.test(part))) return nameOf(text);
  const sentence = `a repository name is at most ${maxNameLength} letters, digits, and . _ - between slashes, and no part is only . _ -`;
  throw new Fault("invalid", "name", sentence);
}

function nameOf(text: string): RepositoryName {
  const slash = text.indexOf("/");
  const namespace = slash < 0 ? defaultNamespace : text.slice(0, slash);
  const name = text.slice(slash + 1);
  const path = namespace === defaultNamespace && !name.includes("/") ? name : `${namespace}/${name}`;
  return { namespace, name, path, asked: text };
}

export function isTag(text: string): text is Tag {
  return tagPattern.test(text);
}

/** The tag in `text`. Fault: invalid tag. */
export function parseTag(text: string): Tag {
  if (isTag(text)) return text;
  throw new Fault("invalid", "tag", "a tag is 1 to 128 letters, digits, and _ . - and does not begin with . or -", {
    tag: text.slice(0, 256),
  });
}

/** A tag or a digest: what holds a colon is a digest. Faults: invalid tag, invalid digest. */
export function parseReference(text: string): Reference {
  if (isDigest(text)) return { digest: text };
  return text.includes(":") ? { digest: parseDigest(text) } : { tag: parseTag(text) };
}
