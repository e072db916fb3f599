import type { Launched } from '../port.ts';
import type { Allocation, ChildJob } from './api/answers.ts';

/**
 * One dispatched job: it stands for one executor, though Nomad may give it a second allocation after losing the first.
 * Holds the newest that was told of each part, so the order in which it was told makes no difference.
 */
export interface Child {
  readonly id: string;
  readonly pool: string;
  /** Milliseconds since 1970. */
  readonly launchedAt: number;
  /** By id. */
  readonly allocations: Map<string, Allocation>;
  job: ChildJob | undefined;
  /** When this replica told it to end; Nomad's own word comes with the job. */
  toldToEndAt: number | undefined;
  /** Nomad has forgotten the job, not its allocations: they are about to end. */
  purged: boolean;
  /** Why it is not placed, of the newest evaluation that says something about it. */
  reasons: { readonly index: number; readonly texts: readonly string[] };
}

export const createChild = (id: string, pool: string, launchedAt: number): Child => ({
  ...{ id, pool, launchedAt, allocations: new Map(), job: undefined, toldToEndAt: undefined },
  ...{ purged: false, reasons: { index: 0, texts: [] } },
});

/**
 * What an allocation is to us. `silent`: its node cannot be reached, so nothing of it can be counted on, though it may
 * come back. `ending`: told to end, and still at it.
 */
export type Phase = 'starting' | 'running' | 'ending' | 'silent' | 'ended';

export const phaseOf = ({ ClientStatus, DesiredStatus }: Allocation): Phase => {
  switch (ClientStatus) {
    case 'complete':
    case 'failed':
    case 'lost':
      return 'ended';
    case 'unknown':
      // One that is wanted no more is nobody's: whether it has ended may never be told.
      return DesiredStatus === 'run' ? 'silent' : 'ended';
    case 'running':
      return DesiredStatus === 'run' ? 'running' : 'ending';
    default:
      return DesiredStatus === 'run' ? 'starting' : 'ending';
  }
};

const causes: ReadonlySet<string> = new Set([
  'Terminated',
  'Driver Failure',
  'Setup Failure',
  'Failed Validation',
  'Failed Artifact Download',
]);

/** Why it is no more, for people. */
export const endOf = (allocation: Allocation): string => {
  if (allocation.ClientStatus === 'lost') return `its node ${allocation.NodeName} was lost`;
  const events = Object.values(allocation.TaskStates).flatMap(({ Events }) => Events);
  const told = events.filter(({ DisplayMessage }) => DisplayMessage !== '');
  // What comes after tells only that nothing more is tried.
  const last = told.findLast(({ Type }) => causes.has(Type)) ?? told.at(-1);
  const description = allocation.DesiredDescription || allocation.ClientDescription;
  return [`allocation ${allocation.ClientStatus}`, description, last?.DisplayMessage]
    .filter(Boolean)
    .join(': ');
};

const preference: Readonly<Record<Phase, number>> = {
  running: 0,
  starting: 0,
  ending: 1,
  silent: 2,
  ended: 3,
};

/** The allocation that stands for it now: the newest of those that are there. */
export const currentOf = (child: Child): Allocation | undefined =>
  [...child.allocations.values()].sort(
    (a, b) => preference[phaseOf(a)] - preference[phaseOf(b)] || newestFirst(a, b),
  )[0];

const newestFirst = (a: Allocation, b: Allocation): number =>
  b.CreateTime - a.CreateTime || (a.ID < b.ID ? -1 : 1);

/** Whether any of its allocations may still run, as far as Nomad has told. */
export const mayRun = (child: Child): boolean =>
  [...child.allocations.values()].some((allocation) => phaseOf(allocation) !== 'ended');

export const isStopped = ({ job, toldToEndAt, purged }: Child): boolean =>
  purged || toldToEndAt !== undefined || (job?.Stop ?? false);

/** Nothing is to be expected of it: it has ended, or its node is silent and another one has to take its place. */
export const isGone = (child: Child): boolean => {
  const current = currentOf(child);
  const phase = current && phaseOf(current);
  if (phase === 'silent') return true;
  // Nomad calls a job dead as soon as it is stopped, while its allocation is still ending.
  if (current && phase !== 'ended') return false;
  if (isStopped(child) || child.job?.Status === 'dead') return true;
  // A batch job whose executor ended by itself or was drained is not placed again; one that was lost is.
  const last = [...child.allocations.values()].sort(newestFirst)[0];
  return last !== undefined && last.ClientStatus !== 'lost';
};

export const launchedOf = (child: Child): Launched => {
  const current = currentOf(child);
  const phase = current && phaseOf(current);
  const isPlaced = phase !== undefined && phase !== 'ended';
  const isRetiring = isStopped(child) || phase === 'ending';
  return {
    id: child.id,
    executor: isPlaced ? current?.ID : undefined,
    pool: child.pool,
    state: isRetiring ? 'retiring' : isPlaced ? 'placed' : 'pending',
    launchedAt: child.launchedAt,
    reasons: isPlaced ? [] : child.reasons.texts,
  };
};
