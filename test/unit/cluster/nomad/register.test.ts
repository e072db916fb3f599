import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Job, jobSchema } from '../../../../service/cluster/nomad/api/answers.ts';
import { NomadError } from '../../../../service/cluster/nomad/api/errors.ts';
import type { JobSpec } from '../../../../service/cluster/nomad/api/port.ts';
import { canonicalJson, executorJob } from '../../../../service/cluster/nomad/job-spec.ts';
import {
  type PoolJobsApi,
  planPools,
  type Registered,
  registerPools,
  removePool,
  stalePools,
} from '../../../../service/cluster/nomad/register.ts';
import { poolSpecSchema } from '../../../../service/contracts/pool.ts';

const cluster = { prefix: 'paddock', namespace: 'default', home: '/opt/paddock', version: '1.2.3' };
const pool = (name: string, fields: object = {}) => poolSpecSchema.parse({ name, ...fields });

interface Stored {
  readonly spec: JobSpec;
  readonly index: number;
  readonly stop?: boolean;
  readonly parent?: string;
  readonly status?: string;
}

/** A Nomad that holds jobs and calls them different where their JSON differs. */
const fakeNomad = () => {
  const stored = new Map<string, Stored>();
  const calls: string[] = [];
  let index = 100;
  /** What somebody else does right before the next registration. */
  let interfere: (() => void) | undefined;

  const asJob = ({ spec, index: modified, stop = false }: Stored): Job =>
    jobSchema.parse({ ...spec, Status: 'running', Stop: stop, JobModifyIndex: modified });
  const put = (spec: JobSpec, more: Partial<Stored> = {}): void => {
    stored.set(spec.ID, { spec, index: ++index, ...more });
  };
  const jobs: PoolJobsApi['jobs'] = {
    get: async (id) => {
      const found = stored.get(id);
      return found && asJob(found);
    },
    register: async (spec, enforceIndex) => {
      interfere?.();
      interfere = undefined;
      calls.push(`register ${spec.ID}`);
      if (spec.NodePool === 'missing') throw new NomadError('nonexistent node pool "missing"', 500);
      if (enforceIndex !== (stored.get(spec.ID)?.index ?? 0))
        throw new NomadError(`Enforcing job modify index ${enforceIndex}: job exists with another`, 500);
      put(spec);
      return { modifyIndex: index, warnings: '' };
    },
    plan: async (spec) => {
      const found = stored.get(spec.ID);
      const same = found !== undefined && canonicalJson(found.spec) === canonicalJson(spec);
      const Type = found === undefined ? 'Added' : same ? 'None' : 'Edited';
      return { Diff: { Type }, JobModifyIndex: found?.index ?? 0, Warnings: '', FailedTGAllocs: {} };
    },
    list: async (prefix) => ({
      index,
      jobs: [...stored.entries()]
        .filter(([id]) => id.startsWith(prefix))
        .map(([ID, { parent, status, stop, index: ModifyIndex }]) => ({
          ...{ ID, ParentID: parent ?? '', Status: status ?? 'running', Stop: stop ?? false },
          ...{ SubmitTime: 0, ModifyIndex },
        })),
    }),
    deregister: async (id, { purge = false } = {}) => {
      calls.push(`${purge ? 'purge' : 'stop'} ${id}`);
      if (purge) stored.delete(id);
    },
  };
  return { api: { jobs }, calls, stored, put, before: (act: () => void) => (interfere = act) };
};

const outcomes = (results: readonly Registered[]): string[] =>
  results.map(({ jobId, outcome }) => `${jobId} ${outcome}`);

test('pools are registered once; again nothing is written', async () => {
  const { api, calls } = fakeNomad();
  const pools = [pool('default'), pool('gpu', { capabilities: ['gpu'] })];
  assert.deepEqual(outcomes(await registerPools(api, pools, cluster)), [
    'paddock-default created',
    'paddock-gpu created',
  ]);
  assert.deepEqual(outcomes(await registerPools(api, pools, cluster)), [
    'paddock-default unchanged',
    'paddock-gpu unchanged',
  ]);
  assert.equal(calls.length, 2);
});

test('only the pool that differs is registered anew', async () => {
  const { api } = fakeNomad();
  await registerPools(api, [pool('default'), pool('other')], cluster);
  const changed = [pool('default'), pool('other', { executor: { cpuMhz: 900 } })];
  assert.deepEqual(outcomes(await registerPools(api, changed, cluster)), [
    'paddock-default unchanged',
    'paddock-other updated',
  ]);
});

