import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import type { JobSpec } from '../../../../service/cluster/nomad/api/port.ts';
import { canonicalJson, executorJob } from '../../../../service/cluster/nomad/job-spec.ts';
import { poolSpecSchema } from '../../../../service/contracts/pool.ts';

const cluster = { prefix: 'paddock', namespace: 'default', home: '/opt/paddock', version: '1.2.3' };
const specOf = (fields: object = {}) => poolSpecSchema.parse({ name: 'default', ...fields });

const jobSchema = z.looseObject({
  ID: z.string(),
  Namespace: z.string(),
  Region: z.string().optional(),
  Priority: z.number(),
  Datacenters: z.array(z.string()),
  NodePool: z.string(),
  Constraints: z.array(z.object({ LTarget: z.string(), RTarget: z.string(), Operand: z.string() })),
  Meta: z.record(z.string(), z.string()),
  UI: z.object({ Links: z.array(z.object({ Label: z.string(), URL: z.string() })) }),
  TaskGroups: z.tuple([
    z.looseObject({
      Count: z.number(),
      EphemeralDisk: z.object({ SizeMB: z.number() }),
      Disconnect: z.object({ LostAfter: z.number(), Replace: z.boolean(), Reconcile: z.string() }),
      Tasks: z.tuple([
        z.looseObject({
          Driver: z.string(),
          Config: z.record(z.string(), z.unknown()),
          Env: z.record(z.string(), z.string()),
          KillTimeout: z.number(),
          Resources: z.looseObject({ CPU: z.number(), MemoryMB: z.number() }),
          LogConfig: z.object({ MaxFiles: z.number(), MaxFileSizeMB: z.number() }),
          Identities: z.array(z.record(z.string(), z.unknown())),
          Actions: z.array(z.object({ Name: z.string(), Command: z.string(), Args: z.array(z.string()) })),
        }),
      ]),
    }),
  ]),
});
const read = (job: JobSpec) => jobSchema.parse(job);
const taskOf = (job: JobSpec) => read(job).TaskGroups[0].Tasks[0];
const jobOf = (fields: object = {}, settings: object = {}) =>
  executorJob(specOf(fields), { ...cluster, ...settings });

test('a pool becomes a job of its name, whose executors find what they are told', () => {
  const job = read(jobOf());
  const task = taskOf(jobOf());
  assert.equal(job.ID, 'paddock-default');
  assert.equal(job.Meta.paddock_pool, 'default');
  assert.equal(job.Meta.paddock_version, '1.2.3');
  assert.deepEqual(job.Constraints, []);
  assert.equal(task.Driver, 'raw_exec');
  assert.deepEqual(task.Config, { command: '/opt/paddock/scripts/paddock-executor' });
  // No file, which every local user could read; no TTL, since a variable is not renewed.
  assert.deepEqual(task.Identities, [
    { Name: 'paddock', Audience: ['paddock'], Env: true, File: false, TTL: 0, ChangeMode: 'noop' },
  ]);
  assert.deepEqual(task.Env, {
    PADDOCK_STATE_DIR: '/run/paddock',
    PADDOCK_CACHE_DIR: '/var/cache/paddock',
    PADDOCK_CAPABILITIES: '',
    PADDOCK_NODE: '${node.unique.name}',
  });
});

test('Nomad replaces no executor by itself, not even one on a node that is silent for hours', () => {
  const group = read(jobOf()).TaskGroups[0];
  assert.equal(group.Count, 1);
  assert.deepEqual(group.RestartPolicy, { Attempts: 0, Mode: 'fail' });
  assert.deepEqual(group.ReschedulePolicy, { Attempts: 0, Unlimited: false });
  assert.equal(group.Disconnect.Replace, false);
  // Without lost_after, a node that is silent is down, and its allocations are lost and placed again at once.
  assert.equal(group.Disconnect.LostAfter, 86_400_000_000_000);
});

test('there is more disk than logs may take', () => {
  const group = read(jobOf()).TaskGroups[0];
  const { MaxFiles, MaxFileSizeMB } = group.Tasks[0].LogConfig;
  assert.ok(group.EphemeralDisk.SizeMB > 2 * MaxFiles * MaxFileSizeMB);
});

test('an architecture is asked of the node, any other capability of its meta, where "false" takes it away', () => {
  assert.deepEqual(read(jobOf({ capabilities: ['gpu', 'arm64', 'arm'] })).Constraints, [
    { LTarget: '${meta.gpu}', Operand: 'is_set', RTarget: '' },
    { LTarget: '${meta.gpu}', Operand: '!=', RTarget: 'false' },
    { LTarget: '${attr.cpu.arch}', Operand: '=', RTarget: 'arm64' },
    { LTarget: '${meta.arm}', Operand: 'is_set', RTarget: '' },
    { LTarget: '${meta.arm}', Operand: '!=', RTarget: 'false' },
  ]);
  assert.equal(taskOf(jobOf({ capabilities: ['gpu', 'arm64'] })).Env.PADDOCK_CAPABILITIES, 'gpu arm64');
});

