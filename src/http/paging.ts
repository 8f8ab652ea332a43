// Pages of a listing by `n` and `last`, the next one named by Link.
// https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#listing-tags
import { Fault } from "#lib/fault";
import type { Call } from "./call.ts";

export const maxPage = 1000;

/** What a call asks for. Without `n` it gets as much as a page may hold; `n=0` asks for nothing. Fault: invalid page. */
export function parsePage({ query }: Call): { limit: number; after: string } {
  const n = query.get("n");
  const after = query.get("last") ?? "";
  if (after.includes("\0")) throw new Fault("invalid", "page", "last is what a listing may hold");
  if (n === null || n === "") return { limit: maxPage, after };
  if (!/^\d{1,15}$/.test(n))
    throw new Fault("invalid", "page", "n is a whole number that is not negative", { n: n.slice(0, 64) });
  return { limit: Math.min(Number(n), maxPage), after };
}

/** The Link to the page behind `last`, at `path`, keeping the other parameters of the call. */
export function nextLink(path: string, { query }: Call, limit: number, last: string): string[] {
  const next = new URLSearchParams([...query].filter(([name]) => name !== "n" && name !== "last"));
  next.set("n", String(limit));
  next.set("last", last);
  // A plus is a plus where it is read again.
  return ["Link", `<${path}?${next.toString().replaceAll("+", "%20")}>; rel="next"`];
}
