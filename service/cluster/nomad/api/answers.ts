import { z } from 'zod';

/*
 * What Nomad 2.x answers, as far as it is read here; everything else is dropped. Times are nanoseconds since 1970 in
 * Nomad and become milliseconds. Lists that are empty are null in Nomad and become [].
 */
const list = <T extends z.ZodType>(item: T) =>
  z
    .array(item)
    .nullish()
    .transform((value) => value ?? []);
const record = <T extends z.ZodType>(value: T) =>
  z
    .record(z.string(), value)
    .nullish()
    .transform((found) => found ?? {});
const milliseconds = z.number().transform((nanoseconds) => Math.round(nanoseconds / 1e6));

export const allocationSchema = z.object({
  ID: z.string(),
  JobID: z.string(),
  NodeID: z.string(),
  NodeName: z.string().default(''),
  ClientStatus: z.enum(['pending', 'running', 'complete', 'failed', 'lost', 'unknown']),
  ClientDescription: z.string().default(''),
  DesiredStatus: z.enum(['run', 'stop', 'evict']),
  DesiredDescription: z.string().default(''),
  CreateTime: milliseconds,
  ModifyTime: milliseconds,
  ModifyIndex: z.number(),
  NextAllocation: z.string().nullish(),
  TaskStates: record(
    z.object({
      State: z.string(),
      Failed: z.boolean().default(false),
      Events: list(
        z.object({ Type: z.string(), DisplayMessage: z.string().default(''), Time: milliseconds }),
      ),
    }),
  ),
  AllocatedResources: z
    .object({
      Shared: z.object({
        Ports: list(z.object({ Label: z.string(), Value: z.number(), HostIP: z.string() })),
      }),
    })
    .nullish(),
});
export type Allocation = z.output<typeof allocationSchema>;

/** Why a task group could not be placed: https://developer.hashicorp.com/nomad/api-docs/evaluations */
export const placementMetricsSchema = z.object({
  NodesEvaluated: z.number().default(0),
  NodesFiltered: z.number().default(0),
  NodesInPool: z.number().default(0),
  NodesAvailable: record(z.number()),
  ClassFiltered: record(z.number()),
  ConstraintFiltered: record(z.number()),
  NodesExhausted: z.number().default(0),
  DimensionExhausted: record(z.number()),
  ClassExhausted: record(z.number()),
  QuotaExhausted: list(z.string()),
});
export type PlacementMetrics = z.output<typeof placementMetricsSchema>;

export const evaluationSchema = z.object({
  ID: z.string(),
  JobID: z.string(),
  Status: z.string(),
  StatusDescription: z.string().default(''),
  BlockedEval: z.string().default(''),
  FailedTGAllocs: record(placementMetricsSchema),
  ModifyIndex: z.number(),
});
export type Evaluation = z.output<typeof evaluationSchema>;

/** Of GET /v1/jobs. SubmitTime is that of the latest change: telling a child to end is one. */
export const childJobSchema = z.object({
  ID: z.string(),
  ParentID: z.string().default(''),
  Status: z.string(),
  Stop: z.boolean().default(false),
  SubmitTime: milliseconds,
  ModifyIndex: z.number(),
});
export type ChildJob = z.output<typeof childJobSchema>;

/** Of GET /v1/job/:id: the whole as it came, for comparing, and what is read of it. */
export const jobSchema = z.looseObject({
  ID: z.string(),
  Status: z.string(),
  Stop: z.boolean().default(false),
  JobModifyIndex: z.number(),
  Meta: record(z.string()),
});
export type Job = z.output<typeof jobSchema>;

export const eventSchema = z.object({
  Topic: z.string(),
  Type: z.string(),
  Key: z.string(),
  Index: z.number(),
  Payload: z.record(z.string(), z.unknown()),
});
export const eventBatchSchema = z.object({ Index: z.number().default(0), Events: list(eventSchema) });
export type EventBatch = z.output<typeof eventBatchSchema>;

export const variableSchema = z.object({
  Path: z.string(),
  ModifyIndex: z.number(),
  Items: record(z.string()),
  Lock: z.object({ ID: z.string().default('') }).nullish(),
});
export type Variable = z.output<typeof variableSchema>;

export const nodeSchema = z.object({
  ID: z.string(),
  Name: z.string(),
  Datacenter: z.string(),
  NodeClass: z.string().default(''),
  NodePool: z.string().default('default'),
  Status: z.string(),
  Drain: z.boolean().default(false),
  SchedulingEligibility: z.string(),
});
export type NodeInfo = z.output<typeof nodeSchema>;

export const nodePoolSchema = z.object({ Name: z.string(), Description: z.string().default('') });
export type NodePool = z.output<typeof nodePoolSchema>;

export const jsonWebKeySetSchema = z.object({
  keys: z.array(z.looseObject({ kid: z.string(), kty: z.string() })),
});
export type JsonWebKeySet = z.output<typeof jsonWebKeySetSchema>;

export const jobPlanSchema = z.object({
  Diff: z.looseObject({ Type: z.string() }).nullish(),
  JobModifyIndex: z.number(),
  Warnings: z.string().default(''),
  FailedTGAllocs: record(placementMetricsSchema),
});
export type JobPlan = z.output<typeof jobPlanSchema>;
