import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { executorJob } from '../../../service/cluster/nomad/job-spec.ts';
import { type PoolSpec, poolSpecSchema } from '../../../service/contracts/pool.ts';
import { readHcl, resolveVariables } from './hcl.ts';
import { nomad, withoutNomad } from './nomad-command.ts';

const rawExec = 'jobs/executor-pool.nomad.hcl';
const docker = 'jobs/executor-pool-docker.nomad.hcl';
const cluster = { prefix: 'paddock', namespace: 'default', home: '/opt/paddock', version: '1.2.3' };
const image = 'example.org/paddock:1';
const pools = {
  [rawExec]: poolSpecSchema.parse({ name: 'default' }),
  [docker]: poolSpecSchema.parse({ name: 'default', executor: { driver: 'docker', image } }),
};

/** What the JSON of parsed HCL says of fields that were not written. */
const unwritten: Readonly<Record<string, unknown>> = {
  ...{
    Leader: false,
    ShutdownDelay: 0,
    Dispatched: false,
    IgnoreCollision: false,
    Env: false,
    Value: 0,
    To: 0,
  },
};
/** Only the dispatchers' own job says from what it was made. */
const madeFrom = ['paddock_spec', 'paddock_version'];

const isEmpty = (value: unknown): boolean =>
  value === null ||
  value === undefined ||
  value === '' ||
  (typeof value === 'object' && Object.keys(value).length === 0);

/** Without what says nothing, and with constraints in one order: Nomad takes them as a set. */
const canonical = (part: unknown): unknown => {
  if (Array.isArray(part)) return part.map(canonical);
  if (typeof part !== 'object' || part === null) return part;
  const entries = Object.entries(part)
    .filter(([key, value]) => !(key in unwritten && value === unwritten[key]) && !madeFrom.includes(key))
    .map(([key, value]): [string, unknown] => [key, canonical(value)])
    .map(([key, value]): [string, unknown] =>
      key === 'Constraints' && Array.isArray(value)
        ? [key, value.map((one) => JSON.stringify(one)).sort()]
        : [key, value],
    )
    .filter(([, value]) => !isEmpty(value));
  return Object.fromEntries(entries.sort(([one], [other]) => (one < other ? -1 : 1)));
};

/** Any value as an HCL expression: JSON is one, but for the `${` in it. */
const variable = ([name, value]: [string, unknown]): string[] => [
  '-var',
  `${name}=${typeof value === 'string' ? value : JSON.stringify(value).replaceAll('${', () => '$${')}`,
];

const parsedByNomad = (path: string, ...flags: string[]): unknown => {
  const { status, stdout, stderr } = nomad('job', 'run', '-output', ...flags, `nomad/${path}`);
  assert.equal(status, 0, stderr);
  return z.object({ Job: z.unknown() }).parse(JSON.parse(stdout)).Job;
};

const given = {
  pool: 'special',
  prefix: 'campus',
  namespace: 'exams',
  datacenters: ['north', 'south'],
  node_pool: 'gpu',
  node_class: 'large',
  priority: 70,
  capabilities: ['gpu', 'arm64', 'fpga'],
  constraints: [
    { attribute: '${meta.rack}', operator: 'set_contains', value: 'a' },
    { attribute: '${attr.kernel.version}', operator: 'semver', value: '>= 5.10' },
  ],
  devices: [
    {
      name: 'nvidia/gpu',
      count: 2,
      constraints: [{ attribute: '${device.attr.memory}', operator: '>=', value: '8 GiB' }],
    },
  ],
  home: '/srv/paddock',
  cpu_mhz: 900,
  memory_mb: 1_024,
  memory_max_mb: 4_096,
  max_running: 3,
  kill_timeout_seconds: 300,
  environment: { PADDOCK_WARM_MEMORY_MB: '64' },
  tls: { ca: '/etc/paddock/ca.pem', cert: '/etc/paddock/cert.pem', key: '/etc/paddock/key.pem' },
  ui_link: 'https://paddock.example.org',
};

const specOfGiven = (executor: Partial<PoolSpec['executor']>): PoolSpec =>
  poolSpecSchema.parse({
    name: given.pool,
    datacenters: given.datacenters,
    nodePool: given.node_pool,
    nodeClass: given.node_class,
    priority: given.priority,
    capabilities: given.capabilities,
    constraints: given.constraints,
    devices: given.devices,
    executor: {
      cpuMhz: given.cpu_mhz,
      memoryMb: given.memory_mb,
      memoryMaxMb: given.memory_max_mb,
      maxRunning: given.max_running,
      killTimeoutSeconds: given.kill_timeout_seconds,
      environment: given.environment,
      ...executor,
    },
  });

const clusterOfGiven = {
  ...{ prefix: given.prefix, namespace: given.namespace, home: given.home, tls: given.tls },
  ...{ uiLink: given.ui_link, version: '1.2.3' },
};

for (const path of [rawExec, docker] as const) {
  const more = path === docker ? { image } : {};
  test(`${path} is the job that dispatchers register`, { skip: withoutNomad }, () => {
    const parsed = parsedByNomad(path, ...Object.entries(more).flatMap(variable));
    assert.deepEqual(canonical(parsed), canonical(executorJob(pools[path], cluster)));
  });

  test(`${path} is that job with every variable set, too`, { skip: withoutNomad }, () => {
    const parsed = parsedByNomad(path, ...Object.entries({ ...given, ...more }).flatMap(variable));
    const executor = path === docker ? { driver: 'docker' as const, image } : {};
    assert.deepEqual(canonical(parsed), canonical(executorJob(specOfGiven(executor), clusterOfGiven)));
  });
}

