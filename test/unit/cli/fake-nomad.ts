import { readFileSync } from 'node:fs';
import { z } from 'zod';
import type { CliPorts } from '../../../service/cli/context.ts';
import {
  type Allocation,
  allocationSchema,
  type ChildJob,
  type Evaluation,
  evaluationSchema,
  type JobPlan,
  jobPlanSchema,
  type NodeInfo,
} from '../../../service/cluster/nomad/api/answers.ts';
import { NomadError } from '../../../service/cluster/nomad/api/errors.ts';
import type { NomadApi } from '../../../service/cluster/nomad/api/port.ts';
import { poolSpecSchema } from '../../../service/contracts/pool.ts';

/** The time of the tests' wall clock, in milliseconds. */
export const now = Date.parse('2026-01-02T03:04:05Z');

const recorded = (name: string): unknown =>
  z
    .object({ body: z.unknown() })
    .parse(
      JSON.parse(readFileSync(new URL(`../cluster/nomad/answers/${name}.json`, import.meta.url), 'utf8')),
    ).body;

export const executorId = '466f1652-a0b5-963c-8ce3-4a232cf4bd4b';
export const otherId = '466fffff-a0b5-963c-8ce3-4a232cf4bd4b';
export const jobOf = (pool: string, last = '47608e85') => `paddock-${pool}/dispatch-1767323000-${last}`;

export const allocation = (changes: Partial<Allocation> = {}): Allocation => {
  const [real] = z.array(allocationSchema).parse(recorded('allocations'));
  if (!real) throw new Error('no allocation was recorded');
  const base = { ...real, ID: executorId, JobID: jobOf('default'), NodeID: node().ID, NodeName: 'alpha' };
  return { ...base, CreateTime: now - 90_000, ModifyTime: now - 60_000, ...changes };
};

export const node = (changes: Partial<NodeInfo> = {}): NodeInfo => ({
  ID: 'b1446b6c-ada9-23e5-c730-dd8cc8c5ccb9',
  Name: 'alpha',
  Datacenter: 'dc1',
  NodeClass: '',
  NodePool: 'default',
  Status: 'ready',
  Drain: false,
  SchedulingEligibility: 'eligible',
  ...changes,
});

export const child = (pool: string, changes: Partial<ChildJob> = {}): ChildJob => ({
  ID: jobOf(pool),
  ParentID: `paddock-${pool}`,
  Status: 'running',
  Stop: false,
  SubmitTime: now - 90_000,
  ModifyIndex: 1,
  ...changes,
});

/** As a real Nomad planned and explained them. */
export const planOfNew = (): JobPlan => jobPlanSchema.parse(recorded('plan-new'));
export const blocked = (): Evaluation[] => z.array(evaluationSchema).parse(recorded('evaluations-blocked'));
export const unchanged: JobPlan = {
  Diff: { Type: 'None' },
  JobModifyIndex: 1,
  Warnings: '',
  FailedTGAllocs: {},
};

export interface World {
  pools: string[];
  children: ChildJob[];
  allocations: Allocation[];
  nodes: NodeInfo[];
  leader: Readonly<Record<string, string>> | undefined;
  plans: Readonly<Record<string, JobPlan>>;
  /** What a log holds. */
  log: string;
  /** Calls that Nomad refuses with this status. */
  refused: Readonly<Record<string, number>>;
  /** After each listing of allocations, as time goes by. */
  listed: () => void;
}

/** A Nomad in memory at the port. `calls` holds what changed something, and logs that were asked for. */
export const fakeNomad = (changes: Partial<World> = {}) => {
  const calls: string[] = [];
  const world: World = {
    ...{ pools: ['default'], children: [child('default')], allocations: [allocation()], nodes: [node()] },
    ...{ leader: undefined, plans: {}, log: '', refused: {}, listed: () => {} },
    ...changes,
  };
  const check = (call: string): void => {
    const status = world.refused[call];
    if (status !== undefined) throw new NomadError(`Nomad refused ${call}: Permission denied`, status);
  };
  const change = (call: string, ...details: unknown[]): void => {
    check(call);
    calls.push([call, ...details].join(' '));
  };
  const never = (): never => {
    throw new Error('not asked for by these commands');
  };
  const api: NomadApi = {
    jobs: {
      async get(id) {
        const pool = id.replace(/^paddock-/, '');
        if (id === 'paddock-dispatcher')
          return { ID: id, Status: 'running', Stop: false, JobModifyIndex: 1, Meta: {} };
        if (!world.pools.includes(pool)) return undefined;
        const Meta = { paddock_pool: pool };
        return { ID: id, Status: 'running', Stop: false, JobModifyIndex: 1, Meta, NodePool: 'default' };
      },
      async register(job) {
        change('register', job.ID);
        return { modifyIndex: 2, warnings: '' };
      },
      async plan(job) {
        check('plan');
        return world.plans[job.ID] ?? unchanged;
      },
      dispatch: never,
      async deregister(id, options) {
        change('deregister', id, options?.purge ? 'purge' : '');
      },
      async list(prefix) {
        check('list');
        const parents = [...world.pools, 'dispatcher'].map((pool) =>
          child(pool, { ID: `paddock-${pool}`, ParentID: '' }),
        );
        return { jobs: [...parents, ...world.children].filter(({ ID }) => ID.startsWith(prefix)), index: 1 };
      },
      evaluations: async (id) => blocked().map((evaluation) => ({ ...evaluation, JobID: id })),
    },
    allocations: {
      async list() {
        const allocations = world.allocations;
        world.listed();
        return { allocations: [...allocations], index: 1 };
      },
      get: async (id) => world.allocations.find(({ ID }) => ID === id),
      async *logs(id, options) {
        change('logs', id, JSON.stringify(options));
        const content = Buffer.from(world.log);
        yield options.tailBytes === undefined ? content : content.subarray(-options.tailBytes);
      },
    },
    nodes: {
      async list() {
        check('nodes');
        return world.nodes;
      },
      async find(named) {
        check('nodes');
        return world.nodes.find(({ Name, ID }) => Name === named || ID.startsWith(named));
      },
      async drain(id, deadlineMs) {
        change('drain', id, deadlineMs);
      },
      ...{ draining: never, pools: never },
    },
    variables: {
      async get(path) {
        check('variable');
        if (path !== 'paddock/leader' || !world.leader) return undefined;
        return { Path: path, ModifyIndex: 1, Items: { ...world.leader, lock: 'a-lock' } };
      },
      ...{ put: never, acquire: never, renew: never, release: never },
    },
    cluster: { keys: never, events: never, self: never },
    async close() {
      calls.push('close');
    },
  };
  const port: CliPorts['nomad'] = async (env) => ({
    ...{ api, namespace: 'default', prefix: env.PADDOCK_NOMAD_PREFIX ?? 'paddock' },
    pools: () => ({
      specs: (env.PADDOCK_POOLS_FILE?.endsWith('two.yaml') ? ['default', 'gpu'] : ['default']).map((name) =>
        poolSpecSchema.parse({ name }),
      ),
      settings: { prefix: 'paddock', namespace: 'default', home: '/opt/paddock', version: '1' },
    }),
  });
  return { port, calls, world };
};
