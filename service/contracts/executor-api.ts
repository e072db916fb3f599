import { z } from 'zod';
import { problemSchema } from './errors.ts';
import {
  compileStageSchema,
  encodingSchema,
  fileSchema,
  outputEventSchema,
  outputFileSchema,
  stageSchema,
  testCaseSchema,
  testResultSchema,
} from './execution.ts';
import { customImageSchema, imagePullingSchema } from './image.ts';
import { limitsSchema } from './limits.ts';
import { runtimeInfoSchema } from './runtime.ts';

/**
 * What the dispatcher sends an executor: `POST /executions`, everything resolved. Answered with `executorResultSchema`
 * as JSON, or with `stream` as newline-delimited `executorEventSchema`. Errors are problem+json; `executor-busy` means
 * try the next. Closing the connection cancels the execution.
 */
export const executorRequestSchema = z.strictObject({
  id: z.string().min(1).max(64),
  tenant: z.string().min(1).describe('Results of compilations are kept apart by it'),
  runtime: z.string(),
  version: z.string(),
  files: z.array(fileSchema).min(1).max(1_000),
  entry: z.string(),
  args: z.array(z.string()),
  stdin: z.string(),
  stdinEncoding: encodingSchema,
  env: z.record(z.string(), z.string()),
  tests: z.array(testCaseSchema).optional(),
  limits: limitsSchema,
  image: customImageSchema.optional().describe('Allowed to the tenant: the dispatcher has checked that'),
  outputs: z.array(z.string()),
  stream: z.boolean(),
  cache: z.boolean().describe('Whether the result of an earlier compilation may be used, and this one kept'),
});
export type ExecutorRequest = z.infer<typeof executorRequestSchema>;

/** All in milliseconds. `dispatchMs` is the dispatcher's own addition: what the hop cost on top. */
export const executorTimingsSchema = z.object({
  preparedMs: z.number(),
  compileMs: z.number(),
  runMs: z.number(),
  collectMs: z.number(),
  totalMs: z.number(),
});

export const executorResultSchema = z.object({
  compile: compileStageSchema.optional(),
  run: stageSchema.optional(),
  tests: z.array(testResultSchema).optional(),
  outputs: z.array(outputFileSchema),
  outputsOmitted: z.array(z.object({ name: z.string(), reason: z.string() })).optional(),
  version: z.string().optional().describe('Of the toolchain in the image that was asked for'),
  warm: z.boolean().describe('True where every sandbox of it was prepared ahead'),
  timings: executorTimingsSchema,
});
export type ExecutorResult = z.infer<typeof executorResultSchema>;

export const executorEventSchema = z.discriminatedUnion('event', [
  z.object({ event: z.literal('output'), output: outputEventSchema }),
  z.object({ event: z.literal('image'), image: imagePullingSchema }),
  z.object({ event: z.literal('result'), result: executorResultSchema }),
  z.object({ event: z.literal('error'), problem: problemSchema }),
]);
export type ExecutorEvent = z.infer<typeof executorEventSchema>;

export const isolationSchema = z
  .object({
    sandbox: z.string().describe('For example "bubblewrap 0.8.0"'),
    cgroup: z.enum(['v1', 'v2', 'none']),
    distinctUids: z.boolean(),
    seccomp: z.boolean(),
    weaker: z
      .array(z.string())
      .describe('For people: every protection that is missing or weaker here; empty is good'),
  })
  .meta({ id: 'Isolation' });
export type Isolation = z.infer<typeof isolationSchema>;

export const warmStatusSchema = z
  .object({
    runtime: z.string(),
    version: z.string(),
    stage: z.enum(['compile', 'run']),
    ready: z.int(),
    creating: z.int(),
    target: z.int(),
  })
  .meta({ id: 'WarmStatus' });
export type WarmStatus = z.infer<typeof warmStatusSchema>;

export const compileCacheStatusSchema = z
  .object({
    hits: z.int().describe('Compilations that were spared, those that waited for an equal one included'),
    misses: z.int(),
    entries: z.int(),
    bytes: z.int(),
    budgetBytes: z.int(),
  })
  .meta({ id: 'CompileCacheStatus', description: 'Results of compilations that an executor keeps' });
export type CompileCacheStatus = z.infer<typeof compileCacheStatusSchema>;

/** `GET /status` of an executor; the dispatcher learns all it knows of it from here, and from `paddock-load`. */
export const executorStatusSchema = z
  .object({
    catalogue: z
      .string()
      .regex(/^[\w-]{1,64}$/)
      .optional()
      .describe('Revision of all that rarely changes: runtimes, capabilities, isolation'),
    id: z.string(),
    node: z.string(),
    state: z.enum(['starting', 'ready', 'draining']),
    startedAt: z.string(),
    capabilities: z.array(z.string()),
    runtimes: z.array(runtimeInfoSchema),
    running: z.int(),
    maxRunning: z.int(),
    warm: z.array(warmStatusSchema),
    warmBytes: z.int(),
    warmBudgetBytes: z.int(),
    rssBytes: z.int(),
    isolation: isolationSchema,
    compileCache: compileCacheStatusSchema.optional().describe('Missing where it is switched off'),
    counters: z.object({
      executions: z.int(),
      sandboxesCreated: z.int(),
      sandboxesFailed: z.int(),
      sandboxesForked: z.int().default(0).describe('Made by a fork server'),
      forkFallbacks: z
        .int()
        .default(0)
        .describe('Made by a bubblewrap of their own because a fork server could not'),
      warmHits: z.int(),
      warmMisses: z.int(),
      internalErrors: z.int(),
    }),
  })
  .meta({ id: 'ExecutorStatus' });
export type ExecutorStatus = z.infer<typeof executorStatusSchema>;

/** What `GET /status?known=REVISION` answers while the executor's `catalogue` is that one: only what changes often. */
export const executorBriefSchema = executorStatusSchema
  .omit({ id: true, node: true, startedAt: true, capabilities: true, runtimes: true, isolation: true })
  .required({ catalogue: true });
export type ExecutorBrief = z.infer<typeof executorBriefSchema>;
