import type {
  Allocation,
  ChildJob,
  Evaluation,
  EventBatch,
  Job,
  JobPlan,
  JsonWebKeySet,
  NodeInfo,
  NodePool,
  Variable,
} from './answers.ts';

/** Nomad's HTTP API, as far as Paddock uses it; all of it in one namespace and region. Everything rejects with a NomadError. */
export interface NomadApi {
  readonly jobs: NomadJobs;
  readonly allocations: NomadAllocations;
  readonly nodes: NomadNodes;
  readonly variables: NomadVariables;
  readonly cluster: NomadClusterInfo;
  /** Breaks every connection; what is under way rejects. */
  close(): Promise<void>;
}

/** A job as JSON for PUT /v1/jobs: what `nomad job run -output` prints below "Job". */
export type JobSpec = Readonly<Record<string, unknown>> & { readonly ID: string };

export interface DispatchOrder {
  /** UTF-8; at most 16 KiB. */
  readonly payload: string;
  /** Equal tokens dispatch once. */
  readonly idempotencyToken?: string;
  readonly idPrefix?: string;
}

export interface NomadJobs {
  /** undefined where there is none. */
  get(id: string): Promise<Job | undefined>;
  /** PUT /v1/jobs, only if it is still at this modify index (0: only if there is none). Validation faults are told in the error. */
  register(job: JobSpec, enforceIndex?: number): Promise<{ modifyIndex: number; warnings: string }>;
  /** POST /v1/job/:id/plan with its diff. */
  plan(job: JobSpec): Promise<JobPlan>;
  dispatch(id: string, order: DispatchOrder): Promise<{ jobId: string; evalId: string; index: number }>;
  /** Ends its allocations; `purge` forgets it. No error where it is gone already. */
  deregister(id: string, options?: { purge?: boolean }): Promise<void>;
  /** Jobs whose id begins so, with their index: children of parameterized jobs are `PARENT/dispatch-…`. */
  list(prefix: string): Promise<{ jobs: ChildJob[]; index: number }>;
  evaluations(id: string): Promise<Evaluation[]>;
}

export interface NomadAllocations {
  /** Of all jobs whose id begins so, ports included, at most as old as `index`. */
  list(jobPrefix: string): Promise<{ allocations: Allocation[]; index: number }>;
  get(id: string): Promise<Allocation | undefined>;
  /**
   * The text of a task's log from its beginning or its last `tailBytes` (at least one); with `follow` until the signal
   * aborts, though the task may have ended. A task that has not started has none: status 404.
   */
  logs(
    id: string,
    options: { task: string; type: 'stdout' | 'stderr'; follow: boolean; tailBytes?: number },
    signal: AbortSignal,
  ): AsyncIterable<Buffer>;
}

export interface NomadNodes {
  list(): Promise<NodeInfo[]>;
  /** Those that are being drained, or are to place nothing more until their drain is ended. */
  draining(): Promise<NodeInfo[]>;
  /** Whole or by a prefix of its id, or by name; undefined where there is none; an error where several fit. */
  find(idOrName: string): Promise<NodeInfo | undefined>;
  /** Lets its allocations end within the deadline and places no more on it; `undefined` ends the drain. */
  drain(id: string, deadlineMs: number | undefined): Promise<void>;
  pools(): Promise<NodePool[]>;
}

/**
 * Nomad Variables and their locks. Nomad frees a lock that is not renewed after twice its TTL (at least 10 s) and then
 * its delay. Whoever may read the variable learns the lock's id, and can release it sooner.
 */
export interface NomadVariables {
  get(path: string): Promise<Variable | undefined>;
  /** Writes it if it is still at this modify index (0: if there is none) and not locked; false where it is otherwise. */
  put(path: string, items: Readonly<Record<string, string>>, checkIndex: number): Promise<boolean>;
  /**
   * Writes and locks it. The lock's id, or undefined where somebody else holds it. The holder writes again by naming the
   * id that it has.
   */
  acquire(
    path: string,
    items: Readonly<Record<string, string>>,
    lock: { ttlMs: number; delayMs: number; id?: string },
  ): Promise<string | undefined>;
  /** false where it is no longer held. */
  renew(path: string, lockId: string): Promise<boolean>;
  /** Free at once, without the delay. No error where it is no longer held. */
  release(path: string, lockId: string): Promise<void>;
}

export interface NomadClusterInfo {
  /** /.well-known/jwks.json: what workload identities are signed with. */
  keys(): Promise<JsonWebKeySet>;
  /**
   * Events of these topics after `index`, in our namespace, until the signal aborts or the stream breaks, hangs or is
   * silent for a minute (then it rejects). An index too old to be kept starts at the nearest, silently: list first.
   */
  events(topics: readonly string[], index: number, signal: AbortSignal): AsyncIterable<EventBatch>;
  /** Its version and who leads; the cheapest thing to ask whether it can be reached and the token is good. */
  self(): Promise<{ version: string; leader: string }>;
}
