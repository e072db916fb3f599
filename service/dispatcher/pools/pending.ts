import { PaddockError } from '../../contracts/errors.ts';
import type { PendingEvent } from '../../contracts/execution.ts';
import type { Execution } from '../execution.ts';
import type { PoolReport } from './keeper.ts';

const keptForMs = 100;

/** What is told of executions that wait for the first executor of a pool. */
export interface Pending {
  /** The pools it waits for; empty where it does not wait, or where one of them has a usable executor. */
  of(execution: Execution): PendingEvent[];
  /** What it ends with at its deadline: `no-node` where no pool of it had an executor, else `deadline-exceeded`. */
  expired(execution: Execution): PaddockError;
}

export const createPending = (reports: () => PoolReport[], now: () => number): Pending => {
  // Many wait for the same pool, and each asks several times a second.
  let kept: { readonly at: number; readonly reports: readonly PoolReport[] } | undefined;
  const recent = (): readonly PoolReport[] => {
    if (!kept || now() - kept.at >= keptForMs) kept = { at: now(), reports: reports() };
    return kept.reports;
  };

  const waitedFor = ({ running, settled, pools }: Execution): readonly PoolReport[] => {
    if (running || settled) return [];
    const candidates = recent().filter(({ spec }) => !pools || pools.has(spec.name));
    return candidates.some(({ usable }) => usable > 0) ? [] : candidates;
  };

  return {
    of: (execution) =>
      waitedFor(execution).map(({ spec, counts, reasons }) => ({
        pool: spec.name,
        executors: counts,
        reasons: [...reasons],
      })),
    expired(execution) {
      const executionId = execution.id;
      const waited = waitedFor(execution);
      if (waited.length === 0) return new PaddockError('deadline-exceeded', { executionId });
      const reasons = waited.flatMap(reasonsOf);
      return new PaddockError('no-node', { executionId, detail: reasons.join('; '), reasons });
    },
  };
};

const reasonsOf = ({ spec, counts, reasons }: PoolReport): string[] => {
  const told = reasons.length > 0 ? reasons : [stateOf(counts)];
  return told.map((reason) => `Pool "${spec.name}": ${reason}`);
};

const stateOf = ({ pending, placed }: PoolReport['counts']): string => {
  const executors = (count: number, one: string, many: string): string =>
    count === 1 ? `1 executor ${one}` : `${count} executors ${many}`;
  if (placed > 0) return executors(placed, 'is starting', 'are starting');
  if (pending > 0) return executors(pending, 'waits for a node', 'wait for nodes');
  return 'it has no executor';
};
