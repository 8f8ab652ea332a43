// What is at hand, or comes later. A value that is at hand is not waited for: each wait is a promise, a frame and a turn in the
// queue, and a pull that is answered from memory has little else to do.

/** A value, or the promise of one. `await` takes both. */
export type Soon<Value> = Value | Promise<Value>;

/** What `then` makes of a value: at once when it is there, else when it is. Throws, or rejects, as `then` does. */
export function whenThere<Value, Result>(soon: Soon<Value>, then: (value: Value) => Soon<Result>): Soon<Result> {
  return soon instanceof Promise ? soon.then(then) : then(soon);
}
