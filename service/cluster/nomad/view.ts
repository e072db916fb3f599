import type { PoolSpec } from '../../contracts/pool.ts';
import type { Launched } from '../port.ts';
import type { Allocation, ChildJob, Evaluation } from './api/answers.ts';
import {
  type Child,
  createChild,
  currentOf,
  endOf,
  isGone,
  isStopped,
  launchedOf,
  mayRun,
  type Phase,
  phaseOf,
} from './child.ts';
import { reasonsOf } from './pending.ts';

/** What changed for those who follow allocations. */
export type Change =
  | { readonly kind: 'running'; readonly allocation: Allocation; readonly pool: string }
  | { readonly kind: 'ending'; readonly id: string }
  | { readonly kind: 'ended'; readonly id: string; readonly reason: string };

export interface View {
  launched(): readonly Launched[];
  /** Just dispatched by this replica; Nomad's own word comes later. */
  dispatched(childId: string, now: number): void;
  /** Told to end by this replica; holds until a listing that began later does not bear it out. */
  retiring(childId: string, now: number): void;
  allocation(allocation: Allocation): Change | undefined;
  evaluation(evaluation: Evaluation): void;
  /** Takes over a whole listing; what it does not have any more, and is no younger than `since`, has ended. */
  relist(jobs: readonly ChildJob[], allocations: readonly Allocation[], since: number): Change[];
  /** Whether this allocation may still run; undefined where Nomad has not told of it. */
  isLive(allocationId: string): boolean | undefined;
  /** Whether this dispatched job is one of ours, and nothing of it runs any more. */
  isOver(childId: string): boolean;
  /** Dispatched jobs that have no allocation, and no reason for it is known. */
  unexplained(): readonly string[];
  /** Dispatched jobs whose node has been silent since before this time (milliseconds since 1970). */
  silentSince(time: number): readonly string[];
  /** Dispatched jobs whose executor is on one of these nodes, by their ids, and was not told to end. */
  onNodes(nodes: ReadonlySet<string>): readonly string[];
}

const DISPATCH = '/dispatch-';

/** `paddock-gpu/dispatch-1700000000-1a2b3c4d` is of pool gpu; undefined for what is no dispatched job of this prefix. */
export const poolOfJob = (jobId: string, prefix: string): string | undefined => {
  const at = jobId.indexOf(DISPATCH);
  return at > 0 && jobId.startsWith(`${prefix}-`) ? jobId.slice(prefix.length + 1, at) : undefined;
};

/** Nomad puts the time of the dispatch into the id, in seconds. */
const dispatchedAt = (jobId: string): number | undefined => {
  const [, seconds] = /-(\d{1,12})-[0-9a-f]{8}$/.exec(jobId) ?? [];
  return seconds === undefined ? undefined : Number(seconds) * 1_000;
};

