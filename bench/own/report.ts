// The second table: Berth beside itself.
import { isMoreBetter } from "../measures/measure.ts";
import { medianOf } from "../median.ts";
import { show } from "../reaching.ts";
import { table } from "../report.ts";
import type { Compared, OwnRun } from "./comparison.ts";

function isMore({ unit }: Compared["comparison"]): boolean {
  return unit !== "statements" && isMoreBetter(unit);
}

interface Judged {
  readonly reach: string;
  readonly ratio: number;
  readonly isReached: boolean | undefined;
}

function judge({ comparison, base, other }: Compared): Judged {
  const ratio = medianOf(other) / medianOf(base);
  const sign = isMore(comparison) ? "≥" : "≤";
  if (comparison.more !== undefined) {
    const reach = `≤ ${comparison.base} + ${comparison.more}`;
    return { reach, ratio, isReached: medianOf(other) <= medianOf(base) + comparison.more };
  }
  if (comparison.ratio === undefined) return { reach: "", ratio, isReached: undefined };
  const isReached = isMore(comparison) ? ratio >= comparison.ratio : ratio <= comparison.ratio;
  return { reach: `${sign} ${Number(comparison.ratio.toFixed(2))}×`, ratio, isReached };
}

export function reportOwn({ compared, missing, notes }: OwnRun): readonly string[] {
  if (compared.length === 0 && missing.length === 0) return [];
  const rows = compared.map((each) => {
    const { comparison, base, other, processes } = each;
    const { reach, ratio, isReached } = judge(each);
    return [
      `${comparison.name}, ${comparison.unit}`,
      Number.isNaN(ratio) ? "" : `${ratio.toFixed(2)}×`,
      reach,
      isReached === undefined ? "" : isReached ? "✓" : "**✗**",
      `${comparison.other}: ${show(medianOf(other))}`,
      base.length === 0 ? "" : `${comparison.base}: ${show(medianOf(base))}`,
      processes,
    ];
  });
  return [
    "## Berth beside itself",
    "Medians; processes: of the second figure, of the first.",
    "",
    table(["", "ratio", "reach", "reached", "figure", "beside", "processes"], rows),
    "",
    ...notes.map((each) => `- ${each}`),
    ...missing.map((each) => `- ${each}`),
    "",
  ];
}
