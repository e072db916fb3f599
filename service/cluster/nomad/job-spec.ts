import { createHash } from 'node:crypto';
import { executorAudience } from '../../contracts/cluster-api.ts';
import type { Constraint, PoolSpec } from '../../contracts/pool.ts';
import type { JobSpec } from './api/port.ts';

/** What is the same for all executors of a cluster. */
export interface ClusterSettings {
  /** Names of jobs begin with it. */
  readonly prefix: string;
  readonly namespace: string;
  readonly region?: string | undefined;
  /** The project's folder on the nodes, for pools that do not name their own. */
  readonly home: string;
  /** Paths on the nodes, PEM; given to executors as PADDOCK_TLS_*. */
  readonly tls?: { readonly ca: string; readonly cert: string; readonly key: string } | undefined;
  /** Where Nomad's UI points from a job. */
  readonly uiLink?: string | undefined;
  /** Of Paddock; shown in the job's meta. */
  readonly version: string;
}

/** Of every pool's job: its one group, and the group's one task. */
export const executorGroup = 'executor';
export const portLabel = 'http';
/** Where the payload of a dispatch lies, below NOMAD_TASK_DIR. */
export const orderFile = 'order.json';
/** The workload identity is in the task's variable `NOMAD_TOKEN_NAME`. */
export const identityName = 'paddock';

/** Keys of a job's meta; they say that Paddock registered it, for which pool, from which specification. */
export const poolMeta = 'paddock_pool';
export const specMeta = 'paddock_spec';
const versionMeta = 'paddock_version';

const nanosecondsPerSecond = 1_000_000_000;
/**
 * Nomad replaces what is lost, whatever `reschedule` says, but not before this time. Dispatchers replace an executor
 * themselves as soon as its client is silent, and deregister the old one's job; a replacement of Nomad's own would come
 * on top. So Nomad only steps in where no dispatcher has been there for a day.
 */
const lostAfterSeconds = 24 * 3_600;
/** Nomad demands more disk than logs may take; standard output and standard error each have files of their own. */
const logs = { MaxFiles: 3, MaxFileSizeMB: 10 };
const diskMb = 100;

/** Capabilities that Nomad's clients find out themselves. All others are keys of node meta. */
const architectures: readonly string[] = ['amd64', 'arm64'];

interface NomadConstraint {
  readonly LTarget: string;
  readonly RTarget: string;
  readonly Operand: string;
}

const constraint = ({ attribute, operator, value }: Constraint): NomadConstraint => ({
  LTarget: attribute,
  RTarget: value ?? '',
  Operand: operator,
});

/** `gpu = "false"` in node meta is how an operator takes it away again. Nomad's `!=` holds for what is missing as well. */
const constraintsOfCapability = (capability: string): NomadConstraint[] => {
  if (architectures.includes(capability))
    return [constraint({ attribute: '${attr.cpu.arch}', operator: '=', value: capability })];
  const attribute = `\${meta.${capability}}`;
  return [
    constraint({ attribute, operator: 'is_set' }),
    constraint({ attribute, operator: '!=', value: 'false' }),
  ];
};

const constraintsOf = (pool: PoolSpec): NomadConstraint[] => [
  ...pool.capabilities.flatMap(constraintsOfCapability),
  ...(pool.nodeClass === undefined
    ? []
    : [constraint({ attribute: '${node.class}', operator: '=', value: pool.nodeClass })]),
  ...pool.constraints.map(constraint),
];

/** Executors of a node share the folders: places in them are locked, and what runtimes prepare is prepared once. */
const environmentOf = (pool: PoolSpec, { tls }: ClusterSettings): Record<string, string> => ({
  PADDOCK_STATE_DIR: '/run/paddock',
  PADDOCK_CACHE_DIR: '/var/cache/paddock',
  ...(tls && { PADDOCK_TLS_CA: tls.ca, PADDOCK_TLS_CERT: tls.cert, PADDOCK_TLS_KEY: tls.key }),
  ...pool.executor.environment,
  ...(pool.executor.maxRunning !== undefined && { PADDOCK_MAX_RUNNING: String(pool.executor.maxRunning) }),
  PADDOCK_CAPABILITIES: pool.capabilities.join(' '),
  PADDOCK_NODE: '${node.unique.name}',
});

/**
 * A container is only the package here: sandboxes need the host's cgroups, its user ids and the right to mount. The
 * network is the host's, so that places are locked against the executors beside it.
 */
