import {
  type Allocation,
  allocationSchema,
  type ChildJob,
  type Evaluation,
  type EventBatch,
  evaluationSchema,
  type Job,
  jobSchema,
  type PlacementMetrics,
  type Variable,
} from '../../../../service/cluster/nomad/api/answers.ts';
import { NomadError } from '../../../../service/cluster/nomad/api/errors.ts';
import type { DispatchOrder, JobSpec, NomadApi } from '../../../../service/cluster/nomad/api/port.ts';
import type { HandClock } from '../../hand-clock.ts';

const nanoseconds = (ms: number): number => ms * 1e6;

/** An allocation as Nomad tells of it; times in milliseconds. */
export const allocationOf = (given: {
  id: string;
  job: string;
  status?: Allocation['ClientStatus'];
  desired?: Allocation['DesiredStatus'];
  created?: number;
  modified?: number;
  index?: number;
  port?: number | undefined;
}): Allocation =>
  allocationSchema.parse({
    ID: given.id,
    JobID: given.job,
    NodeID: 'node-1',
    NodeName: 'one',
    ClientStatus: given.status ?? 'running',
    DesiredStatus: given.desired ?? 'run',
    CreateTime: nanoseconds(given.created ?? 0),
    ModifyTime: nanoseconds(given.modified ?? given.created ?? 0),
    ModifyIndex: given.index ?? 1,
    AllocatedResources: {
      Shared: {
        Ports: given.port === undefined ? [] : [{ Label: 'http', Value: given.port, HostIP: '10.0.0.1' }],
      },
    },
  });

interface Registered {
  readonly job: Job;
  readonly parent: string;
  readonly submittedAt: number;
  stop: boolean;
  order?: DispatchOrder;
}

interface Lock {
  readonly id: string;
  readonly ttlMs: number;
  readonly delayMs: number;
  cancel: () => void;
}

interface Kept {
  readonly path: string;
  items: Readonly<Record<string, string>>;
  index: number;
  lock: Lock | undefined;
}

export interface FakeNomad {
  readonly api: NomadApi;
  /** What was asked, in order: `dispatch paddock-default`, `purge …`. */
  readonly asked: readonly string[];
  /** As the servers have it, not as one was told. */
  children(): readonly { id: string; order: DispatchOrder | undefined; stop: boolean }[];
  /** Places a child; the answer is its allocation. */
  place(childId: string, given?: { id?: string; port?: number }): Allocation;
  change(
    allocationId: string,
    change: Partial<Pick<Allocation, 'ClientStatus' | 'DesiredStatus'>>,
  ): Allocation;
  block(childId: string, metrics: Partial<PlacementMetrics>): void;
  /** Requests whose name begins so reject from here on; undefined ends it. */
  fail(what: string | undefined, status?: number): void;
  /** Requests whose name begins so wait until the answer is called. */
  hold(what: string): () => void;
  breakStreams(): void;
  streams(): number;
  /** Nomad collects or an operator purges, without an event. */
  forget(childId: string): void;
  variable(path: string): Variable | undefined;
}

