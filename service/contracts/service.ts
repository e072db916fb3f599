import { z } from 'zod';
import { launchedCountsSchema } from './execution.ts';
import { executorStatusSchema, isolationSchema } from './executor-api.ts';
import { allowedImagesSchema } from './image.ts';
import { partialLimitsSchema } from './limits.ts';
import { runtimeInfoSchema } from './runtime.ts';

/** Answers of the dispatcher's read-only routes. */
export const runtimesResponseSchema = z
  .object({ runtimes: z.array(runtimeInfoSchema) })
  .meta({ id: 'RuntimesResponse' });

export const executorsResponseSchema = z
  .object({
    executors: z.array(
      executorStatusSchema.omit({ runtimes: true }).extend({ pool: z.string(), lastSeenMs: z.number() }),
    ),
  })
  .meta({ id: 'ExecutorsResponse' });
export type ExecutorsResponse = z.infer<typeof executorsResponseSchema>;

export const poolsResponseSchema = z
  .object({
    pools: z.array(
      z.object({
        name: z.string(),
        executors: z.int(),
        capabilities: z.array(z.string()),
        running: z.int(),
        room: z.int().describe('Executions it could take at once, on top of the running ones'),
        runtimes: z.array(z.string()),
        minimum: z.int().optional().describe('This and what follows only where executors come and go'),
        maximum: z.int().optional(),
        wanted: z.int().optional().describe('Executors; told by the dispatcher that leads alone'),
        waiting: z.int().optional().describe('Executions in queues that wait for an executor of it'),
        launched: launchedCountsSchema.optional(),
        pending: z
          .array(z.object({ reason: z.string() }))
          .optional()
          .describe('Why executors that were asked for are not there'),
      }),
    ),
    leader: z
      .boolean()
      .optional()
      .describe('Whether this dispatcher sizes the pools, where executors come and go'),
  })
  .meta({ id: 'PoolsResponse' });
export type PoolsResponse = z.infer<typeof poolsResponseSchema>;

export const statsResponseSchema = z
  .object({
    uptimeSeconds: z.number(),
    queue: z.object({ waiting: z.int(), limit: z.int(), tenants: z.record(z.string(), z.int()) }),
    running: z.int(),
    executions: z.object({ total: z.int(), byOutcome: z.record(z.string(), z.int()) }),
    latency: z
      .object({ p50Ms: z.number(), p95Ms: z.number(), p99Ms: z.number(), samples: z.int() })
      .describe('Of the last 1,000 executions, admission to answer'),
  })
  .meta({ id: 'StatsResponse' });
export type StatsResponse = z.infer<typeof statsResponseSchema>;

export const healthResponseSchema = z
  .object({
    status: z
      .enum(['ok', 'idle', 'starting', 'draining', 'no-executor'])
      .describe('idle: no executor runs, and executions start one'),
    version: z.string(),
    isolation: isolationSchema.optional().describe('The weakest among the executors'),
  })
  .meta({ id: 'HealthResponse' });

/** A tenant, as kept in the tokens file: the token itself only as a SHA-256 hash. */
export const tenantSchema = z.strictObject({
  tenant: z.string().regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, 'a tenant is a lower-case word'),
  tokenHash: z.string().regex(/^[0-9a-f]{64}$/),
  createdAt: z.string(),
  weight: z.int().min(1).max(100).default(1).describe('Its fair share against the others'),
  maxWaiting: z.int().min(1).default(100),
  maxRunning: z.int().min(1).optional(),
  maxLimits: partialLimitsSchema.default({}),
  images: z
    .array(allowedImagesSchema)
    .default([])
    .describe('Registries, or repositories below them, whose images it may ask for'),
});
export type Tenant = z.infer<typeof tenantSchema>;
export const tokensFileSchema = z.strictObject({ tokens: z.array(tenantSchema) });
export type TokensFile = z.infer<typeof tokensFileSchema>;
