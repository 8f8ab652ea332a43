// What is measured beside the peers, in the order of the report.
import { listDownloads } from "./downloads.ts";
import { listLists } from "./lists.ts";
import type { Measure, Setting } from "./measure.ts";
import { listMemory } from "./memory.ts";
import { listPushes } from "./pushes.ts";
import { listReads } from "./reads.ts";
import { listStarts } from "./starts.ts";
import { listTls } from "./tls.ts";

export function listMeasures(setting: Setting): readonly Measure[] {
  return [
    ...listReads(setting),
    ...listDownloads(setting),
    ...listTls(setting),
    ...listPushes(setting),
    ...listLists(setting),
    ...listStarts(),
    ...listMemory(setting),
  ];
}
