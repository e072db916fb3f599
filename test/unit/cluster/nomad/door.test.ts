import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Allocation } from '../../../../service/cluster/nomad/api/answers.ts';
import { createDoor } from '../../../../service/cluster/nomad/door.ts';
import {
  createSigningKey,
  createTokenSigner,
  createTokenVerifier,
} from '../../../../service/cluster/trust/executor-token.ts';
import type { WorkloadIdentity } from '../../../../service/cluster/trust/workload-identity.ts';
import type { Registration } from '../../../../service/contracts/cluster-api.ts';
import { PaddockError } from '../../../../service/contracts/errors.ts';
import { createHandClock } from '../../hand-clock.ts';

const A = 'a1b2c3d4-0000-4000-8000-000000000001';
const B = 'a1b2c3d4-0000-4000-8000-000000000002';
const good: WorkloadIdentity = {
  ...{ allocation: A, job: 'paddock-default', namespace: 'default', task: 'executor' },
};
const registration: Registration = {
  ...{ allocation: A, pool: 'default', url: 'http://10.0.0.1:20000', node: 'one', state: 'ready' },
};
const report = { dispatcher: 'd', url: 'http://d:7070', pools: [] };
const { privateJwk, publicKey } = await createSigningKey();

const allocationOn = (Value: number): Allocation => ({
  ...{ ID: A, JobID: 'paddock-default/dispatch-1-a', NodeID: 'n', NodeName: 'one', ClientStatus: 'running' },
  ...{ ClientDescription: '', DesiredStatus: 'run', DesiredDescription: '', CreateTime: 1, ModifyTime: 1 },
  ...{ ModifyIndex: 1, TaskStates: {} },
  AllocatedResources: { Shared: { Ports: [{ Label: 'http', Value, HostIP: '10.0.0.1' }] } },
});

const prepared = (
  identity: WorkloadIdentity = good,
  live: boolean | undefined = undefined,
  allocation: Allocation | undefined = allocationOn(20_000),
) => {
  const warned: object[] = [];
  const clock = createHandClock();
  const seen: unknown[] = [];
  const door = createDoor({
    workloads: {
      verify: async (jwt) => {
        assert.equal(jwt, 'identity');
        return identity;
      },
    },
    dispatchers: createTokenVerifier([publicKey], 'paddock-dispatcher', clock),
    ...{ prefix: 'paddock', namespace: 'default', pools: ['default', 'gpu'], isLive: () => live },
    ...{ allocation: async () => allocation, secure: false, log: { warn: (fields) => warned.push(fields) } },
    roster: {
      registered: async (told) => void seen.push(told),
      changed: () => {},
      check: () => {},
      close: () => {},
    },
    peers: {
      receive: (told) => void seen.push(told),
      ...{ tell: () => {}, heard: () => [], urls: () => [], close: async () => {} },
    },
  });
  const sign = (audience: string) => createTokenSigner(privateJwk, clock).sign(audience);
  return { clock, door, seen, sign, warned };
};
const refused = (told: Promise<void>, why: RegExp) =>
  assert.rejects(told, (error: unknown) => {
    assert.ok(error instanceof PaddockError);
    assert.equal(error.code, 'unauthorized');
    assert.match(error.details.detail ?? '', why);
    return true;
  });

describe('an executor is let in', () => {
  test('as what Nomad says it is, known to Nomad’s listing or not yet', async () => {
    for (const live of [true, undefined]) {
      const { door, seen } = prepared(good, live);
      await door.executor('Bearer identity', registration);
      assert.deepEqual(seen, [registration]);
    }
  });

  const faults: Record<string, [Partial<WorkloadIdentity>, Partial<Registration>, RegExp]> = {
    'another allocation': [{ allocation: B }, {}, /that of another allocation/],
    'another namespace': [{ namespace: 'other' }, {}, /is of namespace other/],
    'another job': [{ job: 'web' }, {}, /that of job web/],
    'another pool of ours': [{ job: 'paddock-gpu' }, {}, /that of job paddock-gpu/],
    'a pool that is none': [{ job: 'paddock-dispatcher' }, { pool: 'dispatcher' }, /no pool dispatcher/],
    'another installation': [{ job: 'paddock-x-default' }, { pool: 'x-default' }, /no pool x-default/],
    'another task': [{ task: 'sidecar' }, {}, /that of task sidecar/],
  };
  for (const [name, [identity, told, why]] of Object.entries(faults))
    test(`not with the identity of ${name}`, async () => {
      const { door, seen } = prepared({ ...good, ...identity });
      await refused(door.executor('Bearer identity', { ...registration, ...told }), why);
      assert.deepEqual(seen, []);
    });

  test('not after its allocation has ended, and not without an identity', async () => {
    const { door, seen } = prepared(good, false);
    await refused(door.executor('Bearer identity', registration), /the allocation has ended/);
    for (const header of [undefined, '', 'Basic identity', 'identity'])
      await refused(door.executor(header, registration), /Bearer token is needed/);
    assert.deepEqual(seen, []);
  });

  test('and what is refused names only what the caller showed', async () => {
    const { door } = prepared({ ...good, allocation: B });
    await assert.rejects(door.executor('Bearer identity', registration), (error: unknown) => {
      assert.ok(error instanceof PaddockError);
      assert.doesNotMatch(JSON.stringify(error.toProblem()), new RegExp(`${A}|${B}|default|gpu|10\\.0`));
      return true;
    });
  });
});

describe('a dispatcher is let in', () => {
  test('with a token for dispatchers, while it lasts', async () => {
    const { clock, door, seen, sign } = prepared();
    const token = `Bearer ${await sign('paddock-dispatcher')}`;
    await door.demand(token, report);
    assert.deepEqual(seen, [report]);
    clock.advance(3_600_000);
    await refused(door.demand(token, report), /not one of this cluster's dispatchers/);
  });

  test('not with what an executor was shown, nor with nothing', async () => {
    const { door, seen, sign } = prepared();
    const stranger = await createSigningKey();
    const forged = await createTokenSigner(stranger.privateJwk, createHandClock()).sign('paddock-dispatcher');
    for (const header of [`Bearer ${await sign(A)}`, `Bearer ${forged}`, 'Bearer identity', undefined])
      await refused(door.demand(header, report), /not one of this cluster's dispatchers/);
    assert.deepEqual(seen, []);
  });
});

test('whoever holds its identity cannot have executions sent anywhere but where Nomad put it', async () => {
  const elsewhere = { ...registration, url: 'http://10.6.6.6:8767' };
  const { door, seen } = prepared();
  await refused(door.executor('Bearer identity', elsewhere), /address is not that of the allocation/);
  const moved = prepared(good, undefined, allocationOn(20_001));
  await refused(moved.door.executor('Bearer identity', registration), /address is not that/);
  assert.deepEqual([...seen, ...moved.seen], []);
});

test('a pool that this one does not know is told of once', async () => {
  const { door, sign, warned } = prepared();
  const authorization = `Bearer ${await sign('paddock-dispatcher')}`;
  const strange = { ...report, pools: [{ pool: 'fpga', waiting: 0 }] };
  await door.demand(authorization, strange);
  await door.demand(authorization, strange);
  assert.deepEqual(warned, [{ dispatcher: 'd', pool: 'fpga' }]);
});