const driverConfigOf = ({ executor }: PoolSpec, command: string, tls: ClusterSettings['tls']) =>
  executor.driver === 'raw_exec'
    ? { command }
    : {
        image: executor.image,
        command,
        privileged: true,
        network_mode: 'host',
        cgroupns: 'host',
        volumes: [
          // As the host has it: below version 2 of cgroups, Docker shows only a part, at another path.
          '/sys/fs/cgroup:/sys/fs/cgroup',
          '/var/cache/paddock:/var/cache/paddock',
          ...(tls ? [tls.ca, tls.cert, tls.key] : []).map((path) => `${path}:${path}:ro`),
        ],
      };

const resourcesOf = ({ executor, devices }: PoolSpec) => ({
  CPU: executor.cpuMhz,
  MemoryMB: executor.memoryMb,
  ...(executor.memoryMaxMb !== undefined && { MemoryMaxMB: executor.memoryMaxMb }),
  Devices: devices.map(({ name, count, constraints }) => ({
    Name: name,
    Count: count,
    Constraints: constraints.map(constraint),
  })),
});

const taskOf = (pool: PoolSpec, cluster: ClusterSettings) => {
  const command = `${pool.executor.home ?? cluster.home}/scripts/paddock-executor`;
  return {
    Name: executorGroup,
    Driver: pool.executor.driver,
    Config: driverConfigOf(pool, command, cluster.tls),
    Env: environmentOf(pool, cluster),
    DispatchPayload: { File: orderFile },
    Identities: [
      {
        Name: identityName,
        Audience: [executorAudience],
        // A file of it could be read by every local user of the node. A variable is never renewed: without a TTL it
        // does not expire, and dispatchers refuse it once its allocation has ended.
        Env: true,
        File: false,
        TTL: 0,
        ChangeMode: 'noop',
      },
    ],
    Resources: resourcesOf(pool),
    LogConfig: logs,
    KillSignal: 'SIGTERM',
    KillTimeout: pool.executor.killTimeoutSeconds * nanosecondsPerSecond,
    Actions: ['status', 'drain'].map((action) => ({ Name: action, Command: command, Args: [action] })),
  };
};

const groupOf = (pool: PoolSpec, cluster: ClusterSettings) => ({
  Name: executorGroup,
  Count: 1,
  RestartPolicy: { Attempts: 0, Mode: 'fail' },
  ReschedulePolicy: { Attempts: 0, Unlimited: false },
  Disconnect: {
    LostAfter: lostAfterSeconds * nanosecondsPerSecond,
    Replace: false,
    Reconcile: 'keep_original',
  },
  EphemeralDisk: { SizeMB: diskMb },
  Networks: [{ Mode: 'host', DynamicPorts: [{ Label: portLabel }] }],
  Tasks: [taskOf(pool, cluster)],
});

/** With keys in order, so that equal values give equal text. */
export const canonicalJson = (value: unknown): string =>
  JSON.stringify(value, (_, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([one], [other]) => (one < other ? -1 : 1)))
      : part,
  );

const hashOf = (value: unknown): string =>
  createHash('sha256').update(canonicalJson(value)).digest('hex').slice(0, 16);

export const jobIdOf = (pool: string, prefix: string): string => `${prefix}-${pool}`;

/**
 * The parameterized job of a pool: each dispatch of it is one executor. The same pool and cluster give the same job,
 * and `meta.paddock_spec` is a hash over all of it but the region.
 */
export const executorJob = (pool: PoolSpec, cluster: ClusterSettings): JobSpec => {
  const job = {
    ID: jobIdOf(pool.name, cluster.prefix),
    Name: jobIdOf(pool.name, cluster.prefix),
    Namespace: cluster.namespace,
    Type: 'batch',
    Priority: pool.priority,
    Datacenters: pool.datacenters,
    NodePool: pool.nodePool,
    Constraints: constraintsOf(pool),
    ParameterizedJob: { Payload: 'required' },
    TaskGroups: [groupOf(pool, cluster)],
    UI: {
      Description: `Executors of the Paddock pool "${pool.name}". Dispatchers start and end them; each dispatch is one executor.`,
      Links: cluster.uiLink === undefined ? [] : [{ Label: 'Paddock', URL: cluster.uiLink }],
    },
    Meta: { [poolMeta]: pool.name, [versionMeta]: cluster.version },
  };
  // Not in the hash: who leaves the region to Nomad means the same one as who names it.
  const region = cluster.region === undefined ? {} : { Region: cluster.region };
  return { ...job, ...region, Meta: { ...job.Meta, [specMeta]: hashOf(job) } };
};