test('where the pool stands: class, further constraints, node pool, datacenters, priority, devices', () => {
  const fields = {
    nodeClass: 'large',
    nodePool: 'gpu',
    datacenters: ['dc1'],
    priority: 80,
    constraints: [{ attribute: '${meta.rack}', operator: 'set_contains', value: 'a' }],
    devices: [
      {
        name: 'nvidia/gpu',
        count: 2,
        constraints: [{ attribute: '${device.attr.memory}', operator: '>=', value: '8 GiB' }],
      },
    ],
  };
  const job = read(jobOf(fields));
  assert.deepEqual(job.Constraints, [
    { LTarget: '${node.class}', Operand: '=', RTarget: 'large' },
    { LTarget: '${meta.rack}', Operand: 'set_contains', RTarget: 'a' },
  ]);
  assert.equal(job.NodePool, 'gpu');
  assert.deepEqual(job.Datacenters, ['dc1']);
  assert.equal(job.Priority, 80);
  assert.deepEqual(taskOf(jobOf(fields)).Resources.Devices, [
    {
      Name: 'nvidia/gpu',
      Count: 2,
      Constraints: [{ LTarget: '${device.attr.memory}', Operand: '>=', RTarget: '8 GiB' }],
    },
  ]);
});

test("the pool's environment goes before ours, except where that says what the executor is", () => {
  const environment = {
    PADDOCK_STATE_DIR: '/srv/paddock',
    PADDOCK_NODE: 'mine',
    PADDOCK_WARM_MEMORY_MB: '64',
  };
  const { Env } = taskOf(jobOf({ executor: { environment, maxRunning: 3 } }));
  assert.equal(Env.PADDOCK_STATE_DIR, '/srv/paddock');
  assert.equal(Env.PADDOCK_WARM_MEMORY_MB, '64');
  assert.equal(Env.PADDOCK_MAX_RUNNING, '3');
  assert.equal(Env.PADDOCK_NODE, '${node.unique.name}');
});

test('memory may be exceeded only where the pool says so; the kill timeout is in nanoseconds', () => {
  assert.equal('MemoryMaxMB' in taskOf(jobOf()).Resources, false);
  const task = taskOf(jobOf({ executor: { memoryMb: 512, memoryMaxMb: 1_024, killTimeoutSeconds: 3_600 } }));
  assert.equal(task.Resources.MemoryMaxMB, 1_024);
  assert.equal(task.KillTimeout, 3_600_000_000_000);
});

test('a container gets the rights, the cgroups and the files that executors need', () => {
  const tls = { ca: '/etc/paddock/ca.pem', cert: '/etc/paddock/cert.pem', key: '/etc/paddock/key.pem' };
  const executor = { driver: 'docker', image: 'example.org/paddock:1', home: '/paddock' };
  const task = taskOf(jobOf({ executor }, { tls }));
  assert.equal(task.Driver, 'docker');
  assert.deepEqual(task.Config, {
    image: 'example.org/paddock:1',
    command: '/paddock/scripts/paddock-executor',
    privileged: true,
    network_mode: 'host',
    cgroupns: 'host',
    volumes: [
      '/sys/fs/cgroup:/sys/fs/cgroup',
      '/var/cache/paddock:/var/cache/paddock',
      '/etc/paddock/ca.pem:/etc/paddock/ca.pem:ro',
      '/etc/paddock/cert.pem:/etc/paddock/cert.pem:ro',
      '/etc/paddock/key.pem:/etc/paddock/key.pem:ro',
    ],
  });
  assert.equal(task.Env.PADDOCK_TLS_KEY, '/etc/paddock/key.pem');
});

test("operators find actions and, where one is set, a link in Nomad's UI", () => {
  const command = '/opt/paddock/scripts/paddock-executor';
  assert.deepEqual(taskOf(jobOf()).Actions, [
    { Name: 'status', Command: command, Args: ['status'] },
    { Name: 'drain', Command: command, Args: ['drain'] },
  ]);
  assert.deepEqual(read(jobOf()).UI.Links, []);
  const link = [{ Label: 'Paddock', URL: 'https://paddock.example.org' }];
  assert.deepEqual(read(jobOf({}, { uiLink: 'https://paddock.example.org' })).UI.Links, link);
});

test('the hash in the meta is the same for the same pool, and another for whatever else differs', () => {
  const hashOf = (job: JobSpec): string | undefined => read(job).Meta.paddock_spec;
  const hash = hashOf(jobOf());
  assert.match(hash ?? '', /^[0-9a-f]{16}$/);
  const one = jobOf({ executor: { environment: { ONE: '1', TWO: '2' } } });
  const other = jobOf({ executor: { environment: { TWO: '2', ONE: '1' } } });
  assert.equal(hashOf(one), hashOf(other));
  const others = [
    jobOf({ capabilities: ['gpu'] }),
    jobOf({ executor: { cpuMhz: 501 } }),
    jobOf({}, { version: '1.2.4' }),
    jobOf({}, { namespace: 'paddock' }),
  ];
  for (const job of others) assert.notEqual(hashOf(job), hash);
  assert.equal(new Set(others.map(hashOf)).size, others.length);
  // An allocation names the region that a shell leaves to Nomad.
  assert.equal(hashOf(jobOf({}, { region: 'eu' })), hash);
});

test('what says only how many executors there are does not change the job', () => {
  assert.deepEqual(jobOf({ minimum: 3, maximum: 9, headroom: 7, idleSeconds: 9 }), jobOf());
});

test('canonical JSON has keys in order, at every depth, and lists as they are', () => {
  assert.equal(canonicalJson({ b: [{ z: 1, a: 2 }], a: null }), '{"a":null,"b":[{"a":2,"z":1}]}');
});
