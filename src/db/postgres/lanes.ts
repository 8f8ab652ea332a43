// How many transactions of one name run side by side: as many as lose no races. Small tables have few pages, and serializable
// transactions that read and write the same page lose races against each other: then one after another is faster.

export interface Lane {
  /** Runs `work` once there is room, in order of asking. A lost race makes less room, success more. */
  run<Result>(work: () => Promise<Result>): Promise<Result>;
}

/** What a failure says about the lane; anything else is the matter of who asked. */
export interface Failures {
  isLostRace(error: unknown): boolean;
  /** The database cannot be used: those who wait go on and find it out, all at once. */
  isAway(error: unknown): boolean;
}

/** How much room a success adds: a lost race costs about a transaction, so there are some successes between two of them. */
const growth = 1 / 32;

/** Lanes by name, each with room for `maxRoom` at first. */
export function openLanes(maxRoom: number, failures: Failures): (name: string) => Lane {
  const lanes = new Map<string, Lane>();
  return (name) => {
    const lane = lanes.get(name) ?? openLane(maxRoom, failures);
    lanes.set(name, lane);
    return lane;
  };
}

function openLane(maxRoom: number, { isLostRace, isAway }: Failures): Lane {
  let room = maxRoom;
  let running = 0;
  const waiting: (() => void)[] = [];
  const enter = (count: number) => {
    const entering = waiting.splice(0, count);
    running += entering.length;
    for (const each of entering) each();
  };
  return {
    async run(work) {
      if (running < Math.floor(room)) running++;
      else await new Promise<void>((entered) => waiting.push(entered));
      try {
        const result = await work();
        room = Math.min(maxRoom, room + growth);
        return result;
      } catch (error) {
        if (isLostRace(error)) room = Math.max(1, room / 2);
        else if (isAway(error)) enter(waiting.length);
        throw error;
      } finally {
        running--;
        enter(Math.max(0, Math.floor(room) - running));
      }
    },
  };
}
