// The one catch. A Fault becomes the words of the door's protocol; anything else is a bug: logged once, told to nobody.
import { Fault } from "#lib/fault";
import type { Log } from "#lib/log";
import { type Soon, whenThere } from "#lib/soon";
import { type Answer, withoutBody } from "./answer.ts";
import type { Call } from "./call.ts";
import { requireOwnOrigin } from "./origin.ts";

/** Answers a call. Faults become answers by `guard`. */
export type Door = (call: Call) => Soon<Answer>;

/** How a door says what went wrong. */
export interface ErrorWords {
  fault(fault: Fault): Answer;
  bug(requestId: string): Answer;
}

/** The door with its errors answered, closed to other sites' pages; HEAD is answered as GET would be, without the body. */
export function guard(door: Door, words: ErrorWords, log: Log): Door {
  return (call) => {
    const failed = (error: unknown) => answerOf(error, call, words, log);
    let answer: Soon<Answer>;
    try {
      requireOwnOrigin(call);
      answer = door(call);
      if (answer instanceof Promise) answer = answer.catch(failed);
    } catch (error) {
      answer = failed(error);
    }
    return call.method === "HEAD" ? whenThere(answer, withoutBody) : answer;
  };
}

function answerOf(error: unknown, call: Call, words: ErrorWords, log: Log): Answer {
  const { method, path, requestId } = call;
  if (error instanceof Fault) {
    const isOurs = error.kind === "busy" || error.kind === "full" || error.kind === "upstream";
    if (isOurs) log.error({ requestId, method, path, err: error.cause ?? error }, error.message);
    return words.fault(error);
  }
  log.error({ requestId, method, path, err: error }, "a bug: the request failed");
  return words.bug(requestId);
}
