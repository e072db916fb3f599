import type { PoolSpec } from '../../contracts/pool.ts';
import type { Launched } from '../port.ts';
import type { Allocation, ChildJob, Evaluation } from './api/answers.ts';
import { reasonsOf } from './pending.ts';

/** One dispatched job: it stands for one executor. Nomad may give it a second allocation after losing the first. */
interface Child {
  readonly id: string;
  readonly pool: string;
  launchedAt: number;
  /** Told to end, or dead. */
  stopped: boolean;
  dead: boolean;
  allocation: Allocation | undefined;
  reasons: readonly string[];
  modifyIndex: number;
}

/** What changed for those who follow allocations. */
export type Change =
  | { readonly kind: 'running'; readonly allocation: Allocation; readonly pool: string }
  | { readonly kind: 'ending'; readonly id: string }
  | { readonly kind: 'ended'; readonly id: string; readonly reason: string };

export interface View {
  launched(): readonly Launched[];
  /** Just dispatched by this replica; Nomad's own word comes later. */
  dispatched(childId: string, now: number): void;
  retiring(childId: string): void;
  allocation(allocation: Allocation): Change | undefined;
  evaluation(evaluation: Evaluation): void;
  /** Takes over a whole listing; what it does not have any more, and is no younger than `since`, has ended. */
  relist(jobs: readonly ChildJob[], allocations: readonly Allocation[], since: number): Change[];
  /** Whether this allocation may still run; undefined where Nomad has not told of it. */
  isLive(allocationId: string): boolean | undefined;
  /** Dispatched jobs that have no allocation yet. */
  waitingForPlacement(): readonly string[];
  /** Dispatched jobs whose node has been silent since before this time (milliseconds since 1970). */
  silentSince(time: number): readonly string[];
}

const DISPATCH = '/dispatch-';

/** `paddock-gpu/dispatch-1700000000-1a2b3c4d` is of pool gpu; undefined for jobs of others. */
export const poolOfJob = (jobId: string, prefix: string): string | undefined => {
  const at = jobId.indexOf(DISPATCH);
  return at > 0 && jobId.startsWith(`${prefix}-`) ? jobId.slice(prefix.length + 1, at) : undefined;
};

const hasEnded = ({ ClientStatus, DesiredStatus }: Allocation): boolean =>
  ClientStatus === 'complete' ||
  ClientStatus === 'failed' ||
  ClientStatus === 'lost' ||
  // Its client is gone and it is wanted no more, so nobody will ever say that it has ended.
  (ClientStatus === 'unknown' && DesiredStatus !== 'run');

/** Nothing of it can be counted on, though it may come back. */
const isUnknown = ({ ClientStatus }: Allocation): boolean => ClientStatus === 'unknown';

const isEnding = (allocation: Allocation): boolean =>
  allocation.DesiredStatus !== 'run' && !hasEnded(allocation);

export const endOf = (allocation: Allocation): string => {
  if (allocation.ClientStatus === 'lost') return `its node ${allocation.NodeName} was lost`;
  const events = Object.values(allocation.TaskStates).flatMap(({ Events }) => Events);
  const last = events.findLast(({ DisplayMessage }) => DisplayMessage !== '');
  const description = allocation.DesiredDescription || allocation.ClientDescription;
  return [`allocation ${allocation.ClientStatus}`, description, last?.DisplayMessage]
    .filter(Boolean)
    .join(': ');
};

