// Pages of long lists.
import { countGets } from "../tools.ts";
import type { Measure, Setting } from "./measure.ts";

export const listedRepositories = 1000;
export const listedTags = 5000;

export function listLists({ seconds }: Setting): readonly Measure[] {
  const page = (name: string, path: string): Measure => ({
    rows: [
      { name, unit: "requests/s", reach: [{ times: 25, of: "best" }], limit: { by: "writing the answer's 100 names" } },
    ],
    scene: "lists",
    rounds: 2,
    needs: "wrk",
    take: async (stage) => [await countGets(`${stage.running().origin}${path}`, seconds)],
  });
  return [
    page("tags page, n=100 of 5,000", "/v2/bench/tagged/tags/list?n=100"),
    page("catalog page, n=100 of 1,000", "/v2/_catalog?n=100"),
  ];
}
