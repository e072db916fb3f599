import type { LaunchOrder } from '../../contracts/cluster-api.ts';
import type { PoolSpec } from '../../contracts/pool.ts';
import type { Clock } from '../clock.ts';
import type { PoolEngine } from '../port.ts';
import type { NomadJobs } from './api/port.ts';
import { every } from './every.ts';
import type { View } from './view.ts';

/**
 * So many requests at a time. Nomad plans what is dispatched at the same moment concurrently; plans that meet on a
 * nearly full node are refused, and after two refusals an evaluation waits for up to a minute.
 */
const AT_ONCE = 4;
/** Executors that have ended stay this long for `nomad alloc status` and logs. Nomad itself would keep them for hours. */
const KEEP_ENDED_MS = 10 * 60_000;
const TIDY_EVERY_MS = 60_000;
/** A node that is silent for this long is given up: its executors have been replaced, and must not come back on top. */
const SILENT_MS = 120_000;

export interface EngineOptions {
  readonly jobs: NomadJobs;
  readonly prefix: string;
  readonly specs: readonly PoolSpec[];
  readonly view: View;
  readonly clock: Clock;
  readonly leads: () => boolean;
  readonly order: (pool: string) => LaunchOrder;
  readonly newId: () => string;
  /** Nomad refused to dispatch: the pool's job may be gone. */
  readonly refused: () => void;
  readonly log: { warn(fields: object, message: string): void };
}

/** Launches executors by dispatching their pool's job, and ends them by stopping the dispatched one. */
export const createEngine = (options: EngineOptions): PoolEngine & { close(): void } => {
  const { jobs, prefix, view, clock, log } = options;

  const launchOne = async (pool: string): Promise<void> => {
    const order = { payload: JSON.stringify(options.order(pool)), idempotencyToken: options.newId() };
    const dispatched = jobs.dispatch(`${prefix}-${pool}`, order);
    dispatched.catch(options.refused);
    const { jobId } = await dispatched;
    view.dispatched(jobId, clock.epoch());
  };

  const tidy = async (): Promise<number> => {
    if (!options.leads()) return TIDY_EVERY_MS;
    try {
      await paced(view.silentSince(clock.epoch() - SILENT_MS), (id) => jobs.deregister(id));
      const { jobs: listed } = await jobs.list(`${prefix}-`);
      const before = clock.epoch() - KEEP_ENDED_MS;
      const old = listed.filter(
        (job) =>
          job.Status === 'dead' &&
          // To Nomad a job is dead once it was told to end, though its executor may finish what runs for an hour.
          view.isOver(job.ID) &&
          job.SubmitTime < before &&
          !isRecent(job.ID),
      );
      const names = new Set(listed.map(({ ID }) => ID));
      for (const id of endedAt.keys()) if (!names.has(id)) endedAt.delete(id);
      await paced(old, ({ ID }) => jobs.deregister(ID, { purge: true }));
    } catch (error) {
      log.warn({ err: error }, 'executors that have ended could not be purged from Nomad');
    }
    return TIDY_EVERY_MS;
  };
  /** When a dead one was first seen here: its submit time says when it began, not when it ended. */
  const endedAt = new Map<string, number>();
  const isRecent = (id: string): boolean => {
    const since = endedAt.get(id) ?? clock.epoch();
    endedAt.set(id, since);
    return since > clock.epoch() - KEEP_ENDED_MS;
  };
  const tidying = every(clock, tidy);

  return {
    specs: options.specs,
    leads: options.leads,
    launched: view.launched,
    launch: (pool, count) =>
      paced(Array.from({ length: count }), async () => {
        // Leadership can end in the middle of a large launch.
        if (options.leads()) await launchOne(pool);
      }),
    retire: (ids) =>
      paced(ids, async (id) => {
        if (!options.leads()) return;
        // Before Nomad answers: meanwhile nobody is to choose it once more.
        view.retiring(id, clock.epoch());
        await jobs.deregister(id);
      }),
    close: tidying.stop,
  };
};

/**
 * All of them, a few at a time; rejects with the first failure, at the end. One that always fails holds no other up,
 * but where as many have failed as go at once the rest is left.
 */
const paced = async <T>(items: readonly T[], task: (item: T) => Promise<void>): Promise<void> => {
  const left = [...items];
  const failures: unknown[] = [];
  const work = async (): Promise<void> => {
    while (left.length > 0 && failures.length < AT_ONCE) {
      const [item] = left.splice(0, 1);
      await task(item as T).catch((error: unknown) => failures.push(error));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  if (failures.length > 0) throw failures[0];
};