test('the variables for a pool of GPUs make its job', { skip: withoutNomad }, () => {
  const parsed = parsedByNomad(rawExec, '-var-file=nomad/jobs/gpu-pool.vars.hcl');
  const gpu = poolSpecSchema.parse({
    name: 'gpu',
    nodePool: 'gpu',
    capabilities: ['gpu'],
    devices: [
      {
        name: 'nvidia/gpu',
        constraints: [{ attribute: '${device.attr.memory}', operator: '>=', value: '8 GiB' }],
      },
    ],
    executor: { memoryMb: 8_192 },
  });
  assert.deepEqual(canonical(parsed), canonical(executorJob(gpu, cluster)));
});

/* Without nomad: what the file says in so many words, against the same in the generated job. */

const block = <T extends z.ZodType>(item: T) => z.tuple([item]).transform(([only]) => only);
const record = z.record(z.string(), z.unknown());
const action = block(z.object({ command: z.string(), args: z.array(z.string()) }));
const hclJobSchema = z.object({
  'executor-pool': block(
    z.looseObject({
      meta: block(record),
      parameterized: block(record),
      ui: block(z.looseObject({ description: z.string() })),
      group: z.object({
        executor: block(
          z.looseObject({
            restart: block(record),
            reschedule: block(record),
            disconnect: block(record),
            ephemeral_disk: block(record),
            network: block(z.object({ mode: z.string(), port: record })),
            task: z.object({
              executor: block(
                z.looseObject({
                  config: block(z.looseObject({ command: z.string() })),
                  dispatch_payload: block(record),
                  identity: block(record),
                  logs: block(record),
                  resources: block(z.looseObject({ cpu: z.number(), memory: z.number() })),
                  action: z.object({ status: action, drain: action }),
                }),
              ),
            }),
          }),
        ),
      }),
    }),
  ),
});

const seconds = (duration: unknown): number => {
  const [, amount, unit] = /^(\d+)([smh])$/.exec(String(duration)) ?? [];
  return Number(amount) * (unit === 'h' ? 3_600 : unit === 'm' ? 60 : 1);
};
const nanoseconds = (duration: unknown): number => seconds(duration) * 1e9;

/** The part of a job that HCL says without functions. */
const mainFieldsOf = (job: z.output<typeof hclJobSchema>['executor-pool']): object => {
  const group = job.group.executor;
  const task = group.task.executor;
  return {
    ...{ ID: job.id, Name: job.name, Namespace: job.namespace, Type: job.type, Priority: job.priority },
    ...{ Datacenters: job.datacenters, NodePool: job.node_pool, Meta: job.meta },
    ParameterizedJob: { Payload: job.parameterized.payload },
    UI: { Description: job.ui.description },
    TaskGroups: [
      {
        ...{ Name: 'executor', Count: group.count },
        RestartPolicy: { Attempts: group.restart.attempts, Mode: group.restart.mode },
        ReschedulePolicy: { Attempts: group.reschedule.attempts, Unlimited: group.reschedule.unlimited },
        Disconnect: {
          LostAfter: nanoseconds(group.disconnect.lost_after),
          Replace: group.disconnect.replace,
          Reconcile: group.disconnect.reconcile,
        },
        EphemeralDisk: { SizeMB: group.ephemeral_disk.size },
        Networks: [
          {
            Mode: group.network.mode,
            DynamicPorts: Object.keys(group.network.port).map((label) => ({ Label: label })),
          },
        ],
        Tasks: [
          {
            ...{ Name: 'executor', Driver: task.driver, KillSignal: task.kill_signal },
            KillTimeout: nanoseconds(task.kill_timeout),
            Config: task.config,
            DispatchPayload: { File: task.dispatch_payload.file },
            Identities: [
              {
                ...{ Name: task.identity.name, Audience: task.identity.aud, Env: task.identity.env },
                ...{ File: task.identity.file, ChangeMode: task.identity.change_mode },
                TTL: nanoseconds(task.identity.ttl ?? '0s'),
              },
            ],
            Resources: { CPU: task.resources.cpu, MemoryMB: task.resources.memory },
            LogConfig: { MaxFiles: task.logs.max_files, MaxFileSizeMB: task.logs.max_file_size },
            Actions: Object.entries(task.action).map(([Name, { command, args }]) => ({
              Name,
              Command: command,
              Args: args,
            })),
          },
        ],
      },
    ],
  };
};

const generatedSchema = z.looseObject({
  TaskGroups: z.tuple([
    z.looseObject({
      Tasks: z.tuple([z.looseObject({ Env: record, Config: record, Actions: z.array(z.unknown()) })]),
    }),
  ]),
});

for (const path of [rawExec, docker] as const) {
  test(`${path} says the main things as dispatchers do`, async () => {
    const file = z.object({ variable: z.unknown(), job: z.unknown() }).parse(await readHcl(path));
    const job = hclJobSchema.parse(resolveVariables(file, { image }))['executor-pool'];
    const generated = generatedSchema.parse(executorJob(pools[path], cluster));
    const task: Record<string, unknown> = generated.TaskGroups[0].Tasks[0];
    // Put together with functions in HCL; the tests above, which need nomad, compare them.
    delete task.Env;
    const config = generated.TaskGroups[0].Tasks[0].Config;
    delete config.volumes;
    delete job.group.executor.task.executor.config.volumes;
    assert.deepEqual(canonical(mainFieldsOf(job)), canonical(generated));
  });
}
