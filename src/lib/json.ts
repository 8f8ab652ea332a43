// JSON from outside: parsed with a bound on depth, looked at without trusting its shape.
import { Fault } from "./fault.ts";

export type JsonObject = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function stringOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * How many members the objects in a JSON text have, counted by their colons; undefined when it is nested deeper than
 * `maxDepth`, which is refused before the parser recurses into it. One pass, no allocation.
 */
function countMembers(text: string, maxDepth: number): number | undefined {
  let depth = 0;
  let members = 0;
  let inString = false;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (inString) {
      if (c === 0x5c) i++;
      else if (c === 0x22) inString = false;
    } else if (c === 0x22) inString = true;
    else if (c === 0x3a) members++;
    else if (c === 0x7b || c === 0x5b) {
      if (++depth > maxDepth) return undefined;
    } else if (c === 0x7d || c === 0x5d) depth--;
  }
  return members;
}

/** How many members the objects of a parsed value have: fewer than were written when a name comes twice in one object. */
function countKept(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  const inside: readonly unknown[] = Object.values(value);
  return inside.reduce((sum: number, each) => sum + countKept(each), Array.isArray(value) ? 0 : inside.length);
}

/**
 * The object in `bytes`. Fault: invalid manifest (not UTF-8, not JSON, not an object, nested too deep, or with a name twice
 * in one object, which two readers may read as two documents).
 */
export function parseObject(bytes: Uint8Array, maxDepth = 64): JsonObject {
  const bad = (message: string) => new Fault("invalid", "manifest", message);
  let text: string;
  try {
    text = utf8.decode(bytes);
  } catch {
    throw bad("the manifest is not UTF-8");
  }
  const members = countMembers(text, maxDepth);
  if (members === undefined) throw bad(`the manifest is nested deeper than ${maxDepth} levels`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw bad("the manifest is not JSON");
  }
  if (!isObject(value)) throw bad("the manifest is not a JSON object");
  if (countKept(value) !== members) throw bad("the manifest has one name twice in the same object");
  return value;
}
