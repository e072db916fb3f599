import { z } from 'zod';
import { capabilityNameSchema } from './execution.ts';

/** Part of the id of a Nomad job and of executors' names, so it is short and plain. */
export const poolNameSchema = z
  .string()
  .regex(
    /^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$/,
    'a pool is a lower-case word of at most 32 letters, digits and -',
  )
  // Its job would be the one that dispatchers run as.
  .refine((name) => name !== 'dispatcher', 'a pool may not be named dispatcher');

/** https://developer.hashicorp.com/nomad/docs/job-specification/constraint */
export const constraintOperators = [
  '=',
  '!=',
  '>',
  '>=',
  '<',
  '<=',
  'is_set',
  'is_not_set',
  'regexp',
  'set_contains',
  'set_contains_any',
  'version',
  'semver',
] as const;

const withoutValue: readonly string[] = ['is_set', 'is_not_set'];

export const constraintSchema = z
  .strictObject({
    attribute: z
      .string()
      .regex(
        /^\$\{(?:node|attr|meta|device)\.[^{}\s]+\}$/,
        'an attribute looks like ${meta.rack} or ${attr.cpu.arch}',
      )
      .describe('Of the node, for example ${meta.rack}'),
    operator: z.enum(constraintOperators).default('='),
    value: z.string().max(256).optional(),
  })
  .superRefine(({ operator, value }, context) => {
    if (withoutValue.includes(operator) === (value === undefined)) return;
    const message = value === undefined ? `"${operator}" needs a value` : `"${operator}" takes no value`;
    context.addIssue({ code: 'custom', path: ['value'], message });
  });
export type Constraint = z.infer<typeof constraintSchema>;

const deviceSchema = z.strictObject({
  name: z.string().min(1).max(128).describe('As Nomad names it: type, vendor/type or vendor/type/model'),
  count: z.int().min(1).max(64).default(1),
  constraints: z.array(constraintSchema).max(16).default([]),
});

const absolutePath = z.string().startsWith('/', 'must be an absolute path').max(1_024);

/** What each executor of a pool is started with. */
const executorSchema = z.strictObject({
  driver: z.enum(['raw_exec', 'docker']).default('raw_exec'),
  image: z.string().max(512).optional().describe('Of the docker driver: an image that holds Paddock'),
  home: absolutePath
    .optional()
    .describe('Where Paddock lies on the nodes; by default where the dispatcher has it'),
  cpuMhz: z.int().min(50).max(1_000_000).default(500),
  memoryMb: z.int().min(256).max(16_777_216).default(2_048).describe('Sandboxes count against it'),
  memoryMaxMb: z.int().min(256).max(16_777_216).optional(),
  maxRunning: z
    .int()
    .min(1)
    .max(10_000)
    .optional()
    .describe('Executions at once; by default twice the cores'),
  killTimeoutSeconds: z
    .int()
    .min(1)
    .max(3_600)
    .default(120)
    .describe(
      "How long what runs may go on when it is stopped; Nomad's clients cap it with max_kill_timeout",
    ),
  environment: z
    .record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/), z.string().max(4_096))
    .default({})
    .describe('Further variables, for example PADDOCK_WARM_MEMORY_MB'),
});

/** A set of like executors on a cluster: where they may stand, how many, what each is given. */
export const poolSpecSchema = z
  .strictObject({
    name: poolNameSchema,
    capabilities: z
      .array(capabilityNameSchema)
      .max(16)
      .default([])
      .describe('What its nodes have: gpu, fpga, arm64, or any other key of node meta'),
    minimum: z.int().min(0).max(1_000).default(1),
    maximum: z.int().min(1).max(1_000).default(10),
    headroom: z
      .int()
      .min(0)
      .max(100_000)
      .default(2)
      .describe(
        'Executions that could start at once, beyond those that run; none are kept where minimum is 0 and nothing runs',
      ),
    idleSeconds: z
      .int()
      .min(1)
      .max(86_400)
      .default(300)
      .describe('How long room must be unneeded before it is given back'),
    scaleUpAfterMs: z
      .int()
      .min(0)
      .max(60_000)
      .default(300)
      .describe('Executions that waited this long ask for more executors'),
    datacenters: z.array(z.string().min(1).max(128)).min(1).max(64).default(['*']),
    nodePool: z
      .string()
      .regex(/^[A-Za-z0-9_-]{1,128}$/)
      .default('default'),
    nodeClass: z.string().min(1).max(128).optional(),
    constraints: z.array(constraintSchema).max(64).default([]),
    devices: z.array(deviceSchema).max(8).default([]),
    priority: z.int().min(1).max(100).default(50).describe("Nomad's, for preemption"),
    executor: executorSchema.prefault({}),
  })
  .superRefine((pool, context) => {
    if (pool.minimum > pool.maximum)
      context.addIssue({
        code: 'custom',
        path: ['minimum'],
        message: `is above the maximum of ${pool.maximum}`,
      });
    const { driver, image, memoryMb, memoryMaxMb } = pool.executor;
    if ((driver === 'docker') !== (image !== undefined))
      context.addIssue({
        code: 'custom',
        path: ['executor', 'image'],
        message:
          driver === 'docker' ? 'the docker driver needs an image' : 'goes with the docker driver only',
      });
    if (memoryMaxMb !== undefined && memoryMaxMb < memoryMb)
      context.addIssue({ code: 'custom', path: ['executor', 'memoryMaxMb'], message: 'is below memoryMb' });
  });
export type PoolSpec = z.output<typeof poolSpecSchema>;

/** PADDOCK_POOLS_FILE, as YAML or JSON. */
export const poolsFileSchema = z.strictObject({
  pools: z
    .array(poolSpecSchema)
    .min(1, 'at least one pool is needed')
    .max(64)
    .refine(
      (pools) => new Set(pools.map(({ name }) => name)).size === pools.length,
      'names of pools must be distinct',
    ),
});
