// The paths of all repositories in byte order, kept in memory for as long as nothing is written: a page anywhere costs the
// same on a store of any size, as long as they fit. Paths that are given are ASCII, so what else is compared with them comes
// behind them, in the order of bytes as in that of JavaScript.
import type { Db, Version } from "#db";
import { isRepositoryName } from "#lib/reference";
import { selectRepositories } from "./repositories.sql.ts";

/** All paths behind `after`, up to `through` and with it; null is behind the last one. */
interface Stretch {
  readonly after: string;
  readonly through: string | null;
  /** Those that today's protocols can say, each with a line break behind it: a text takes half of what a list of texts does. */
  readonly text: string;
  /** Where each path begins in `text`, and where the last one ends. */
  readonly starts: Uint32Array;
}

/** What is true under one version: stretches in order, of which none overlaps another. */
interface Shelf {
  readonly version: Version;
  readonly stretches: Stretch[];
  bytes: number;
  /** Something was read under this version, and nothing was written since: it pays to keep what is read now. */
  isRead: boolean;
}

export interface Catalogue {
  /** The first `count` paths behind `after`, less when there are no more. Faults: full, busy store. */
  behind(after: string, count: number): Promise<string[]>;
}

export interface CatalogueLimits {
  /** About how many bytes of paths are kept, at most. */
  readonly maxBytes: number;
  /** How many paths are read to be kept. */
  readonly length: number;
}

/** What a stretch takes beside its paths. */
const stretchBytes = 256;

export function openCatalogue(db: Db, { maxBytes, length }: CatalogueLimits): Catalogue {
  let shelf: Shelf | undefined;

  const shelfOf = (version: Version | undefined): Shelf | undefined => {
    if (version === undefined) return undefined;
    if (shelf?.version !== version) shelf = { version, stretches: [], bytes: 0, isRead: false };
    return shelf;
  };

  const read = async (after: string, count: number): Promise<Stretch> => {
    const rows = await db.read<{ path: string }>(selectRepositories, after, count);
    return stretchOf(
      after,
      rows.length < count ? null : (rows.at(-1)?.path ?? null),
      rows.map(({ path }) => path).filter(isRepositoryName),
    );
  };

  const keep = (on: Shelf, stretch: Stretch): void => {
    const at = placeOf(on.stretches, stretch.after);
    // Another may have come here first.
    if (isIn(on.stretches[at], stretch.after)) return;
    const cut = cutAt(stretch, on.stretches[at + 1]?.after);
    const bytes = bytesOf(cut);
    if (on.bytes + bytes > maxBytes) {
      on.stretches.length = 0;
      on.bytes = 0;
      return;
    }
    on.stretches.splice(at + 1, 0, cut);
    on.bytes += bytes;
  };

  const find = async (on: Shelf | undefined, after: string, count: number): Promise<Stretch> => {
    if (on === undefined) return read(after, count);
    const known = on.stretches[placeOf(on.stretches, after)];
    if (isIn(known, after)) return known;
    if (!on.isRead) {
      const stretch = await read(after, count);
      on.isRead = true;
      return stretch;
    }
    const stretch = await read(after, Math.max(count, length));
    keep(on, stretch);
    return stretch;
  };

  return {
    async behind(after, count) {
      const on = shelfOf(await db.version());
      const found: string[] = [];
      for (let from: string | null = after; from !== null && found.length < count; ) {
        const stretch = await find(on, from, count - found.length);
        found.push(...pathsBehind(stretch, from, count - found.length));
        from = stretch.through;
      }
      return found;
    },
  };
}

function stretchOf(after: string, through: string | null, paths: readonly string[]): Stretch {
  const starts = new Uint32Array(paths.length + 1);
  for (const [i, path] of paths.entries()) starts[i + 1] = (starts[i] ?? 0) + path.length + 1;
  return { after, through, text: paths.map((path) => `${path}\n`).join(""), starts };
}

function bytesOf({ text, starts }: Stretch): number {
  return text.length + starts.byteLength + stretchBytes;
}

/** The index of the last stretch that begins at `path` or before it; -1 when there is none. */
function placeOf(stretches: readonly Stretch[], path: string): number {
  return firstWhere(stretches.length, (i) => (stretches[i]?.after ?? "") > path) - 1;
}

/** Whether `stretch` says what is right behind `path`, given that it does not begin behind it. */
function isIn(stretch: Stretch | undefined, path: string): stretch is Stretch {
  return stretch !== undefined && (stretch.through === null || path < stretch.through);
}

/** What of `stretch` is not behind `next`. */
function cutAt(stretch: Stretch, next: string | undefined): Stretch {
  if (next === undefined || (stretch.through !== null && stretch.through <= next)) return stretch;
  const paths = pathsBehind(stretch, stretch.after, stretch.starts.length - 1);
  return stretchOf(stretch.after, next, paths.slice(0, indexBehind(stretch, next)));
}

/** The first `count` paths of a stretch that are behind `path`. */
function pathsBehind(stretch: Stretch, path: string, count: number): string[] {
  const { text, starts } = stretch;
  const first = indexBehind(stretch, path);
  const last = Math.min(first + count, starts.length - 1);
  return first === last ? [] : text.slice(starts[first], (starts[last] ?? 0) - 1).split("\n");
}

/** The index of the first path of a stretch that is behind `path`. */
function indexBehind({ text, starts }: Stretch, path: string): number {
  return firstWhere(starts.length - 1, (i) => text.slice(starts[i], (starts[i + 1] ?? 0) - 1) > path);
}

/** The first of `count` indexes for which `holds`, which holds for all that follow; `count` when it holds for none. */
function firstWhere(count: number, holds: (index: number) => boolean): number {
  let [from, to] = [0, count];
  while (from < to) {
    const middle = (from + to) >> 1;
    if (holds(middle)) to = middle;
    else from = middle + 1;
  }
  return from;
}
