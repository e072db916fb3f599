import type { Clock } from '../../cluster/clock.ts';
import type { Launched, PoolEngine } from '../../cluster/port.ts';
import type { PoolSpec } from '../../contracts/pool.ts';
import type { Log } from '../log.ts';
import { type Member, toleratedFailures } from '../member.ts';
import { createLifeWatch, earlyEndMs, joinWithinMs, type LifeWatch } from './life-watch.ts';
import { createPeak, type Peak } from './peak.ts';
import { type PoolView, runningOn } from './pool-view.ts';
import { createSetbacks, type Setbacks } from './setbacks.ts';
import { countedNeed, neededExecutors, wantedExecutors } from './sizing.ts';

/**
 * One that has not answered for so long is replaced, long before the cluster gives its node up. It counts against the
 * maximum still, so a dispatcher that reaches none of them cannot make a pool grow beyond that.
 */
const silentMs = 5_000;
/** After a retirement that failed. */
const retireAgainMs = 5_000;

/** Keeps one pool at size, while this dispatcher leads. */
export interface PoolKeeper {
  /** `moving` asks to look again soon. */
  keep(view: PoolView, waiting: number, members: ReadonlyMap<string, Member>): 'moving' | 'settled';
  /** Another leads: what was seen so far is no base for decisions later. */
  rest(): void;
  /** undefined before the first `keep`. */
  wanted(): number | undefined;
  /** Why starts are held back, for people. */
  setback(): string | undefined;
}

export interface PoolKeeperOptions {
  readonly spec: PoolSpec;
  readonly engine: PoolEngine;
  readonly clock: Clock;
  readonly log: Log;
  readonly draining: (executor: string) => void;
  readonly wake: () => void;
}

/** What one time of leading has learnt. */
interface Term {
  readonly peak: Peak;
  readonly lives: LifeWatch;
  readonly setbacks: Setbacks;
  /** When each executor was last seen to run something, or first seen. */
  readonly busyAt: Map<string, number>;
  /** Since when those that do not answer have not. */
  readonly silentSince: Map<string, number>;
  /** Told to end, whether or not the cluster says so yet. */
  readonly told: Set<string>;
  before: number | undefined;
  wanted: number | undefined;
}

