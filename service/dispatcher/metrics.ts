import { type Attributes, metrics as api, type Meter } from '@opentelemetry/api';
import { PrometheusExporter, PrometheusSerializer } from '@opentelemetry/exporter-prometheus';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import type { Finished } from './execution.ts';
import { createStepTimes } from './step-times.ts';

/** Where executors come and go. */
export interface PoolSizes {
  readonly pool: string;
  /** Told by the dispatcher that leads alone. */
  readonly wanted: number | undefined;
  /** Executions in this dispatcher's queue. */
  readonly waiting: number;
  readonly executors: Readonly<Record<'pending' | 'starting' | 'ready' | 'retiring', number>>;
}

/** What gauges show, read when somebody asks for the metrics. */
export interface Observed {
  readonly waiting: number;
  readonly running: number;
  readonly executors: number;
  readonly warm: readonly {
    runtime: string;
    version: string;
    stage: string;
    ready: number;
    target: number;
  }[];
  readonly pools: readonly PoolSizes[];
}

export interface Metrics {
  finished(finished: Finished): void;
  httpError(code: string): void;
  total(): { total: number; byOutcome: Record<string, number> };
  /** The Prometheus text form. */
  render(): Promise<string>;
  close(): Promise<void>;
}

export const createMetrics = (observe: () => Observed, epoch: () => number): Metrics => {
  const exporter = new PrometheusExporter({ preventServerStart: true });
  const provider = new MeterProvider({ readers: [exporter] });
  const serializer = new PrometheusSerializer(undefined, false, undefined, true, true);
  const scope = { name: 'paddock' };
  const meter = provider.getMeter(scope.name);
  const errors = meter.createCounter('paddock_http_errors_total', {
    description: 'Problems answered, by code',
  });
  const steps = createStepTimes('paddock_step_seconds', 'Time of each step of an execution', epoch);
  const gauge = (
    name: string,
    description: string,
    read: (seen: Observed) => [number, Attributes?][],
  ): void => {
    meter.createObservableGauge(name, { description }).addCallback((result) => {
      for (const [value, attributes] of read(observe())) result.observe(value, attributes);
    });
  };
  gauge('paddock_queue_waiting', 'Executions that wait for an executor', (seen) => [[seen.waiting]]);
  gauge('paddock_running', 'Executions under way', (seen) => [[seen.running]]);
  gauge('paddock_executors', 'Executors that take executions', (seen) => [[seen.executors]]);
  gauge('paddock_warm_ready', 'Warm sandboxes that wait', (seen) =>
    seen.warm.map((entry) => [
      entry.ready,
      { runtime: entry.runtime, version: entry.version, stage: entry.stage },
    ]),
  );
  gauge('paddock_warm_target', 'Warm sandboxes wanted', (seen) =>
    seen.warm.map((entry) => [
      entry.target,
      { runtime: entry.runtime, version: entry.version, stage: entry.stage },
    ]),
  );

  gauge('paddock_pool_executors', 'Executors of a pool, by how far they are', (seen) =>
    seen.pools.flatMap(({ pool, executors }) =>
      Object.entries(executors).map(([state, count]): [number, Attributes] => [count, { pool, state }]),
    ),
  );
  gauge('paddock_pool_wanted', 'Executors a pool should have; told by the dispatcher that leads', (seen) =>
    seen.pools.flatMap(({ pool, wanted }) => (wanted === undefined ? [] : [[wanted, { pool }]])),
  );
  gauge('paddock_pool_waiting', 'Executions in this queue that wait for an executor of the pool', (seen) =>
    seen.pools.map(({ pool, waiting }) => [waiting, { pool }]),
  );

  const ended = countEnded(meter);
  return {
    finished({ runtime, tenant, outcome, timings, error }) {
      ended.add(runtime, tenant, outcome);
      steps.record('queue', timings.queuedMs);
      steps.record('total', timings.totalMs);
      if (error) return;
      steps.record('dispatch', timings.dispatchMs);
      steps.record('prepare', timings.preparedMs);
      if (timings.compileMs > 0) steps.record('compile', timings.compileMs);
      steps.record('run', timings.runMs);
      steps.record('collect', timings.collectMs);
    },
    httpError: (code) => errors.add(1, { code }),
    total: ended.total,
    async render() {
      const { resourceMetrics } = await exporter.collect();
      const scopeMetrics = [...resourceMetrics.scopeMetrics, { scope, metrics: [steps.collect()] }];
      return serializer.serialize({ ...resourceMetrics, scopeMetrics });
    },
    async close() {
      await provider.shutdown();
      api.disable();
    },
  };
};

/** Read when somebody asks, like the gauges: an execution that ends only raises a number. */
const countEnded = (meter: Meter) => {
  const counts = new Map<
    string,
    { readonly attributes: Attributes; readonly outcome: string; count: number }
  >();
  meter
    .createObservableCounter('paddock_executions_total', { description: 'Executions that ended' })
    .addCallback((result) => {
      for (const { count, attributes } of counts.values()) result.observe(count, attributes);
    });
  return {
    add(runtime: string, tenant: string, outcome: string): void {
      const key = `${runtime} ${tenant} ${outcome}`;
      const counted = counts.get(key);
      if (counted) counted.count++;
      else counts.set(key, { attributes: { runtime, tenant, outcome }, outcome, count: 1 });
    },
    total(): ReturnType<Metrics['total']> {
      const byOutcome: Record<string, number> = {};
      let total = 0;
      for (const { outcome, count } of counts.values()) {
        byOutcome[outcome] = (byOutcome[outcome] ?? 0) + count;
        total += count;
      }
      return { total, byOutcome };
    },
  };
};
