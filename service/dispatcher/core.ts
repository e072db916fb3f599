import type { Clock } from '../cluster/clock.ts';
import type { Cluster, ClusterListener } from '../cluster/port.ts';
import { PaddockError } from '../contracts/errors.ts';
import type { ExecutionRequest, ExecutionResult, PendingEvent } from '../contracts/execution.ts';
import type { ImagePulling } from '../contracts/image.ts';
import type { RuntimeInfo } from '../contracts/runtime.ts';
import { type Admitted, admit } from './admission.ts';
import { createCatalogue } from './catalogue.ts';
import { createDispatch, type Dispatch } from './dispatch.ts';
import type { Execution, Finished } from './execution.ts';
import { createExecutorClients, type OnOutput } from './executor-client.ts';
import { createFleet, type Fleet } from './fleet.ts';
import type { Log } from './log.ts';
import { createPools, type Pools } from './pools/pools.ts';
import { createFixedRouter } from './pools/routing.ts';
import { createRecent, type Recent } from './recent.ts';
import type { DispatcherSettings } from './settings.ts';
import type { TenantPolicy } from './tenants/policy.ts';

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
  /** The pools without an executor that it waits for now; undefined where executors do not come and go. */
  readonly pending: (() => PendingEvent[]) | undefined;
  /** The image that is being pulled for it now, as far as its executor has told. */
  pulling(): ImagePulling | undefined;
  cancel(error: PaddockError): void;
}

/** What every interface stands on: the routes, the plugins for clients of other services, later jobs and sessions. */
export interface Core {
  readonly fleet: Fleet;
  /** undefined where the number of executors is fixed. */
  readonly pools: Pools | undefined;
  readonly recent: Recent;
  readonly startedAt: number;
  start(): Promise<void>;
  /** Throws at once what can be refused at once; everything accepted settles. */
  accept(request: ExecutionRequest, tenant: TenantPolicy, onOutput?: OnOutput): Accepted;
  runtimes(): readonly RuntimeInfo[];
  /** undefined: an executor has to start first, to tell; an execution waits for it. Throws what it would be refused with. */
  resolve(name: string, version: string | undefined): RuntimeInfo | undefined;
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
    connect: createExecutorClients(),
    changed: (runtimes) => {
      catalogue.update(runtimes);
      pools?.update();
      dispatch.pump();
    },
    room: () => dispatch.pump(),
  });
  const { elastic } = options.cluster;
  const pools = elastic && createPools({ elastic, clock, log, fleet, dispatch: () => dispatch });
  const router = pools?.router ?? createFixedRouter(catalogue, fleet.capable);
  const dispatch = createDispatch({
    clock,
    fleet,
    random: options.random,
    queueLimit: settings.queueLimit,
    retryAfterMs: (waiting) => recent.retryAfterMs(clock.now(), waiting),
    expired: (execution) =>
      imageExpired(execution) ??
      pools?.expired(execution) ??
      new PaddockError('deadline-exceeded', { executionId: execution.id }),
    finished: (finished) => {
      if (!finished.error) recent.add(clock.now(), finished.timings.totalMs);
      setImmediate(options.finished, finished);
    },
  });
  let sequence = 0;
  let draining = false;

  return {
    fleet,
    pools,
    recent,
    startedAt: clock.now(),
    async start() {
      await options.cluster.start(pools ? replacing(fleet, pools) : fleet);
      pools?.start();
    },
    accept(request, tenant, onOutput) {
      if (draining) throw new PaddockError('shutting-down');
      const id = options.newId();
      const stream = onOutput !== undefined;
      const admitNow = (): Admitted => admit(request, tenant, { id, stream, router });
      const admitted = admitNow();
      const { promise, resolve, reject } = Promise.withResolvers<ExecutionResult>();
      const admittedAt = clock.now();
      const execution: Execution = {
        id,
        tenant,
        priority: request.priority,
        sequence: sequence++,
        request: admitted.request,
        capabilities: admitted.capabilities,
        pools: admitted.pools,
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
        resolve(result) {
          pools?.settled(execution);
          resolve(result);
        },
        reject(error) {
          pools?.settled(execution);
          reject(error);
        },
        placedAt: 0,
        attempts: 0,
        streamed: false,
        settled: false,
        pulling: undefined,
        running: undefined,
      };
      dispatch.accept(execution);
      pools?.accepted(execution, admitted, admitNow);
      return {
        id,
        result: promise,
        pending: pools && (() => pools.pending(execution)),
        pulling: () => execution.pulling,
        cancel: (error) => dispatch.cancel(execution, error),
      };
    },
    runtimes: catalogue.list,
    resolve: (name, version) => router.route({ runtime: name, version, capabilities: [] }).runtime,
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
      pools?.close();
      dispatch.close();
      fleet.close();
      await options.cluster.close();
    },
  };
};

/** The pull goes on, so trying again is worth it. */
const imageExpired = ({ id, pulling }: Execution): PaddockError | undefined =>
  pulling &&
  new PaddockError('image-pulling', {
    executionId: id,
    detail: `${pulling.image} was still being pulled at the deadline (${pulling.stage}); it goes on`,
    retryAfterMs: 5_000,
  });

/** What an executor that is lost leaves behind is filled at once. */
const replacing = (fleet: Fleet, pools: Pools): ClusterListener => ({
  joined: (executor) => fleet.joined(executor),
  draining: (id) => fleet.draining(id),
  left(id, reason) {
    fleet.left(id, reason);
    pools.left();
  },
});
