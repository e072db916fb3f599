import assert from 'node:assert/strict';
import { generateKeyPairSync, randomUUID, sign } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { before, describe, test } from 'node:test';
import { z } from 'zod';
import { systemClock } from '../../service/cluster/clock.ts';
import {
  createSigningKey,
  createTokenSigner,
  type SigningKey,
  signingKeySchema,
} from '../../service/cluster/trust/executor-token.ts';
import { launchOrderSchema, type Registration } from '../../service/contracts/cluster-api.ts';
import { executorsOf, post, run } from '../harness/client.ts';
import { identityOf } from '../harness/nomad-identity.ts';
import type { Installation } from '../harness/nomad-paddock.ts';
import type { Service } from '../harness/start-service.ts';
import { useNomad } from '../harness/use-nomad.ts';
import { waitFor } from '../harness/wait-for.ts';
import { hello } from './programs.ts';

const nomad = useNomad({ nodes: [{ name: 'plain' }] });
const second = 1_000_000_000;
/** How far apart clocks may be: service/cluster/trust/workload-identity.ts. */
const toleranceMs = 30_000;

const identity = (name: string, audience: string, seconds: number) => ({
  ...{ Name: name, Audience: [audience], Env: true, TTL: seconds * second, ChangeMode: 'noop' },
});

/** A job that only sleeps, with workload identities. */
const sleepingJob = (id: string, identities: readonly object[], more: object = {}) => ({
  Job: {
    ...{ ID: id, Type: 'batch', Datacenters: ['*'], ...more },
    TaskGroups: [
      {
        Name: 'executor',
        EphemeralDisk: { SizeMB: 30 },
        Tasks: [
          {
            ...{ Name: 'executor', Driver: 'raw_exec', Config: { command: 'sleep', args: ['3600'] } },
            Identities: identities,
            Resources: { CPU: 50, MemoryMB: 32 },
            LogConfig: { MaxFiles: 1, MaxFileSizeMB: 1 },
          },
        ],
      },
    ],
  },
});

const secretsOf = (allocation: string): string =>
  `${nomad.cluster.node('plain').allocationsFolder}/${allocation}/executor/secrets`;

const claimsOf = (jwt: string): Record<string, unknown> =>
  z
    .record(z.string(), z.unknown())
    .parse(JSON.parse(Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString()));

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

