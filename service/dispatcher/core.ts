import type { Clock } from '../cluster/clock.ts';
import type { Cluster } from '../cluster/port.ts';
import { PaddockError } from '../contracts/errors.ts';
import type { ExecutionRequest, ExecutionResult } from '../contracts/execution.ts';
import type { RuntimeInfo } from '../contracts/runtime.ts';
import { admit } from './admission.ts';
import { createCatalogue } from './catalogue.ts';
import { createDispatch, type Dispatch } from './dispatch.ts';
import type { Execution, Finished } from './execution.ts';
import { createExecutorClient, type OnOutput } from './executor-client.ts';
import { createFleet, type Fleet } from './fleet.ts';
import { createRecent, type Recent } from './recent.ts';
import type { DispatcherSettings } from './settings.ts';
import type { TenantPolicy } from './tenants/policy.ts';

export interface Log {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface CoreOptions {
  readonly settings: DispatcherSettings;
  readonly cluster: Cluster;
  readonly clock: Clock;
  readonly random: () => number;
  readonly newId: () => string;
  readonly log: Log;
  /** Called after the answer is on its way. */
  readonly finished: (finished: Finished) => void;
}

/** An accepted execution: its result comes, or it rejects with a PaddockError. */
export interface Accepted {
  readonly id: string;
  readonly result: Promise<ExecutionResult>;
  cancel(error: PaddockError): void;
}

/** What every interface stands on: the routes, the plugins for clients of other services, later jobs and sessions. */
export interface Core {
  readonly fleet: Fleet;
  readonly recent: Recent;
  readonly startedAt: number;
  start(): Promise<void>;
  /** Throws at once what can be refused at once; everything accepted settles. */
  accept(request: ExecutionRequest, tenant: TenantPolicy, onOutput?: OnOutput): Accepted;
  runtimes(): readonly RuntimeInfo[];
  resolve(name: string, version: string | undefined): RuntimeInfo;
  waiting: Dispatch['waiting'];
  running(): number;
  draining(): boolean;
  /** Takes nothing more and settles what was accepted, within the grace period. */
  drain(graceMs: number): Promise<void>;
  close(): Promise<void>;
}

export const createCore = (options: CoreOptions): Core => {
  const { settings, clock, log } = options;
  const catalogue = createCatalogue();
  const recent = createRecent();
  const fleet = createFleet({
    clock,
    log,
    statusEveryMs: settings.statusEveryMs,
    connect: createExecutorClient,
    changed: (runtimes) => {
      catalogue.update(runtimes);
      dispatch.pump();
    },
    room: () => dispatch.pump(),
  });
  const dispatch = createDispatch({
    clock,
    fleet,
    random: options.random,
    queueLimit: settings.queueLimit,
    retryAfterMs: (waiting) => recent.retryAfterMs(clock.now(), waiting),
    expired: ({ id }) => new PaddockError('deadline-exceeded', { executionId: id }),
    finished: (finished) => {
      if (!finished.error) recent.add(clock.now(), finished.timings.totalMs);
      setImmediate(options.finished, finished);
    },
  });
  let sequence = 0;
  let draining = false;

  return {
    fleet,
    recent,
    startedAt: clock.now(),
    start: () => options.cluster.start(fleet),
    accept(request, tenant, onOutput) {
      if (draining) throw new PaddockError('shutting-down');
      const id = options.newId();
      const stream = onOutput !== undefined;
      const admitted = admit(request, tenant, { id, stream, catalogue, capable: fleet.capable });
      const { promise, resolve, reject } = Promise.withResolvers<ExecutionResult>();
      const admittedAt = clock.now();
      const execution: Execution = {
        id,
        tenant,
        priority: request.priority,
        sequence: sequence++,
        request: admitted.request,
        capabilities: request.capabilities,
        pools: undefined,
        metadata: request.metadata,
        retry: request.retry,
        admittedAt,
        deadlineAt: admittedAt + request.deadlineMs,
        onOutput:
          onOutput &&
          ((output) => {
            execution.streamed = true;
            return onOutput(output);
          }),
        resolve,
        reject,
        placedAt: 0,
        attempts: 0,
        streamed: false,
        settled: false,
        running: undefined,
      };
      dispatch.accept(execution);
      return { id, result: promise, cancel: (error) => dispatch.cancel(execution, error) };
    },
    runtimes: catalogue.list,
    resolve: catalogue.resolve,
    waiting: dispatch.waiting,
    running: dispatch.running,
    draining: () => draining,
    drain(graceMs) {
      draining = true;
      return dispatch.settleAll(graceMs);
    },
    async close() {
      draining = true;
      await dispatch.settleAll(0);
      dispatch.close();
      fleet.close();
      await options.cluster.close();
    },
  };
};
