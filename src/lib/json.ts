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

/** Refuses deep nesting before the parser recurses into it: one pass, no allocation. */
function isTooDeep(text: string, maxDepth: number): boolean {
  let depth = 0;
  let inString = false;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (inString) {
      if (c === 0x5c) i++;
      else if (c === 0x22) inString = false;
    } else if (c === 0x22) inString = true;
    else if (c === 0x7b || c === 0x5b) {
      if (++depth > maxDepth) return true;
    } else if (c === 0x7d || c === 0x5d) depth--;
  }
  return false;
}

/** The object in `bytes`. Fault: invalid manifest (not UTF-8, not JSON, not an object, nested too deep). */
export function parseObject(bytes: Uint8Array, maxDepth = 64): JsonObject {
  const bad = (message: string) => new Fault("invalid", "manifest", message);
  let text: string;
  try {
    text = utf8.decode(bytes);
  } catch {
    throw bad("the manifest is not UTF-8");
  }
  if (isTooDeep(text, maxDepth)) throw bad(`the manifest is nested deeper than ${maxDepth} levels`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw bad("the manifest is not JSON");
  }
  if (!isObject(value)) throw bad("the manifest is not a JSON object");
  return value;
}