/** What Paddock uses of Nomad, in memory, in the time of a hand clock. Locks end as Nomad's do: late. */
export const createFakeNomad = (clock: HandClock): FakeNomad => {
  let index = 10;
  let made = 0;
  let failing: { what: string; status: number | undefined } | undefined;
  const asked: string[] = [];
  const jobs = new Map<string, Registered>();
  const allocations = new Map<string, Allocation>();
  const evaluations = new Map<string, Evaluation[]>();
  const variables = new Map<string, Kept>();
  const listeners = new Set<{ take(batch: EventBatch): void; fail(): void }>();
  const held: { what: string; until: Promise<void> }[] = [];

  /** Every request takes a turn of the event loop, and then what it asks for happens. */
  const ask = async <T>(name: string, happen: () => T): Promise<T> => {
    asked.push(name);
    await Promise.all(held.filter(({ what }) => name.startsWith(what)).map(({ until }) => until));
    await Promise.resolve();
    if (failing && name.startsWith(failing.what))
      throw new NomadError(`Nomad answered ${failing.status}`, failing.status);
    return happen();
  };
  const publish = (topic: string, key: string, payload: Record<string, unknown>): void => {
    const event = { Topic: topic, Type: `${topic}Updated`, Key: key, Index: index, Payload: payload };
    for (const listener of listeners) listener.take({ Index: index, Events: [event] });
  };
  const tell = (allocation: Allocation): Allocation => {
    allocations.set(allocation.ID, allocation);
    publish('Allocation', allocation.ID, {
      Allocation: {
        ...allocation,
        CreateTime: nanoseconds(allocation.CreateTime),
        ModifyTime: nanoseconds(allocation.ModifyTime),
      },
    });
    return allocation;
  };
  const ofJob = (id: string): Allocation[] => [...allocations.values()].filter(({ JobID }) => JobID === id);
  const statusOf = ({ job, parent, stop }: Registered): string => {
    if (parent === '') return stop ? 'dead' : 'running';
    const own = ofJob(job.ID);
    // As in Nomad: an allocation that is told to end counts as ended here.
    const counts = ({ ClientStatus, DesiredStatus }: Allocation): boolean =>
      DesiredStatus === 'run' && !['complete', 'failed', 'lost'].includes(ClientStatus);
    if (own.some(counts)) return 'running';
    return stop || own.some(({ ClientStatus }) => ClientStatus !== 'lost') ? 'dead' : 'pending';
  };
  const listed = (registered: Registered): ChildJob => ({
    ...{ ID: registered.job.ID, ParentID: registered.parent, Status: statusOf(registered) },
    ...{
      Stop: registered.stop,
      SubmitTime: registered.submittedAt,
      ModifyIndex: registered.job.JobModifyIndex,
    },
  });
  const jobOf = (id: string): Job =>
    jobSchema.parse({ ID: id, Status: 'running', JobModifyIndex: index, Meta: {} });

  const stopJob = (id: string): void => {
    const registered = jobs.get(id);
    if (!registered) return;
    registered.stop = true;
    index++;
    jobs.set(id, { ...registered, job: { ...registered.job, JobModifyIndex: index } });
    for (const allocation of ofJob(id))
      if (allocation.DesiredStatus === 'run')
        tell({ ...allocation, DesiredStatus: 'stop', ModifyIndex: index, ModifyTime: clock.epoch() });
  };

  const unlock = (kept: Kept): void => {
    kept.lock?.cancel();
    kept.lock = undefined;
    kept.index = ++index;
  };
  /** After twice its time to live and the delay. */
  const expire = (kept: Kept, lock: Lock): void => {
    lock.cancel();
    lock.cancel = clock.after(lock.ttlMs * 2, () => {
      lock.cancel = clock.after(lock.delayMs, () => {
        if (kept.lock === lock) unlock(kept);
      });
    });
  };
  const variableOf = ({ path, items, index: modified, lock }: Kept): Variable => ({
    ...{ Path: path, ModifyIndex: modified, Items: { ...items } },
    ...(lock && { Lock: { ID: lock.id } }),
  });
  const write = (path: string, items: Readonly<Record<string, string>>): Kept => {
    const kept = variables.get(path) ?? { path, items, index: 0, lock: undefined };
    kept.items = items;
    kept.index = ++index;
    variables.set(path, kept);
    return kept;
  };

  const api: NomadApi = {
    jobs: {
      get: (id) => ask(`get ${id}`, () => jobs.get(id)?.job),
      register: (job: JobSpec) =>
        ask(`register ${job.ID}`, () => {
          index++;
          jobs.set(job.ID, { job: jobOf(job.ID), parent: '', submittedAt: clock.epoch(), stop: false });
          return { modifyIndex: index, warnings: '' };
        }),
      plan: () => Promise.reject(new NomadError('this Nomad makes no plans')),
      dispatch: (id, order) =>
        ask(`dispatch ${id}`, () => {
          if (!jobs.has(id)) throw new NomadError(`there is no job ${id}`, 404);
          index++;
          made++;
          const seconds = Math.floor(clock.epoch() / 1_000);
          const jobId = `${id}/dispatch-${seconds}-${made.toString(16).padStart(8, '0')}`;
          jobs.set(jobId, { job: jobOf(jobId), parent: id, submittedAt: clock.epoch(), stop: false, order });
          return { jobId, evalId: `eval-${made}`, index };
        }),
      deregister: (id, { purge = false } = {}) =>
        ask(`${purge ? 'purge' : 'stop'} ${id}`, () => {
          stopJob(id);
          if (purge) jobs.delete(id);
        }),
      list: (prefix) =>
        ask(`list ${prefix}`, () => ({
          jobs: [...jobs.values()].filter(({ job }) => job.ID.startsWith(prefix)).map(listed),
          index,
        })),
      evaluations: (id) => ask(`evaluations ${id}`, () => evaluations.get(id) ?? []),
    },
    allocations: {
      list: (prefix) =>
        ask(`allocations ${prefix}`, () => ({
          allocations: [...allocations.values()].filter(({ JobID }) => JobID.startsWith(prefix)),
          index,
        })),
      get: (id) => ask(`allocation ${id}`, () => allocations.get(id)),
      logs: () => {
        throw new NomadError('this Nomad keeps no logs');
      },
    },
    nodes: {
      list: async () => [],
      draining: async () => [],
      find: async () => undefined,
      drain: async () => {},
      pools: async () => [],
    },
    variables: {
      get: (path) =>
        ask(`variable ${path}`, () => {
          const kept = variables.get(path);
          return kept && variableOf(kept);
        }),
      put: (path, items, checkIndex) =>
        ask(`put ${path}`, () => {
          const kept = variables.get(path);
          if ((kept?.index ?? 0) !== checkIndex || kept?.lock) return false;
          write(path, items);
          return true;
        }),
      acquire: (path, items, { ttlMs, delayMs, id }) =>
        ask(`acquire ${path}`, () => {
          if (variables.get(path)?.lock) return undefined;
          const kept = write(path, items);
          made++;
          const lock: Lock = { id: id ?? `lock-${made}`, ttlMs, delayMs, cancel: () => {} };
          kept.lock = lock;
          expire(kept, lock);
          return lock.id;
        }),
      renew: (path, lockId) =>
        ask(`renew ${path}`, () => {
          const kept = variables.get(path);
          if (kept?.lock?.id !== lockId) return false;
          expire(kept, kept.lock);
          return true;
        }),
      release: (path, lockId) =>
        ask(`release ${path}`, () => {
          const kept = variables.get(path);
          if (kept?.lock?.id === lockId) unlock(kept);
        }),
    },
    cluster: {
      keys: () => ask('keys', () => ({ keys: [] })),
      events: (_topics, _index, signal) => followed(signal),
      self: async () => ({ version: '2.0.5', leader: 'here' }),
    },
    async close() {
      for (const listener of [...listeners]) listener.fail();
    },
  };

  async function* followed(signal: AbortSignal): AsyncGenerator<EventBatch> {
    await ask('events', () => {});
    const batches: EventBatch[] = [];
    let broken = false;
    let wake = (): void => {};
    const listener = {
      take(batch: EventBatch) {
        batches.push(structuredClone(batch));
        wake();
      },
      fail() {
        broken = true;
        wake();
      },
    };
    listeners.add(listener);
    signal.addEventListener('abort', () => listener.fail());
    try {
      while (!signal.aborted) {
        const batch = batches.shift();
        if (batch) yield batch;
        else if (broken) throw new NomadError('the event stream broke');
        else
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
      }
    } finally {
      listeners.delete(listener);
    }
  }

  return {
    api,
    asked,
    children: () =>
      [...jobs.values()]
        .filter(({ parent }) => parent !== '')
        .map(({ job, order, stop }) => ({ id: job.ID, order, stop })),
    place(childId, { id = `alloc-${++made}`, port = 20_000 } = {}) {
      index++;
      return tell(allocationOf({ id, job: childId, created: clock.epoch(), index, port }));
    },
    change(allocationId, change) {
      const allocation = allocations.get(allocationId);
      if (!allocation) throw new Error(`there is no allocation ${allocationId}`);
      index++;
      return tell({ ...allocation, ...change, ModifyIndex: index, ModifyTime: clock.epoch() });
    },
    block(childId, metrics) {
      index++;
      const evaluation = {
        ...{ ID: `eval-${index}`, JobID: childId, Status: 'blocked', ModifyIndex: index },
        FailedTGAllocs: { executor: metrics },
      };
      evaluations.set(childId, [...(evaluations.get(childId) ?? []), evaluationSchema.parse(evaluation)]);
      publish('Evaluation', evaluation.ID, { Evaluation: evaluation });
    },
    fail(what, status) {
      failing = what === undefined ? undefined : { what, status };
    },
    hold(what) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const entry = { what, until: promise };
      held.push(entry);
      return () => {
        held.splice(held.indexOf(entry), 1);
        resolve();
      };
    },
    breakStreams() {
      for (const listener of [...listeners]) listener.fail();
    },
    streams: () => listeners.size,
    forget(childId) {
      jobs.delete(childId);
      for (const { ID } of ofJob(childId)) allocations.delete(ID);
    },
    variable(path) {
      const kept = variables.get(path);
      return kept && variableOf(kept);
    },
  };
};

/** Lets everything happen that waits for no time. */
export const settle = async (turns = 10): Promise<void> => {
  for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve));
};

/** Lets time pass in steps, and what it sets off happen. */
export const pass = async (clock: HandClock, ms: number, stepMs = 250): Promise<void> => {
  for (let left = ms; left > 0; left -= stepMs) {
    clock.advance(Math.min(stepMs, left));
    await settle(3);
  }
};
