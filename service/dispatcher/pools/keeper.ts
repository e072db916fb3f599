import type { Clock } from '../../cluster/clock.ts';
import type { ElasticCluster } from '../../cluster/port.ts';
import type { Execution } from '../execution.ts';
import type { Log } from '../log.ts';
import type { Member } from '../member.ts';
import { type Demand, demandOf } from './demand.ts';
import { createPoolKeeper, type PoolKeeper } from './pool-keeper.ts';
import { type PoolView, viewPools } from './pool-view.ts';

const idleCheckMs = 1_000;
/** While something waits or moves, and the least between two checks. */
const busyCheckMs = 100;

/** A pool as it is told to people and to metrics. */
export interface PoolReport extends PoolView {
  /** Executors; told by the dispatcher that leads alone. */
  readonly wanted: number | undefined;
  /** Executions in this dispatcher's queue. */
  readonly waiting: number;
}

/** Keeps the pools at size. */
export interface Keeper {
  start(): void;
  /** Something waits that did not before, or an executor is gone. */
  wake(): void;
  reports(): PoolReport[];
  close(): void;
}

export interface KeeperOptions {
  readonly elastic: ElasticCluster;
  readonly clock: Clock;
  readonly log: Log;
  readonly members: () => Iterable<Member>;
  readonly waiting: () => readonly Execution[];
  /** An executor that was told to end gets nothing more from now on. */
  readonly draining: (executor: string) => void;
}

/**
 * Every dispatcher tells what its queue asks for; the one that leads adds that up and has executors started and ended.
 * It looks each second, and ten times a second while something waits or moves.
 */
export const createKeeper = (options: KeeperOptions): Keeper => {
  const { clock, log, elastic } = options;
  const { engine, peers } = elastic;
  const keepers = new Map<string, PoolKeeper>();
  for (const spec of engine.specs) {
    const { draining } = options;
    keepers.set(spec.name, createPoolKeeper({ spec, engine, clock, log, draining, wake: () => wake() }));
  }
  let checkedAt = Number.NEGATIVE_INFINITY;
  let toldAt = Number.NEGATIVE_INFINITY;
  let told = '';
  let nextAt = Number.POSITIVE_INFINITY;
  let cancel = (): void => {};
  let state: 'new' | 'open' | 'closed' = 'new';

  const views = (): PoolView[] => viewPools(engine.specs, options.members(), engine.launched());
  const isStuck = (view: PoolView): boolean =>
    view.usable === 0 && (view.reasons.length > 0 || keepers.get(view.spec.name)?.setback() !== undefined);
  const demandNow = (seen: readonly PoolView[]): Demand =>
    demandOf(options.waiting(), seen, clock.now(), isStuck);

  const tell = (demand: Demand): void => {
    const pools = [...demand.asking].map(([pool, waiting]) => ({ pool, waiting }));
    const text = JSON.stringify(pools);
    if (text === told && clock.now() - toldAt < idleCheckMs) return;
    told = text;
    toldAt = clock.now();
    peers.tell(pools);
  };

  const lead = (seen: readonly PoolView[], demand: Demand): boolean => {
    const heard = new Map<string, number>();
    for (const { pool, waiting } of peers.heard()) heard.set(pool, (heard.get(pool) ?? 0) + waiting);
    const members = new Map([...options.members()].map((member) => [member.address.id, member]));
    let moves = false;
    for (const view of seen) {
      const { name } = view.spec;
      const waiting = (demand.asking.get(name) ?? 0) + (heard.get(name) ?? 0);
      moves = keepers.get(name)?.keep(view, waiting, members) === 'moving' || moves;
    }
    return moves;
  };

  const check = (): void => {
    const now = clock.now();
    checkedAt = now;
    nextAt = Number.POSITIVE_INFINITY;
    const seen = views();
    const demand = demandNow(seen);
    tell(demand);
    const leads = engine.leads();
    if (!leads) for (const keeper of keepers.values()) keeper.rest();
    const moves = leads && lead(seen, demand);
    const isBusy = moves || [...demand.asking.values()].some((asking) => asking > 0);
    arm(now + (isBusy ? busyCheckMs : Math.min(idleCheckMs, Math.max(busyCheckMs, demand.ripensAt - now))));
  };

  const arm = (at: number): void => {
    if (state !== 'open' || at >= nextAt) return;
    cancel();
    nextAt = at;
    cancel = clock.after(Math.max(0, at - clock.now()), checkSafely);
  };
  const checkSafely = (): void => {
    try {
      check();
    } catch (error) {
      log.error({ err: error }, 'the sizes of the pools could not be checked');
      arm(clock.now() + idleCheckMs);
    }
  };
  const wake = (): void => arm(Math.max(clock.now(), checkedAt + busyCheckMs));

  return {
    start() {
      state = 'open';
      wake();
    },
    wake,
    reports() {
      const seen = views();
      const { waiting } = demandNow(seen);
      const leads = engine.leads();
      return seen.map((view) => {
        const keeper = keepers.get(view.spec.name);
        const setback = keeper?.setback();
        return {
          ...view,
          reasons: setback === undefined ? view.reasons : [...view.reasons, setback],
          wanted: leads ? keeper?.wanted() : undefined,
          waiting: waiting.get(view.spec.name) ?? 0,
        };
      });
    },
    close() {
      state = 'closed';
      cancel();
    },
  };
};
