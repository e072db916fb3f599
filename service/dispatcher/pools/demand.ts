import type { Execution } from '../execution.ts';
import type { PoolView } from './pool-view.ts';
import { slotsOf } from './sizing.ts';

/** What came this soon after one that asks belongs to the same burst, which is to be answered in one step. */
const togetherMs = 100;

/** What one dispatcher's queue asks of the pools. */
export interface Demand {
  /** By pool: executions that have waited long enough to ask for more executors, and those that came with them. */
  readonly asking: ReadonlyMap<string, number>;
  /** By pool: all that wait. */
  readonly waiting: ReadonlyMap<string, number>;
  /** When the next has waited long enough; infinite where none is too young. */
  readonly ripensAt: number;
}

/**
 * Counts each execution for one pool, so that none makes two of them grow: of those it may go to the first that could
 * still have room for it, and that is not held up.
 * @param isStuck whether starting an executor there leads nowhere for now
 */
export const demandOf = (
  waiting: readonly Execution[],
  views: readonly PoolView[],
  now: number,
  isStuck: (view: PoolView) => boolean,
): Demand => {
  const tallies = views.map((view) => ({
    view,
    stuck: isStuck(view),
    room: view.spec.maximum * slotsOf(view.spec, view.slots) - view.running,
    waiting: 0,
    ripe: 0,
    soonRipe: 0,
  }));
  type Tally = (typeof tallies)[number];
  const mayGoTo = new Map<ReadonlySet<string> | undefined, Tally[]>();
  const candidatesOf = ({ pools }: Execution): Tally[] => {
    const known = mayGoTo.get(pools);
    if (known) return known;
    const found = tallies.filter(({ view }) => !pools || pools.has(view.spec.name));
    mayGoTo.set(pools, found);
    return found;
  };
  let ripensAt = Number.POSITIVE_INFINITY;
  for (const execution of waiting) {
    const candidates = candidatesOf(execution);
    const chosen =
      candidates.find(({ stuck, room, waiting }) => !stuck && room > waiting) ??
      candidates.find(({ stuck }) => !stuck) ??
      candidates[0];
    if (!chosen) continue;
    chosen.waiting++;
    const ripeAt = execution.admittedAt + chosen.view.spec.scaleUpAfterMs;
    if (chosen.view.usable === 0 || ripeAt <= now) chosen.ripe++;
    else {
      ripensAt = Math.min(ripensAt, ripeAt);
      if (ripeAt <= now + togetherMs) chosen.soonRipe++;
    }
  }
  return {
    asking: new Map(
      tallies.map(({ view, ripe, soonRipe }) => [view.spec.name, ripe > 0 ? ripe + soonRipe : 0]),
    ),
    waiting: new Map(tallies.map(({ view, waiting }) => [view.spec.name, waiting])),
    ripensAt,
  };
};