export const createPoolKeeper = (options: PoolKeeperOptions): PoolKeeper => {
  const { spec, engine, clock, log } = options;
  const pool = spec.name;
  let term: Term | undefined;
  // Beyond a term: a call of an earlier one may still be under way.
  let isLaunching = false;
  let isRetiring = false;
  let retiresAfter = Number.NEGATIVE_INFINITY;
  // Kept while there is no executor to ask, so that the next ones are not too many.
  let slots: number | undefined;

  const launch = async ({ setbacks }: Term, count: number, supply: number): Promise<void> => {
    isLaunching = true;
    log.info({ pool, count, supply }, 'asks for more executors');
    try {
      await engine.launch(pool, count);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      setbacks.note(clock.now(), `executors could not be asked for: ${reason}`);
      log.warn({ pool, err: error }, 'executors could not be asked for');
    } finally {
      isLaunching = false;
      options.wake();
    }
  };

  const retire = async ({ told }: Term, chosen: readonly Launched[], why: string): Promise<void> => {
    isRetiring = true;
    const ids = chosen.map(({ id }) => id);
    for (const id of ids) told.add(id);
    log.info({ pool, executors: ids, why }, 'retires executors');
    try {
      await engine.retire(ids);
      for (const { executor } of chosen) if (executor !== undefined) options.draining(executor);
    } catch (error) {
      // They are chosen anew with the next look.
      for (const id of ids) told.delete(id);
      retiresAfter = clock.now() + retireAgainMs;
      log.warn({ pool, err: error }, 'executors could not be retired');
    } finally {
      isRetiring = false;
      options.wake();
    }
  };

  const watch = (current: Term, view: PoolView, members: ReadonlyMap<string, Member>): Launched[] => {
    const now = clock.now();
    const { setbacks, busyAt, told } = current;
    // Some drain because their node does, or because an operator said so.
    const serving = new Set(view.supply);
    const launched = view.launched.map((one) =>
      told.has(one.id) || !serving.has(one) ? { ...one, state: 'retiring' as const } : one,
    );
    const answers = (executor: string): boolean => members.get(executor)?.status !== undefined;
    const found = current.lives.look(now, clock.epoch(), launched, answers);
    for (const id of told) if (!launched.some((one) => one.id === id)) told.delete(id);
    const lastSetback = setbacks.last();
    if (found.provedSince !== undefined && lastSetback !== undefined && found.provedSince >= lastSetback)
      setbacks.clear();
    if (found.endedEarly > 0)
      setbacks.note(now, `executors end within ${earlyEndMs / 1_000} s of their start`);
    if (found.overdue.length > 0)
      setbacks.note(now, `executors were not ready within ${joinWithinMs / 1_000} s of their start`);
    for (const { executor } of view.supply) {
      const member = executor === undefined ? undefined : members.get(executor);
      if (executor !== undefined && (!busyAt.has(executor) || (member && runningOn(member) > 0)))
        busyAt.set(executor, now);
    }
    for (const executor of busyAt.keys()) if (!members.has(executor)) busyAt.delete(executor);
    noteSilent(current, view, members, now);
    return [...found.overdue];
  };

  /** One step towards what is wanted; false where there is nothing to do. Leading is asked about right before each. */
  const act = (
    current: Term,
    wanted: number,
    serving: readonly Launched[],
    overdue: readonly Launched[],
    members: ReadonlyMap<string, Member>,
  ): boolean => {
    if (isLaunching || isRetiring) return true;
    const now = clock.now();
    const silent = countSilent(current, serving, now);
    const mayRetire = now >= retiresAfter;
    if (overdue.length > 0 && mayRetire && engine.leads()) {
      void retire(current, overdue, `they were not ready within ${joinWithinMs / 1_000} s`);
      return true;
    }
    const surplus = Math.max(serving.length - silent - wanted, serving.length - spec.maximum);
    if (surplus > 0 && mayRetire && engine.leads()) {
      const chosen = emptiestFirst(serving, members, current.busyAt).slice(0, surplus);
      void retire(current, chosen, 'they are not needed');
      return true;
    }
    const missing = Math.min(wanted - serving.length + silent, spec.maximum - serving.length);
    if (missing <= 0 || current.setbacks.pauseMs(now) > 0 || !engine.leads()) return false;
    void launch(current, missing, serving.length);
    return true;
  };

  const begin = (view: PoolView): Term => {
    const peak = createPeak(spec.idleSeconds * 1_000);
    // What is there was wanted by somebody; it gets its idle time.
    peak.add(clock.now(), view.supply.length);
    return {
      peak,
      lives: createLifeWatch(),
      setbacks: createSetbacks(),
      busyAt: new Map(),
      silentSince: new Map(),
      told: new Set(),
      before: undefined,
      wanted: undefined,
    };
  };

  return {
    keep(view, waiting, members) {
      term ??= begin(view);
      const current = term;
      const now = clock.now();
      const overdue = watch(current, view, members);
      slots = view.slots ?? slots;
      const observed = { running: view.running, waiting, slots };
      const needed = neededExecutors(spec, observed);
      const before = view.usable > 0 ? current.before : undefined;
      current.before = needed;
      current.peak.add(now, Math.min(spec.maximum, countedNeed(needed, before)));
      const wanted = wantedExecutors(spec, observed, { peak: current.peak.at(now), before });
      current.wanted = wanted;

      const supply = view.supply.filter(({ id }) => !current.told.has(id));
      const serving = supply.filter((one) => !overdue.includes(one));
      if (act(current, wanted, serving, overdue, members)) return 'moving';
      // A rise that was seen once is looked at again soon.
      return before !== undefined && needed > before && needed > wanted ? 'moving' : 'settled';
    },
    rest() {
      term = undefined;
    },
    wanted: () => term?.wanted,
    setback: () => term?.setbacks.reason(clock.now()),
  };
};

const noteSilent = (
  { silentSince }: Term,
  view: PoolView,
  members: ReadonlyMap<string, Member>,
  now: number,
): void => {
  for (const { executor } of view.supply) {
    const member = executor === undefined ? undefined : members.get(executor);
    if (executor === undefined) continue;
    if (!member || member.failures < toleratedFailures) silentSince.delete(executor);
    else if (!silentSince.has(executor)) silentSince.set(executor, now);
  }
  for (const executor of silentSince.keys()) if (!members.has(executor)) silentSince.delete(executor);
};

const countSilent = ({ silentSince }: Term, serving: readonly Launched[], now: number): number =>
  serving.filter(({ executor }) => {
    const since = executor === undefined ? undefined : silentSince.get(executor);
    return since !== undefined && now - since >= silentMs;
  }).length;

/** Those that wait for a node, then those not ready yet, then by how much they run, the longest idle first. */
const emptiestFirst = (
  supply: readonly Launched[],
  members: ReadonlyMap<string, Member>,
  busyAt: ReadonlyMap<string, number>,
): Launched[] => {
  const rank = ({ state, executor }: Launched): readonly [number, number, number] => {
    const member = executor === undefined ? undefined : members.get(executor);
    if (state === 'pending') return [0, 0, 0];
    return member ? [2, runningOn(member), busyAt.get(member.address.id) ?? 0] : [1, 0, 0];
  };
  return supply.toSorted((a, b) => {
    const [x, y] = [rank(a), rank(b)];
    return x[0] - y[0] || x[1] - y[1] || x[2] - y[2] || b.launchedAt - a.launchedAt;
  });
};
