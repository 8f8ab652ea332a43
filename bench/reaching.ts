// Whether a row reached what it is to reach.
import { isMoreBetter, type Reach, type Row } from "./measures/measure.ts";
import { medianOf } from "./median.ts";
import type { Figures } from "./peers.ts";
import type { Server } from "./servers.ts";

export const us = "Berth";

export interface Judgement {
  /** What is to be reached, in words. */
  readonly reach: string;
  /** How far it came, in the same terms; undefined when there was nothing to compare with. */
  readonly reached: string | undefined;
  readonly isReached: boolean;
}

/** The median of a row of a server; NaN without one. */
export function figureOf(figures: Figures, row: string, server: string): number {
  return medianOf(figures.get(row)?.get(server) ?? []);
}

/** The registry, other than ours, with the best figure of a row. */
export function bestOf(figures: Figures, { name, unit }: Row, servers: readonly Server[]): Server | undefined {
  const sign = isMoreBetter(unit) ? 1 : -1;
  return servers
    .filter((server) => server.canPush && server.name !== us && !Number.isNaN(figureOf(figures, name, server.name)))
    .toSorted((a, b) => sign * (figureOf(figures, name, b.name) - figureOf(figures, name, a.name)))[0];
}

export function judge(row: Row, reach: Reach, figures: Figures, servers: readonly Server[]): Judgement {
  const isMore = isMoreBetter(row.unit);
  const sign = isMore ? "≥" : "≤";
  const ours = figureOf(figures, row.name, us);
  const fits = (value: number, bound: number) => (isMore ? value >= bound : value <= bound);
  if ("limit" in reach)
    return {
      reach: `${sign} ${reach.limit}${row.unit === "ratio" ? "" : ` ${row.unit}`}`,
      reached: Number.isNaN(ours) ? undefined : show(ours),
      isReached: fits(ours, reach.limit),
    };
  if ("above" in reach) {
    const more = ours - figureOf(figures, reach.above, us);
    return {
      reach: `≤ idle + ${reach.by} ${row.unit}`,
      reached: Number.isNaN(more) ? undefined : `+ ${show(more)}`,
      isReached: more <= reach.by,
    };
  }
  const other = reach.of === "best" ? bestOf(figures, row, servers)?.name : reach.of;
  const theirs = other === undefined ? Number.NaN : figureOf(figures, reach.row ?? row.name, other);
  const ratio = ours / theirs;
  return {
    reach: `${sign} ${reach.times}× ${reach.of === "best" ? "the best registry" : reach.of}`,
    reached: Number.isNaN(ratio) ? undefined : `${ratio.toFixed(2)}× ${other}`,
    isReached: fits(ratio, reach.times),
  };
}

export function show(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString("en-US") : value.toPrecision(3);
}
