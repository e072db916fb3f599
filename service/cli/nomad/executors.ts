import { z } from 'zod';
import type { Allocation, ChildJob, Job } from '../../cluster/nomad/api/answers.ts';
import type { NomadApi } from '../../cluster/nomad/api/port.ts';
import { endOf } from '../../cluster/nomad/child.ts';
import { jobIdOf, poolMeta } from '../../cluster/nomad/job-spec.ts';
import { poolOfJob } from '../../cluster/nomad/view.ts';
import { CliError } from '../context.ts';

/** One dispatched job of a pool, with the allocation that counts. */
export interface NomadExecutor {
  readonly pool: string;
  /** `paddock-default/dispatch-…` */
  readonly jobId: string;
  /** Told to end, by a dispatcher or by somebody at Nomad. */
  readonly stopped: boolean;
  readonly dead: boolean;
  /** Milliseconds since 1970. */
  readonly dispatchedAt: number;
  readonly allocation: Allocation | undefined;
}

/** A pool as Nomad knows it. */
export interface NomadPool {
  readonly pool: string;
  readonly jobId: string;
  /** `gone` where only executors of it are left. */
  readonly state: 'registered' | 'stopped' | 'gone';
  readonly nodePool: string;
  readonly datacenters: readonly string[];
  readonly executors: readonly NomadExecutor[];
}

const placeSchema = z.object({
  NodePool: z.string().default('default'),
  Datacenters: z.array(z.string()).nullish(),
});

/** The pools of this prefix by name, with executors that ended lately. Pools of installations with longer prefixes are left out. */
export const listPools = async (api: NomadApi, prefix: string): Promise<NomadPool[]> => {
  const { jobs } = await api.jobs.list(`${prefix}-`);
  const { allocations } = await api.allocations.list(`${prefix}-`);
  const parentIds = jobs.filter(({ ParentID }) => ParentID === '').map(({ ID }) => ID);
  const parents = (await Promise.all(parentIds.map((id) => api.jobs.get(id)))).flatMap((job) => job ?? []);
  const children = jobs.flatMap((job) => executorOf(job, allocations, prefix) ?? []);
  const pools = parents.flatMap((job) => poolOf(job, prefix) ?? []);
  const orphaned = new Set(children.map(({ pool }) => pool));
  for (const id of parentIds) orphaned.delete(id.slice(prefix.length + 1));
  const gone = [...orphaned].map((pool) => poolWithoutJob(pool, prefix));
  return [...pools, ...gone]
    .map((pool) => ({
      ...pool,
      executors: children
        .filter((child) => child.pool === pool.pool)
        .sort((one, other) => one.dispatchedAt - other.dispatchedAt),
    }))
    .sort((one, other) => (one.pool < other.pool ? -1 : 1));
};

const poolOf = (job: Job, prefix: string): Omit<NomadPool, 'executors'> | undefined => {
  const pool = job.Meta[poolMeta];
  if (pool === undefined || job.ID !== jobIdOf(pool, prefix)) return undefined;
  const place = placeSchema.safeParse(job);
  return {
    ...{ pool, jobId: job.ID, state: job.Stop ? 'stopped' : 'registered' },
    nodePool: place.data?.NodePool ?? 'default',
    datacenters: place.data?.Datacenters ?? ['*'],
  };
};

const poolWithoutJob = (pool: string, prefix: string): Omit<NomadPool, 'executors'> => ({
  ...{ pool, jobId: jobIdOf(pool, prefix), state: 'gone' },
  ...{ nodePool: 'default', datacenters: ['*'] },
});

const executorOf = (
  job: ChildJob,
  allocations: readonly Allocation[],
  prefix: string,
): NomadExecutor | undefined => {
  const pool = poolOfJob(job.ID, prefix);
  if (job.ParentID === '' || pool === undefined) return undefined;
  const own = allocations.filter(({ JobID }) => JobID === job.ID);
  const newest = own.sort((one, other) => other.CreateTime - one.CreateTime);
  return {
    ...{ pool, jobId: job.ID, stopped: job.Stop, dead: job.Status === 'dead' },
    dispatchedAt: dispatchTime(job),
    allocation: newest.find((one) => !hasEnded(one)) ?? newest[0],
  };
};

/** The id says when it was dispatched; the job's own time is that of its latest change. */
const dispatchTime = ({ ID, SubmitTime }: ChildJob): number => {
  const seconds = /\/dispatch-(?:.*-)?(\d{9,})-[0-9a-f]+$/.exec(ID)?.[1];
  return seconds === undefined ? SubmitTime : Number(seconds) * 1_000;
};

export const hasEnded = ({ ClientStatus }: Allocation): boolean =>
  ClientStatus === 'complete' || ClientStatus === 'failed' || ClientStatus === 'lost';

/** Asked for, and not on a node: Nomad looks for one. */
export const isPending = ({ dead, stopped, allocation }: NomadExecutor): boolean =>
  !dead && !stopped && (allocation === undefined || allocation.ClientStatus === 'lost');

/** What Nomad does about an end. What led to it stands before them. */
const aftermath: ReadonlySet<string> = new Set([
  'Not Restarting',
  'Killing',
  'Killed',
  'Sibling Task Failed',
]);

/** Why one has failed, for people: what happened to its task, rather than what Nomad then did. */
export const failureOf = (allocation: Allocation): string => {
  const events = Object.values(allocation.TaskStates).flatMap(({ Events }) => Events);
  const cause = events.findLast(({ Type, DisplayMessage }) => DisplayMessage !== '' && !aftermath.has(Type));
  return allocation.ClientStatus === 'failed' && cause ? cause.DisplayMessage : endOf(allocation);
};

/** How Nomad shows the ids of allocations and nodes, and takes them. */
export const shortId = (id: string): string => id.slice(0, 8);

/** Fewer say nothing: one of them may fit by accident. */
const shortestPrefix = 4;

/**
 * The executor that somebody means by an allocation's id, whole or its beginning, or by its dispatched job.
 * @throws CliError where several fit
 */
export const findExecutor = (pools: readonly NomadPool[], named: string): NomadExecutor | undefined => {
  const all = pools.flatMap(({ executors }) => executors);
  const whole = all.find(({ jobId, allocation }) => jobId === named || allocation?.ID === named);
  if (whole || named.length < shortestPrefix) return whole;
  const found = all.filter(({ allocation }) => allocation?.ID.startsWith(named.toLowerCase()));
  if (found.length > 1)
    throw new CliError(
      `several executors begin with ${named}: ${found.map(({ allocation }) => allocation?.ID).join(', ')}`,
    );
  return found[0];
};
