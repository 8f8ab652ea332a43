// One line for each request, without what may be secret: no headers, no query.
import type { Observation } from "#http/serve";
import type { Clock } from "#lib/clock";
import type { Log } from "#lib/log";

/** https://github.com/pinojs/pino/blob/v10.4.0/docs/api.md#loggerlevels-object */
const level = 30;

/** As pino writes lines of its level `info`: its own way to a line takes as long as half of a pull. */
export function openRequestLog(log: Log, clock: Clock): (observation: Observation) => void {
  if (!log.isEnabled("info")) return () => undefined;
  const timeOf = openTimes();
  return ({ method, path, requestId, address, notes, status, bytes, milliseconds }) => {
    const { protocol, action, repository, actor } = notes;
    const time = timeOf(clock.now());
    const ms = Math.round(milliseconds * 100) / 100;
    const msg = `${method} ${path.slice(0, 512)} ${status}`;
    log.line(
      JSON.stringify({ level, time, requestId, address, actor, protocol, action, repository, status, bytes, ms, msg }),
    );
  };
}

/** Times as text; within one millisecond the same one. */
function openTimes(): (at: number) => string {
  let last = 0;
  let text = "";
  return (at) => {
    if (at !== last) text = new Date(at).toISOString();
    last = at;
    return text;
  };
}
