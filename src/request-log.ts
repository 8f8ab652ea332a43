// One line for each request, without what may be secret: no headers, no query.
import type { Observation } from "#http/serve";
import type { Log } from "#lib/log";

export function openRequestLog(log: Log): (observation: Observation) => void {
  if (!log.isLevelEnabled("info")) return () => undefined;
  return ({ method, path, requestId, address, notes, status, bytes, milliseconds }) => {
    const { protocol, action, repository, actor } = notes;
    const duration = Math.round(milliseconds * 100) / 100;
    log.info(
      { requestId, address, actor, protocol, action, repository, status, bytes, ms: duration },
      `${method} ${path.slice(0, 512)} ${status}`,
    );
  };
}
