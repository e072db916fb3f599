import type { PoolSpec } from '../../contracts/pool.ts';
import type { Job, JobPlan } from './api/answers.ts';
import { NomadError } from './api/errors.ts';
import type { JobSpec, NomadJobs } from './api/port.ts';
import { type ClusterSettings, executorJob, jobIdOf, poolMeta, specMeta } from './job-spec.ts';

/** Dispatchers that start together all want to register: one of them wins, and the others find it done. */
const mostAttempts = 5;

/** What is needed of Nomad's API here. */
export interface PoolJobsApi {
  readonly jobs: Pick<NomadJobs, 'get' | 'register' | 'plan' | 'list' | 'deregister'>;
}
type PoolJobs = PoolJobsApi['jobs'];

export type Registered =
  | {
      readonly pool: string;
      readonly jobId: string;
      readonly outcome: 'created' | 'updated' | 'unchanged';
      /** From Nomad, for people; empty where there are none. */
      readonly warnings: string;
    }
  | { readonly pool: string; readonly jobId: string; readonly outcome: 'failed'; readonly error: Error };

export interface PlannedPool {
  readonly pool: string;
  readonly jobId: string;
  readonly change: 'create' | 'update' | 'unchanged';
  readonly plan: JobPlan;
}

/** A job that Paddock registered for a pool that is configured no longer. */
export interface StalePool {
  readonly pool: string;
  readonly jobId: string;
  /** Dispatched jobs that have not ended: executors. */
  readonly executors: readonly string[];
}

const differs = (plan: JobPlan): boolean => plan.Diff?.Type !== 'None';

/** A pool named `dispatcher` must not take the place of the dispatchers' own job. */
const refuseForeign = (job: Job | undefined): void => {
  if (job !== undefined && job.Meta[poolMeta] === undefined)
    throw new Error(
      `there is a job ${job.ID} that is not an executor pool (its meta has no ${poolMeta}): name the pool otherwise`,
    );
};

/** Of an equal hash only the plan can tell whether somebody has changed the job by hand since. */
const isUpToDate = async (jobs: PoolJobs, found: Job, wanted: JobSpec, hash: string): Promise<boolean> =>
  !found.Stop && found.Meta[specMeta] === hash && !differs(await jobs.plan(wanted));

const hashOf = (job: JobSpec): string => {
  const meta = job.Meta;
  const hash = typeof meta === 'object' && meta !== null ? Reflect.get(meta, specMeta) : undefined;
  if (typeof hash !== 'string') throw new TypeError(`the job ${job.ID} has no ${specMeta}`);
  return hash;
};

/** Nomad answers a lost race with a plain 500. */
const isLostRace = (error: unknown): boolean =>
  error instanceof NomadError && /enforcing job modify index/i.test(error.message);

const registerPool = async (
  jobs: PoolJobs,
  pool: PoolSpec,
  cluster: ClusterSettings,
): Promise<Registered> => {
  const wanted = executorJob(pool, cluster);
  for (let attempt = 1; ; attempt++) {
    const found = await jobs.get(wanted.ID);
    refuseForeign(found);
    const named = { pool: pool.name, jobId: wanted.ID };
    if (found !== undefined && (await isUpToDate(jobs, found, wanted, hashOf(wanted))))
      return { ...named, outcome: 'unchanged', warnings: '' };
    try {
      const { warnings } = await jobs.register(wanted, found?.JobModifyIndex ?? 0);
      return { ...named, outcome: found === undefined ? 'created' : 'updated', warnings };
    } catch (error) {
      if (attempt === mostAttempts || !isLostRace(error)) throw error;
    }
  }
};

/**
 * Sees to it that each pool has its job, as specified. Executors that run are not touched: they belong to jobs that
 * were dispatched from it before. What cannot be registered does not keep the other pools from it.
 */
export const registerPools = (
  api: PoolJobsApi,
  pools: readonly PoolSpec[],
  cluster: ClusterSettings,
): Promise<Registered[]> =>
  Promise.all(
    pools.map((pool) =>
      registerPool(api.jobs, pool, cluster).catch(
        (error: unknown): Registered => ({
          pool: pool.name,
          jobId: jobIdOf(pool.name, cluster.prefix),
          outcome: 'failed',
          error: error instanceof Error ? error : new Error(String(error)),
        }),
      ),
    ),
  );

/**
 * What registering would do. Changes nothing.
 * @throws NomadError, also where Nomad would refuse a job
 */
export const planPools = (
  api: PoolJobsApi,
  pools: readonly PoolSpec[],
  cluster: ClusterSettings,
): Promise<PlannedPool[]> =>
  Promise.all(
    pools.map(async (pool) => {
      const wanted = executorJob(pool, cluster);
      const found = await api.jobs.get(wanted.ID);
      refuseForeign(found);
      const plan = await api.jobs.plan(wanted);
      const unchanged = found !== undefined && !found.Stop && !differs(plan);
      const change = found === undefined ? 'create' : unchanged ? 'unchanged' : 'update';
      return { pool: pool.name, jobId: wanted.ID, change, plan };
    }),
  );

/** Jobs of pools that `pools` names no longer. Another installation's, with a longer prefix, are not among them. */
export const stalePools = async (
  api: PoolJobsApi,
  pools: readonly Pick<PoolSpec, 'name'>[],
  prefix: string,
): Promise<StalePool[]> => {
  const configured = new Set(pools.map(({ name }) => jobIdOf(name, prefix)));
  const { jobs } = await api.jobs.list(`${prefix}-`);
  const candidates = jobs.filter(({ ID, ParentID }) => ParentID === '' && !configured.has(ID));
  const found = await Promise.all(candidates.map(({ ID }) => api.jobs.get(ID)));
  return found.flatMap((job) => {
    const pool = job?.Meta[poolMeta];
    if (job === undefined || pool === undefined || job.ID !== jobIdOf(pool, prefix)) return [];
    const executors = jobs
      .filter(({ ParentID, Status }) => ParentID === job.ID && Status !== 'dead')
      .map(({ ID }) => ID);
    return [{ pool, jobId: job.ID, executors }];
  });
};

/** Removes the pool's job, so that nothing more is dispatched from it, and then ends its executors gracefully. */
export const removePool = async (api: PoolJobsApi, { jobId, executors }: StalePool): Promise<void> => {
  await api.jobs.deregister(jobId, { purge: true });
  for (const executor of executors) await api.jobs.deregister(executor);
};