test('what somebody has changed by hand is put back, though its hash still says otherwise', async () => {
  const { api, put, stored } = fakeNomad();
  const wanted = executorJob(pool('default'), cluster);
  put({ ...wanted, Priority: 99 });
  assert.deepEqual(outcomes(await registerPools(api, [pool('default')], cluster)), [
    'paddock-default updated',
  ]);
  assert.deepEqual(stored.get('paddock-default')?.spec, wanted);
});

test('a job that was stopped is started again', async () => {
  const { api, put } = fakeNomad();
  put(executorJob(pool('default'), cluster), { stop: true });
  assert.deepEqual(outcomes(await registerPools(api, [pool('default')], cluster)), [
    'paddock-default updated',
  ]);
});

test('whoever loses a race reads again: another dispatcher wrote the same, or something else', async () => {
  const wanted = executorJob(pool('default'), cluster);
  const same = fakeNomad();
  same.before(() => same.put(wanted));
  assert.deepEqual(outcomes(await registerPools(same.api, [pool('default')], cluster)), [
    'paddock-default unchanged',
  ]);
  const other = fakeNomad();
  other.before(() => other.put({ ...wanted, Priority: 99 }));
  assert.deepEqual(outcomes(await registerPools(other.api, [pool('default')], cluster)), [
    'paddock-default updated',
  ]);
});

test('a race that is lost again and again ends', async () => {
  const { api, put, before } = fakeNomad();
  const wanted = executorJob(pool('default'), cluster);
  let tries = 0;
  const interfere = (): void => {
    put({ ...wanted, Priority: ++tries });
    queueMicrotask(() => before(interfere));
  };
  before(interfere);
  const [result] = await registerPools(api, [pool('default')], cluster);
  assert.equal(result?.outcome, 'failed');
  assert.equal(tries, 5);
});

test('what Nomad refuses is told, and the other pools are registered all the same', async () => {
  const { api, calls } = fakeNomad();
  const results = await registerPools(api, [pool('bad', { nodePool: 'missing' }), pool('good')], cluster);
  assert.deepEqual(outcomes(results), ['paddock-bad failed', 'paddock-good created']);
  const [bad] = results;
  assert.ok(bad?.outcome === 'failed' && /nonexistent node pool/.test(bad.error.message));
  assert.deepEqual(calls.toSorted(), ['register paddock-bad', 'register paddock-good']);
});

test("a pool never takes the place of a job that is not a pool's", async () => {
  const { api, calls, put } = fakeNomad();
  put({ ID: 'paddock-website', Type: 'service' });
  const [result] = await registerPools(api, [pool('website')], cluster);
  assert.ok(result?.outcome === 'failed' && /name the pool otherwise/.test(result.error.message));
  await assert.rejects(planPools(api, [pool('website')], cluster), /name the pool otherwise/);
  assert.deepEqual(calls, []);
});

test('a plan says what would be done, and does nothing', async () => {
  const { api, calls, put } = fakeNomad();
  put(executorJob(pool('same'), cluster));
  put({ ...executorJob(pool('changed'), cluster), Priority: 99 });
  put(executorJob(pool('stopped'), cluster), { stop: true });
  const plans = await planPools(
    api,
    ['same', 'changed', 'stopped', 'fresh'].map((name) => pool(name)),
    cluster,
  );
  assert.deepEqual(
    plans.map(({ jobId, change, plan }) => `${jobId} ${change} ${plan.Diff?.Type}`),
    [
      'paddock-same unchanged None',
      'paddock-changed update Edited',
      'paddock-stopped update None',
      'paddock-fresh create Added',
    ],
  );
  assert.deepEqual(calls, []);
});

test('stale are the jobs of pools that are gone: not those of other installations, nor the dispatchers', async () => {
  const { api, calls, put, stored } = fakeNomad();
  put(executorJob(pool('default'), cluster));
  put(executorJob(pool('old'), cluster));
  put(executorJob(pool('default'), { ...cluster, prefix: 'paddock-test' }));
  put({ ID: 'paddock-dispatcher' });
  const child = (id: string, status: string): void =>
    put({ ID: `paddock-old/dispatch-${id}` }, { parent: 'paddock-old', status });
  child('1', 'running');
  child('2', 'dead');
  child('3', 'pending');

  const stale = await stalePools(api, [pool('default')], 'paddock');
  assert.deepEqual(stale, [
    {
      pool: 'old',
      jobId: 'paddock-old',
      executors: ['paddock-old/dispatch-1', 'paddock-old/dispatch-3'],
    },
  ]);
  const [old] = stale;
  assert.ok(old);
  await removePool(api, old);
  // The job goes first: what nobody can dispatch any more cannot come back.
  assert.deepEqual(calls, [
    'purge paddock-old',
    'stop paddock-old/dispatch-1',
    'stop paddock-old/dispatch-3',
  ]);
  assert.ok(stored.has('paddock-default') && stored.has('paddock-test-default'));
});
