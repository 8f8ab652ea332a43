// What those who run a server ask: is it alive, is it ready, how does it do.
import { type Answer, empty } from "#http/answer";
import type { Door, ErrorWords } from "#http/guard";
import { Fault } from "#lib/fault";

export { addUp, type Metrics, openMetrics } from "./metrics.ts";

export interface OpsDoorOptions {
  /** Rejects when the database or the store does not answer. */
  readonly check: () => Promise<void>;
  /** The text of /metrics, or undefined where it is not served. */
  readonly metrics: (() => Promise<string>) | undefined;
}

/** /healthz: the process lives. /readyz: database and store answer. /metrics: counters, where they are served. */
export function openOpsDoor({ check, metrics }: OpsDoorOptions): Door {
  return async (call) => {
    const { method, path, notes } = call;
    const isOurs = path === "/healthz" || path === "/readyz" || (path === "/metrics" && metrics !== undefined);
    if (!isOurs) throw new Fault("unknown", "route", "there is nothing at this path");
    if (method !== "GET" && method !== "HEAD") {
      throw new Fault("unsupported", "method", "the method is not supported here", { allow: "GET, HEAD" });
    }
    notes.protocol = "ops";
    notes.action = path.slice(1);
    if (path === "/readyz") await check();
    if (path === "/metrics" && metrics !== undefined)
      return text(200, await metrics(), "text/plain; version=0.0.4; charset=utf-8");
    return text(200, "ok\n");
  };
}

function text(status: number, content: string, contentType = "text/plain; charset=utf-8"): Answer {
  return {
    ...empty(status, "Content-Type", contentType, "X-Content-Type-Options", "nosniff", "Cache-Control", "no-store"),
    body: new TextEncoder().encode(content),
  };
}

/** Plain sentences for people and probes. */
export const opsErrors: ErrorWords = {
  fault(fault) {
    const { kind, message, detail } = fault;
    const status = { busy: 503, full: 507, denied: 403, unknown: 404, unsupported: 405 }[kind as string] ?? 400;
    const answer = text(status, `${message}\n`);
    return typeof detail["allow"] === "string"
      ? { ...answer, headers: [...answer.headers, "Allow", detail["allow"]] }
      : answer;
  },
  bug: () => text(500, "internal error\n"),
};
