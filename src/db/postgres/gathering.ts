// Group commit: what is written while a group is under way waits, and is the next group.

/** What waits to be written, and what it touches. */
export interface Gathered<Member> {
  readonly member: Member;
  readonly apart: readonly string[];
}

const maxMembers = 64;

/**
 * Runs members in groups by `run`, one group at a time, in which no two share a name of `apart`; in order of asking, but for
 * those that would meet. `run` is over when the next group may go, and has an answer for each member in order, which may
 * come later.
 */
export function openGathering<Member>(
  run: (members: readonly Member[]) => Promise<readonly Promise<unknown>[]>,
): (gathered: Gathered<Member>) => Promise<unknown> {
  type Waiting = Gathered<Member> & PromiseWithResolvers<unknown>;
  let waiting: Waiting[] = [];
  let isFlying = false;

  const takeGroup = (): Waiting[] => {
    const touched = new Set<string>();
    const group: Waiting[] = [];
    const left: Waiting[] = [];
    for (const each of waiting) {
      const meets = group.length === maxMembers || each.apart.some((name) => touched.has(name));
      // Also what only waits: nobody overtakes whom he would meet.
      for (const name of each.apart) touched.add(name);
      (meets ? left : group).push(each);
    }
    waiting = left;
    return group;
  };

  const fly = async () => {
    // Requests of one turn of the loop go together.
    await new Promise<void>((resolve) => setImmediate(resolve));
    while (waiting.length > 0) {
      const group = takeGroup();
      const answers = await run(group.map(({ member }) => member));
      for (const [i, { resolve }] of group.entries()) resolve(answers[i]);
    }
    isFlying = false;
  };

  return (gathered) => {
    const mine = { ...gathered, ...Promise.withResolvers<unknown>() };
    waiting.push(mine);
    if (!isFlying) {
      isFlying = true;
      void fly();
    }
    return mine.promise;
  };
}
