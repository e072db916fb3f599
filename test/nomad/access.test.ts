import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { z } from 'zod';
import { run } from '../harness/client.ts';
import type { Installation } from '../harness/nomad-paddock.ts';
import { repository, type Service } from '../harness/start-service.ts';
import { useNomad } from '../harness/use-nomad.ts';
import { hello } from './programs.ts';

const nomad = useNomad({ acl: true, tls: true });
const policies = ['dispatcher', 'operator', 'viewer'] as const;
type Who = (typeof policies)[number] | 'nobody';

interface Call {
  readonly what: string;
  readonly method?: 'GET' | 'PUT' | 'POST' | 'DELETE';
  readonly path: () => string | Promise<string>;
  readonly body?: () => unknown;
  readonly allowed: readonly Who[];
}

const variable = (path: string): string => `/v1/var/${encodeURIComponent(path)}`;

/** Of what it streams Nomad refuses in the text; what it will not show is left out of lists, or unknown. */
const isRefused = (status: number, text: string): boolean =>
  status === 403 || /^(?:Permission denied|Unknown allocation)/.test(text) || text.trim() === '[]';

describe('the ACL policies, on a cluster with ACLs and TLS', { skip: nomad.skip }, () => {
  const tokens = new Map<Who, string>([['nobody', '']]);
  let paddock: Installation;
  let dispatcher: Service;
  let executor: string;
  let node: string;

  before(async () => {
    for (const name of policies) {
      const rules = readFileSync(join(repository, `nomad/acl/${name}.policy.hcl`), 'utf8');
      const policy = { Name: `paddock-${name}`, Rules: rules };
      await nomad.cluster.get(`/v1/acl/policy/paddock-${name}`, { method: 'PUT', body: policy });
      const token = { Name: name, Type: 'client', Policies: [`paddock-${name}`] };
      const made = await nomad.cluster.get('/v1/acl/token', { method: 'PUT', body: token });
      tokens.set(name, z.object({ SecretID: z.string() }).parse(made).SecretID);
    }
    const env = { NOMAD_TOKEN: tokens.get('dispatcher') ?? '' };
    const pools = [
      { name: 'plain', maximum: 2, idleSeconds: 2 },
      { name: 'gpu', capabilities: ['gpu'], nodePool: 'accelerated', minimum: 0, idleSeconds: 2 },
    ];
    paddock = nomad.install({ prefix: 'paddock', pools, env });
    for (const [path, name] of [
      ['elsewhere', 'secret'],
      ['paddock/tokens', 'tokens'],
    ] as const) {
      const body = { Path: path, Items: { [name]: '{"tokens": []}' } };
      await nomad.cluster.get(variable(path), { method: 'PUT', body });
    }
    await nomad.cluster.get('/v1/namespace/other', { method: 'PUT', body: { Name: 'other' } });
  });

  test('a dispatcher with its policy alone serves: it registers, elects, launches, runs and retires', async () => {
    dispatcher = await paddock.startDispatcher();
    const result = await run(dispatcher.url, hello);
    executor = result.executor;
    assert.equal(result.run?.stdout, 'hello\n');
    const onDemand = await run(dispatcher.url, { ...hello, capabilities: ['gpu'], deadlineMs: 30_000 });
    assert.equal(onDemand.run?.stdout, 'hello\n');
    await paddock.hasRunning('gpu', 0);
    node = (await paddock.running('plain'))[0]?.NodeID ?? '';
  });

  test('a dispatcher without a token does not start, and says why', async () => {
    await assert.rejects(paddock.startDispatcher({ env: { NOMAD_TOKEN: '' } }), /[Pp]ermission denied/);
  });

  test("a dispatcher with a viewer's token does not start, and says why", async () => {
    const env = { NOMAD_TOKEN: tokens.get('viewer') ?? '' };
    await assert.rejects(paddock.startDispatcher({ env }), /[Pp]ermission denied/);
  });

  const job = (id: string) => ({
    Job: {
      ...{ ID: id, Type: 'batch', Datacenters: ['nowhere'] },
      TaskGroups: [
        { Name: 'g', Tasks: [{ Name: 't', Driver: 'raw_exec', Config: { command: '/bin/true' } }] },
      ],
    },
  });
  const calls: readonly Call[] = [
    { what: 'list jobs', path: () => '/v1/jobs', allowed: ['dispatcher', 'operator', 'viewer'] },
    {
      what: 'read a job',
      path: () => '/v1/job/paddock-plain',
      allowed: ['dispatcher', 'operator', 'viewer'],
    },
    {
      what: 'read an allocation',
      path: () => `/v1/allocation/${executor}`,
      allowed: ['dispatcher', 'operator', 'viewer'],
    },
    {
      what: 'read logs',
      path: () => `/v1/client/fs/logs/${executor}?task=executor&type=stderr&plain=true`,
      allowed: ['operator', 'viewer'],
    },
    {
      what: "read an executor's files",
      path: () => `/v1/client/fs/cat/${executor}?path=executor%2Flocal%2Forder.json`,
      allowed: [],
    },
    {
      what: 'plan a job',
      ...{ method: 'PUT', path: () => '/v1/job/tried/plan', body: () => ({ ...job('tried'), Diff: true }) },
      allowed: ['dispatcher', 'operator'],
    },
    {
      what: 'register a job',
      ...{ method: 'PUT', path: () => '/v1/jobs', body: () => job('tried') },
      allowed: ['dispatcher'],
    },
    {
      what: 'register a job in another namespace',
      method: 'PUT',
      path: () => '/v1/jobs?namespace=other',
      body: () => ({ Job: { ...job('tried').Job, Namespace: 'other' } }),
      allowed: [],
    },
    {
      what: 'dispatch a job',
      method: 'PUT',
      path: () => '/v1/job/paddock-gpu/dispatch',
      body: () => ({ Payload: Buffer.from('{}').toString('base64') }),
      allowed: ['dispatcher'],
    },
    {
      what: 'end a job',
      ...{ method: 'DELETE', path: () => '/v1/job/tried' },
      allowed: ['dispatcher', 'operator'],
    },
    {
      what: 'purge a job',
      ...{ method: 'DELETE', path: () => '/v1/job/tried?purge=true' },
      allowed: ['dispatcher'],
    },
    { what: 'list nodes', path: () => '/v1/nodes', allowed: ['dispatcher', 'operator', 'viewer'] },
    {
      what: 'make a node eligible',
      method: 'PUT',
      path: () => `/v1/node/${node}/eligibility`,
      body: () => ({ Eligibility: 'eligible' }),
      allowed: ['operator'],
    },
    { what: 'list node pools', path: () => '/v1/node/pools', allowed: ['operator', 'viewer'] },
    { what: 'look at the agent', path: () => '/v1/agent/self', allowed: ['operator', 'viewer'] },
    {
      what: 'read the signing key',
      path: () => variable('paddock/signing-key'),
      allowed: ['dispatcher'],
    },
    { what: 'see who leads', path: () => variable('paddock/leader'), allowed: ['dispatcher', 'operator'] },
    { what: 'read the variables of others', path: () => variable('elsewhere'), allowed: [] },
    {
      what: 'write service tokens',
      method: 'PUT',
      path: () => variable('paddock/tokens'),
      body: () => ({ Path: 'paddock/tokens', Items: { tokens: '{"tokens": []}' } }),
      allowed: ['operator'],
    },
    {
      what: 'read service tokens',
      path: () => variable('paddock/tokens'),
      allowed: ['dispatcher', 'operator'],
    },
    { what: 'list ACL tokens', path: () => '/v1/acl/tokens', allowed: [] },
    {
      what: 'read ACL policies of others',
      path: () => '/v1/acl/policy/paddock-operator',
      allowed: ['operator'],
    },
    {
      what: 'collect garbage',
      ...{ method: 'PUT', path: () => '/v1/system/gc' },
      allowed: [],
    },
    { what: 'change how schedulers work', path: () => '/v1/operator/scheduler/configuration', allowed: [] },
    {
      what: 'take a snapshot of everything',
      path: () => '/v1/operator/snapshot',
      allowed: [],
    },
  ];

  for (const who of [...policies, 'nobody'] as const) {
    for (const { what, allowed, path, method, body } of calls) {
      test(`${who} ${allowed.includes(who) ? 'may' : 'may not'} ${what}`, async () => {
        const token = tokens.get(who) ?? '';
        const { status, text } = await nomad.cluster.ask(await path(), {
          ...{ method, body: body?.(), token },
        });
        const answer = `${status} ${text.slice(0, 300)}`;
        assert.equal(isRefused(status, text), !allowed.includes(who), answer);
        if (allowed.includes(who)) assert.ok(status < 300, answer);
      });
    }
  }
});
