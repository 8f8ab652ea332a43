// How tests see that something fails.

/**
 * How a promise fails; throws when it does not. `expect(…).rejects` would turn the loop of events inside of itself, after
 * which Bun reads no more of what the server writes: its pipe fills, and the server waits for ever.
 */
export async function failureOf(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error === undefined) throw new Error("it did not fail");
  return String(error);
}
