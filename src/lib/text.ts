// Text that is kept.

/** The same text by itself. What is cut from a text holds all of it, and the runtime does not count that: a cache would. */
export function detached(text: string): string {
  return Buffer.from(text).toString();
}