/** Pools' executors as Nomad has told of them, whatever order it told in. No I/O. */
export const createView = (prefix: string, specs: readonly PoolSpec[]): View => {
  const children = new Map<string, Child>();
  /** Allocations that were told as ended: nothing brings them back. */
  const ended = new Set<string>();
  const running = new Set<string>();
  const live = new Set<string>();
  const nodePools = new Map(specs.map(({ name, nodePool }) => [name, nodePool]));

  const childOf = (jobId: string, launchedAt: number): Child | undefined => {
    const known = children.get(jobId);
    const pool = poolOfJob(jobId, prefix);
    if (known || pool === undefined) return known;
    const child: Child = {
      ...{ id: jobId, pool, launchedAt, stopped: false, dead: false },
      ...{ allocation: undefined, reasons: [], modifyIndex: 0 },
    };
    children.set(jobId, child);
    return child;
  };

  const forget = (allocation: Allocation): void => {
    ended.add(allocation.ID);
    running.delete(allocation.ID);
    live.delete(allocation.ID);
  };

  const end = (allocation: Allocation): Change | undefined => {
    const wasTold = ended.has(allocation.ID);
    forget(allocation);
    return wasTold ? undefined : { kind: 'ended', id: allocation.ID, reason: endOf(allocation) };
  };

  /** It may come back, and is then told as running once more. */
  const lostSight = ({ ID, NodeName }: Allocation): Change | undefined => {
    live.delete(ID);
    return running.delete(ID)
      ? { kind: 'ended', id: ID, reason: `its node ${NodeName} is silent` }
      : undefined;
  };

  const place = (child: Child, allocation: Allocation): void => {
    const current = child.allocation;
    const isNewer =
      !current ||
      current.ID === allocation.ID ||
      hasEnded(current) ||
      isUnknown(current) ||
      allocation.CreateTime > current.CreateTime;
    if (isNewer && !(hasEnded(allocation) && current && current.ID !== allocation.ID))
      child.allocation = allocation;
    if (child.allocation && !hasEnded(child.allocation)) child.reasons = [];
  };

  const allocation = (told: Allocation): Change | undefined => {
    const child = childOf(told.JobID, told.CreateTime);
    if (!child) return undefined;
    const before = child.allocation;
    if (before?.ID === told.ID && before.ModifyIndex > told.ModifyIndex) return undefined;
    if (ended.has(told.ID) && !hasEnded(told)) return undefined;
    place(child, told);
    if (hasEnded(told)) {
      // A batch job whose executor ended by itself or was drained is not placed again; one that was lost is.
      if (told.ClientStatus !== 'lost' && child.allocation?.ID === told.ID) child.dead = true;
      return end(told);
    }
    if (isUnknown(told)) return lostSight(told);
    live.add(told.ID);
    if (isEnding(told)) return { kind: 'ending', id: told.ID };
    if (told.ClientStatus !== 'running' || running.has(told.ID)) return undefined;
    running.add(told.ID);
    return { kind: 'running', allocation: told, pool: child.pool };
  };

  const stateOf = (child: Child): Launched['state'] => {
    const { allocation: current } = child;
    if (child.stopped || (current && isEnding(current))) return 'retiring';
    return current && !hasEnded(current) ? 'placed' : 'pending';
  };

  const isGone = (child: Child): boolean =>
    child.dead ||
    (child.allocation !== undefined && isUnknown(child.allocation)) ||
    (child.stopped && (!child.allocation || hasEnded(child.allocation)));

  return {
    launched: () =>
      [...children.values()]
        .filter((child) => !isGone(child))
        .map((child) => ({
          id: child.id,
          executor: child.allocation?.ID,
          pool: child.pool,
          state: stateOf(child),
          launchedAt: child.launchedAt,
          reasons: child.reasons,
        })),
    dispatched(childId, now) {
      childOf(childId, now);
    },
    retiring(childId) {
      const child = children.get(childId);
      if (child) child.stopped = true;
    },
    allocation,
    evaluation(told) {
      const child = children.get(told.JobID);
      if (!child || told.ModifyIndex < child.modifyIndex) return;
      child.modifyIndex = told.ModifyIndex;
      const nodePool = nodePools.get(child.pool) ?? 'default';
      const isPlaced = child.allocation !== undefined && !hasEnded(child.allocation);
      const reasons = Object.values(told.FailedTGAllocs).flatMap((metrics) => reasonsOf(metrics, nodePool));
      // The evaluation that follows a blocked one repeats why; one without failures says that it was placed.
      if (!isPlaced && (reasons.length > 0 || told.Status === 'complete')) child.reasons = reasons;
    },
    relist(jobs, allocations, since) {
      const changes = allocations.flatMap((told) => allocation(told) ?? []);
      const listed = new Set(allocations.map(({ ID }) => ID));
      const byId = new Map(jobs.map((job) => [job.ID, job]));
      for (const job of jobs) {
        const child = childOf(job.ID, job.SubmitTime);
        if (!child) continue;
        child.stopped ||= job.Stop;
        child.dead ||= job.Status === 'dead';
      }
      for (const child of [...children.values()]) {
        if (byId.has(child.id) || child.launchedAt >= since) continue;
        children.delete(child.id);
        const { allocation: last } = child;
        if (last && !ended.has(last.ID)) {
          forget(last);
          changes.push({ kind: 'ended', id: last.ID, reason: 'Nomad knows it no more' });
        }
      }
      for (const id of ended) if (!listed.has(id)) ended.delete(id);
      return changes;
    },
    isLive: (id) => (live.has(id) ? true : ended.has(id) ? false : undefined),
    silentSince: (time) =>
      [...children.values()]
        .filter(
          ({ dead, stopped, allocation: last }) =>
            !dead && !stopped && last && isUnknown(last) && last.ModifyTime < time,
        )
        .map(({ id }) => id),
    waitingForPlacement: () =>
      [...children.values()]
        .filter((child) => !isGone(child) && stateOf(child) === 'pending')
        .map(({ id }) => id),
  };
};
