// How many transactions of one name run side by side: as many as lose no races. Small tables have few pages, and serializable
// transactions that read and write the same page lose races against each other: then one after another is faster.

export interface Lane {
  /** Runs `work` once there is room, in order of asking. When it fails and `isLost` says so, there is less room from then on. */
  run<Result>(work: () => Promise<Result>): Promise<Result>;
}

/** How much room a success adds: a lost race costs about a transaction, so there are some successes between two of them. */
const growth = 1 / 32;

/** Lanes by name, each with room for `maxRoom` at first. `isLost`: whether an error is that of a lost race. */
export function openLanes(maxRoom: number, isLost: (error: unknown) => boolean): (name: string) => Lane {
  const lanes = new Map<string, Lane>();
  return (name) => {
    const lane = lanes.get(name) ?? openLane(maxRoom, isLost);
    lanes.set(name, lane);
    return lane;
  };
}

function openLane(maxRoom: number, isLost: (error: unknown) => boolean): Lane {
  let room = maxRoom;
  let running = 0;
  const waiting: (() => void)[] = [];
  const leave = () => {
    running--;
    while (waiting.length > 0 && running < Math.floor(room)) {
      running++;
      waiting.shift()?.();
    }
  };
  return {
    async run(work) {
      if (running < Math.floor(room)) running++;
      else await new Promise<void>((enter) => waiting.push(enter));
      try {
        const result = await work();
        room = Math.min(maxRoom, room + growth);
        return result;
      } catch (error) {
        if (isLost(error)) room = Math.max(1, room / 2);
        throw error;
      } finally {
        leave();
      }
    },
  };
}