describe('trust between dispatchers and executors on Nomad', { skip: nomad.skip }, () => {
  let paddock: Installation;
  let dispatcher: Service;
  let executor: string;
  let foreign: string;
  /** Of an executor's job, and about to expire. */
  let passing: { allocation: string; jwt: string };

  const runningAllocation = (job: string): Promise<string> =>
    waitFor(
      async () => {
        const listed = await nomad.cluster.get(`/v1/allocations?prefix=&task_states=false`);
        const all = z
          .array(z.object({ ID: z.string(), JobID: z.string(), ClientStatus: z.string() }))
          .parse(listed);
        return all.find(({ JobID, ClientStatus }) => JobID === job && ClientStatus === 'running')?.ID;
      },
      { what: `an allocation of ${job}`, timeoutMs: 15_000, everyMs: 100 },
    );

  /** The pool's job, as somebody who may register jobs could make it: with an identity that lasts a second only. */
  const startPassing = async () => {
    const id = `${paddock.prefix}-spare`;
    const more = { ParameterizedJob: {}, Meta: { paddock_pool: 'spare' } };
    const body = sleepingJob(id, [identity('paddock', 'paddock', 1)], more);
    await nomad.cluster.get('/v1/jobs', { method: 'PUT', body });
    const dispatched = await nomad.cluster.get(`/v1/job/${id}/dispatch`, { method: 'PUT', body: {} });
    const { DispatchedJobID: child } = z.object({ DispatchedJobID: z.string() }).parse(dispatched);
    const allocation = await runningAllocation(child);
    return { allocation, jwt: identityOf(allocation) };
  };

  before(async () => {
    const pools = [{ name: 'plain' }, { name: 'spare', minimum: 0 }];
    paddock = nomad.install({ prefix: 'trust', pools });
    // Before there is a dispatcher: a leading one would put the job back, and end what nobody needs.
    passing = await startPassing();
    dispatcher = await paddock.startDispatcher();
    executor = (await run(dispatcher.url, hello)).executor;
    const identities = [identity('paddock', 'paddock', 3_600), identity('other', 'somebody', 3_600)];
    await nomad.cluster.get('/v1/jobs', { method: 'PUT', body: sleepingJob('stranger', identities) });
    foreign = await runningAllocation('stranger');
  });

  const registration = (allocation: string, pool = 'plain'): Registration => ({
    ...{ allocation, pool, url: 'http://127.0.0.1:9', node: 'plain', state: 'ready' },
  });

  const register = async (told: Registration, authorization?: string): Promise<number> => {
    const headers: Record<string, string> = authorization === undefined ? {} : { authorization };
    return (await post(dispatcher.url, '/cluster/executors', JSON.stringify(told), { headers })).status;
  };

  /** The key that dispatchers share, which only they may read. */
  const sharedKey = async (): Promise<SigningKey> => {
    const variable = await nomad.cluster.get(`/v1/var/${encodeURIComponent('trust/signing-key')}`);
    const { Items } = z.object({ Items: z.object({ key: z.string() }) }).parse(variable);
    return signingKeySchema.parse(JSON.parse(Items.key));
  };
  const tokenFor = async (audience: string, key: SigningKey): Promise<string> =>
    `Bearer ${await createTokenSigner(key, systemClock).sign(audience)}`;

  test('an order to launch holds no secret', async () => {
    const path = encodeURIComponent('executor/local/order.json');
    const { text } = await nomad.cluster.ask(`/v1/client/fs/cat/${executor}?path=${path}`);
    const order = launchOrderSchema.strict().parse(JSON.parse(text));
    assert.equal(order.pool, 'plain');
    assert.deepEqual(order.dispatchers, [dispatcher.url]);
    assert.deepEqual(
      order.keys.map((key) => Object.keys(key).sort()),
      [['crv', 'kid', 'kty', 'x']],
    );

    const { d: secret } = await sharedKey();
    assert.ok(!text.includes(secret));
    const [child = ''] = await paddock.children('plain');
    for (const job of ['trust-plain', child]) {
      const spec = await nomad.cluster.ask(`/v1/job/${encodeURIComponent(job)}`);
      assert.equal(spec.status, 200);
      assert.ok(!spec.text.includes(secret), `the job ${job} holds the key`);
    }
  });

  test("an executor's identity is in no file, and does not expire", () => {
    const files = readdirSync(secretsOf(executor));
    assert.deepEqual(
      files.filter((name) => name.endsWith('.jwt')),
      [],
    );
    const { exp, nomad_allocation_id } = claimsOf(identityOf(executor));
    assert.deepEqual([exp, nomad_allocation_id], [undefined, executor]);
  });

  test('who shows its own identity is let in', async () => {
    const told: Registration = { ...registration(passing.allocation, 'spare'), state: 'draining' };
    assert.equal(await register(told, `Bearer ${passing.jwt}`), 204);
  });

  describe('nobody else can pass for an executor', () => {
    const forge = (change: (header: Record<string, unknown>, claims: Record<string, unknown>) => string) => {
      const jwt = identityOf(executor);
      const header = z
        .record(z.string(), z.unknown())
        .parse(JSON.parse(Buffer.from(jwt.split('.')[0] ?? '', 'base64url').toString()));
      return change(header, { ...claimsOf(jwt), nomad_allocation_id: foreign });
    };
    const cases: Record<string, () => string | undefined> = {
      'without any': () => undefined,
      'with an empty one': () => 'Bearer ',
      'with another scheme': () => `Basic ${identityOf(executor)}`,
      'with something else': () => 'Bearer not.a.token',
      'with that of another allocation': () => `Bearer ${identityOf(executor)}`,
      "with its own, of a job that is not the pool's": () => `Bearer ${identityOf(foreign)}`,
      'with its own for another audience': () => `Bearer ${identityOf(foreign, 'other')}`,
      'with changed claims': () =>
        forge((_, claims) => `Bearer ${identityOf(executor).replace(/\.[^.]+\./, `.${encode(claims)}.`)}`),
      'with no algorithm': () =>
        forge((header, claims) => `Bearer ${encode({ ...header, alg: 'none' })}.${encode(claims)}.`),
      "signed with a key that is not the cluster's": () =>
        forge((header, claims) => {
          const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 });
          const signed = `${encode(header)}.${encode(claims)}`;
          return `Bearer ${signed}.${sign('sha256', Buffer.from(signed), privateKey).toString('base64url')}`;
        }),
    };
    for (const [name, authorization] of Object.entries(cases)) {
      test(name, async () => {
        assert.equal(await register(registration(foreign), authorization()), 401);
      });
    }

    test('with one that has expired', async () => {
      const expires = Number(claimsOf(passing.jwt).exp) * 1_000 + toleranceMs;
      await waitFor(() => Date.now() > expires, {
        what: 'it to expire',
        timeoutMs: toleranceMs + 10_000,
        everyMs: 200,
      });
      const told: Registration = { ...registration(passing.allocation, 'spare'), state: 'draining' };
      assert.equal(await register(told, `Bearer ${passing.jwt}`), 401);
    });

    test('as one of another pool', async () => {
      assert.equal(await register(registration(executor, 'spare'), `Bearer ${identityOf(executor)}`), 401);
    });

    test('and none of them got an execution', async () => {
      const known = (await executorsOf(dispatcher.url)).map(({ id }) => id);
      assert.ok(known.includes(executor));
      assert.ok(!known.includes(foreign));
    });
  });

  describe('an executor takes executions from dispatchers alone', () => {
    const urlOf = async (): Promise<string> => {
      const found = (await paddock.running('plain')).find(({ ID }) => ID === executor);
      const port = found?.AllocatedResources?.Shared.Ports.find(({ Label }) => Label === 'http');
      assert.ok(port);
      return `http://127.0.0.1:${port.Value}`;
    };
    const ask = async (authorization?: string): Promise<number> => {
      const headers: Record<string, string> = authorization === undefined ? {} : { authorization };
      const answer = await fetch(`${await urlOf()}/status`, { headers, signal: AbortSignal.timeout(5_000) });
      await answer.body?.cancel();
      return answer.status;
    };
    test('the shared key and its own audience open it', async () => {
      assert.equal(await ask(await tokenFor(executor, await sharedKey())), 200);
    });

    test('without a token it refuses', async () => {
      assert.equal(await ask(), 401);
    });

    test('with a token for another executor it refuses', async () => {
      assert.equal(await ask(await tokenFor(randomUUID(), await sharedKey())), 401);
    });

    test('with a token of another key it refuses, whatever its id', async () => {
      const { kid } = await sharedKey();
      const { privateJwk } = await createSigningKey();
      assert.equal(await ask(await tokenFor(executor, privateJwk)), 401);
      assert.equal(await ask(await tokenFor(executor, { ...privateJwk, kid })), 401);
    });

    test('with a workload identity it refuses', async () => {
      assert.equal(await ask(`Bearer ${identityOf(executor)}`), 401);
    });
  });
});
