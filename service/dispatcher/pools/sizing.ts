import type { PoolSpec } from '../../contracts/pool.ts';

/** Where neither an executor nor the pool's specification says how many executions one takes at once. */
const slotsUnlessTold = 4;

/** A pool now, over all dispatchers. */
export interface Observed {
  /** Executions under way on its executors, those that drain aside. */
  readonly running: number;
  /** Executions in queues that ask for more executors. */
  readonly waiting: number;
  /** Executions that one of its executors takes at once; undefined while there is none to ask. */
  readonly slots: number | undefined;
}

export interface History {
  /** The most executors that were needed at any time within `idleSeconds`. */
  readonly peak: number;
  /**
   * How many were needed when it was looked at last; undefined where none is usable. Figures of several dispatchers are
   * not of the same moment: an execution that starts can be seen as waiting and running, once. So a rise counts once it
   * was seen twice.
   */
  readonly before: number | undefined;
}

/** Executions that one executor of the pool takes at once, observed or as far as is known before. */
export const slotsOf = (spec: PoolSpec, observed: number | undefined): number =>
  Math.max(1, observed ?? spec.executor.maxRunning ?? slotsUnlessTold);

/** Executors for what runs, waits and may come at once; not yet held between minimum and maximum. */
export const neededExecutors = (spec: PoolSpec, { running, waiting, slots }: Observed): number => {
  const busy = running + waiting;
  const headroom = spec.minimum === 0 && busy === 0 ? 0 : spec.headroom;
  return Math.ceil((busy + headroom) / slotsOf(spec, slots));
};

/** What of the need counts now. */
export const countedNeed = (needed: number, before: number | undefined): number =>
  Math.min(needed, before ?? needed);

/**
 * How many executors a pool should have: as many as are needed, all in one step, and no fewer than were needed within
 * `idleSeconds`. What is there already has no part in it, so nothing it leads to can make it swing.
 */
export const wantedExecutors = (spec: PoolSpec, observed: Observed, history: History): number => {
  const needed = countedNeed(neededExecutors(spec, observed), history.before);
  return Math.min(spec.maximum, Math.max(spec.minimum, needed, history.peak));
};
