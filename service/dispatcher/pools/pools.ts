import type { Clock } from '../../cluster/clock.ts';
import type { ElasticCluster } from '../../cluster/port.ts';
import { PaddockError } from '../../contracts/errors.ts';
import type { PendingEvent } from '../../contracts/execution.ts';
import type { Admitted } from '../admission.ts';
import type { Dispatch } from '../dispatch.ts';
import type { Execution } from '../execution.ts';
import type { Fleet } from '../fleet.ts';
import type { Log } from '../log.ts';
import { createKeeper, type PoolReport } from './keeper.ts';
import { createPending } from './pending.ts';
import { createPoolRouter, isSameSet, type Router } from './routing.ts';

/** Pools whose executors come and go with what is asked of them. */
export interface Pools {
  readonly router: Router;
  start(): void;
  /**
   * It was taken in, and may wait for executors that are not there.
   * @param first how its request was admitted
   * @param again admits it once more, by what is known then
   */
  accepted(execution: Execution, first: Admitted, again: () => Admitted): void;
  /** It is over. */
  settled(execution: Execution): void;
  /** What executors serve may have changed. */
  update(): void;
  /** An executor is gone. */
  left(): void;
  pending(execution: Execution): PendingEvent[];
  expired(execution: Execution): PaddockError;
  reports(): PoolReport[];
  leads(): boolean;
  /** Whether all of them may be empty, so that executions start the first executor. */
  startOnDemand(): boolean;
  close(): void;
}

export interface PoolsOptions {
  readonly elastic: ElasticCluster;
  readonly clock: Clock;
  readonly log: Log;
  readonly fleet: Fleet;
  readonly dispatch: () => Dispatch;
}

export const createPools = (options: PoolsOptions): Pools => {
  const { elastic, clock, log, fleet, dispatch } = options;
  const { specs } = elastic.engine;
  const router = createPoolRouter(specs, fleet.capable);
  const keeper = createKeeper({
    elastic,
    clock,
    log,
    members: fleet.members,
    waiting: () => dispatch().waitingExecutions(),
    draining: fleet.draining,
  });
  const pending = createPending(keeper.reports, clock.now);
  const open = new Map<Execution, () => Admitted>();
  const unresolved = new Set<Execution>();

  /** Where it may go by what is known now; what it runs with stays, once that is settled. */
  const reroute = (execution: Execution, admit: () => Admitted): void => {
    try {
      if (unresolved.has(execution)) {
        const { request, runtime, capabilities, pools } = admit();
        if (runtime) unresolved.delete(execution);
        dispatch().change(execution, () => Object.assign(execution, { request, capabilities, pools }));
        return;
      }
      const { runtime, version } = execution.request;
      const { pools } = router.route({ runtime, version, capabilities: [...execution.capabilities] });
      if (pools === execution.pools) return;
      if (pools && execution.pools && isSameSet(pools, execution.pools)) return;
      dispatch().change(execution, () => {
        execution.pools = pools;
      });
    } catch (error) {
      if (!unresolved.has(execution)) return;
      dispatch().cancel(execution, refusalOf(error, execution.id));
    }
  };

  return {
    router,
    start: keeper.start,
    accepted(execution, first, again) {
      if (execution.settled) return;
      open.set(execution, again);
      if (!first.runtime) unresolved.add(execution);
      if (!execution.running) keeper.wake();
    },
    settled(execution) {
      open.delete(execution);
      unresolved.delete(execution);
    },
    update() {
      if (!router.update(fleet.members())) return;
      for (const [execution, admit] of [...open]) {
        if (!execution.running && !execution.settled) reroute(execution, admit);
      }
    },
    left: keeper.wake,
    pending: pending.of,
    expired: pending.expired,
    reports: keeper.reports,
    leads: elastic.engine.leads,
    startOnDemand: () => specs.every(({ minimum }) => minimum === 0),
    close: keeper.close,
  };
};

const refusalOf = (error: unknown, executionId: string): PaddockError =>
  error instanceof PaddockError
    ? new PaddockError(error.code, { ...error.details, executionId }, { cause: error.cause })
    : new PaddockError('internal', { executionId }, { cause: error });