/** Pools' executors as Nomad has told of them, whatever order it told in. No I/O. */
export const createView = (prefix: string, specs: readonly PoolSpec[]): View => {
  const children = new Map<string, Child>();
  /** Of each allocation of a child, as it was told to those who follow. */
  const phases = new Map<string, Phase>();
  const pools = new Map(specs.map((spec) => [spec.name, spec]));

  /** Jobs of other installations, whose prefix may begin with ours, are none of ours: their pools are not. */
  const childOf = (jobId: string, launchedAt: number): Child | undefined => {
    const known = children.get(jobId);
    const pool = poolOfJob(jobId, prefix);
    if (known || pool === undefined || !pools.has(pool)) return known;
    const child = createChild(jobId, pool, launchedAt);
    children.set(jobId, child);
    return child;
  };

  const changeOf = (child: Child, allocation: Allocation): Change | undefined => {
    const { ID: id, NodeName } = allocation;
    const phase = phaseOf(allocation);
    if (phases.get(id) === phase) return undefined;
    phases.set(id, phase);
    if (phase === 'running') return { kind: 'running', allocation, pool: child.pool };
    if (phase === 'ending') return { kind: 'ending', id };
    if (phase === 'ended') return { kind: 'ended', id, reason: endOf(allocation) };
    // It may come back, and is then told as running once more.
    if (phase === 'silent') return { kind: 'ended', id, reason: `its node ${NodeName} is silent` };
    return undefined;
  };

  const allocation = (told: Allocation): Change | undefined => {
    const child = childOf(told.JobID, dispatchedAt(told.JobID) ?? told.CreateTime);
    if (!child) return undefined;
    const before = child.allocations.get(told.ID);
    if (before && before.ModifyIndex > told.ModifyIndex) return undefined;
    // Nothing brings back what has ended: one that was lost was replaced.
    if (before && phaseOf(before) === 'ended' && phaseOf(told) !== 'ended') return undefined;
    child.allocations.set(told.ID, told);
    return changeOf(child, told);
  };

  const forget = (child: Child, { ID: id }: Allocation): Change[] => {
    const wasThere = phases.get(id) !== 'ended';
    phases.delete(id);
    child.allocations.delete(id);
    return wasThere ? [{ kind: 'ended', id, reason: 'Nomad knows it no more' }] : [];
  };

  const takeJob = (job: ChildJob, since: number): void => {
    const child = childOf(job.ID, dispatchedAt(job.ID) ?? job.SubmitTime);
    if (!child) return;
    if (!child.job || child.job.ModifyIndex <= job.ModifyIndex) child.job = job;
    const { toldToEndAt } = child;
    // Nomad did not hear of it: it is to be told again.
    if (toldToEndAt !== undefined && toldToEndAt < since && !job.Stop) child.toldToEndAt = undefined;
  };

  /** What Nomad has collected or an operator has purged. */
  const dropMissing = (jobs: ReadonlySet<string>, listed: ReadonlySet<string>, since: number): Change[] => {
    const changes: Change[] = [];
    for (const child of [...children.values()]) {
      for (const known of [...child.allocations.values()])
        if (!listed.has(known.ID) && known.CreateTime < since) changes.push(...forget(child, known));
      if (jobs.has(child.id) || child.launchedAt >= since) continue;
      child.purged = true;
      if (mayRun(child)) continue;
      for (const known of [...child.allocations.values()]) changes.push(...forget(child, known));
      children.delete(child.id);
    }
    return changes;
  };

  const present = (): Child[] => [...children.values()].filter((child) => !isGone(child));
  const isSilentSince = (child: Child, time: number): boolean => {
    const current = currentOf(child);
    return current !== undefined && phaseOf(current) === 'silent' && current.ModifyTime < time;
  };

  return {
    launched: () => present().map(launchedOf),
    dispatched(childId, now) {
      childOf(childId, now);
    },
    retiring(childId, now) {
      const child = children.get(childId);
      if (child) child.toldToEndAt = now;
    },
    allocation,
    evaluation(told) {
      // Evaluations are also made when a job is purged, so most of them do not show that there is one.
      const child =
        told.Status === 'blocked'
          ? childOf(told.JobID, dispatchedAt(told.JobID) ?? 0)
          : children.get(told.JobID);
      const spec = child && pools.get(child.pool);
      if (!spec || told.ModifyIndex < child.reasons.index) return;
      const texts = Object.values(told.FailedTGAllocs).flatMap((metrics) => reasonsOf(metrics, spec));
      // The evaluation that follows a blocked one repeats why; one without failures says that it was placed.
      if (texts.length > 0 || told.Status === 'complete')
        child.reasons = { index: told.ModifyIndex, texts: [...new Set(texts)] };
    },
    relist(jobs, allocations, since) {
      const changes = allocations.flatMap((told) => allocation(told) ?? []);
      for (const job of jobs) takeJob(job, since);
      const names = new Set(jobs.map(({ ID }) => ID));
      return [...changes, ...dropMissing(names, new Set(allocations.map(({ ID }) => ID)), since)];
    },
    isLive(id) {
      const phase = phases.get(id);
      return phase === undefined ? undefined : phase !== 'ended';
    },
    isOver(childId) {
      const child = children.get(childId);
      return child !== undefined && isGone(child) && !mayRun(child);
    },
    onNodes: (nodes) =>
      [...children.values()]
        .filter((child) => {
          const current = isStopped(child) ? undefined : currentOf(child);
          const phase = current && phaseOf(current);
          return (
            current !== undefined &&
            nodes.has(current.NodeID) &&
            (phase === 'running' || phase === 'starting')
          );
        })
        .map(({ id }) => id),
    silentSince: (time) =>
      [...children.values()]
        .filter((child) => !isStopped(child) && isSilentSince(child, time))
        .map(({ id }) => id),
    unexplained: () =>
      present()
        .map(launchedOf)
        .filter(({ state, reasons }) => state === 'pending' && reasons.length === 0)
        .map(({ id }) => id),
  };
};
