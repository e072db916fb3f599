import { type Attributes, metrics as api } from '@opentelemetry/api';
import { PrometheusExporter, PrometheusSerializer } from '@opentelemetry/exporter-prometheus';
import { AggregationType, MeterProvider } from '@opentelemetry/sdk-metrics';
import type { Finished } from './execution.ts';

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
}

export interface Metrics {
  finished(finished: Finished): void;
  httpError(code: string): void;
  total(): { total: number; byOutcome: Record<string, number> };
  /** The Prometheus text form. */
  render(): Promise<string>;
  close(): Promise<void>;
}

const secondsBuckets = [
  0.0005, 0.001, 0.002, 0.004, 0.008, 0.015, 0.03, 0.06, 0.125, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60, 120,
];

export const createMetrics = (observe: () => Observed): Metrics => {
  const exporter = new PrometheusExporter({ preventServerStart: true });
  const provider = new MeterProvider({
    readers: [exporter],
    views: [
      {
        instrumentName: 'paddock_step_seconds',
        aggregation: {
          type: AggregationType.EXPLICIT_BUCKET_HISTOGRAM,
          options: { boundaries: secondsBuckets },
        },
      },
    ],
  });
  const serializer = new PrometheusSerializer(undefined, false, undefined, true, true);
  const meter = provider.getMeter('paddock');
  const executions = meter.createCounter('paddock_executions_total', {
    description: 'Executions that ended',
  });
  const errors = meter.createCounter('paddock_http_errors_total', {
    description: 'Problems answered, by code',
  });
  const steps = meter.createHistogram('paddock_step_seconds', {
    description: 'Time of each step of an execution',
  });
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

  const byOutcome = new Map<string, number>();
  let total = 0;
  return {
    finished({ runtime, tenant, outcome, timings, error }) {
      total++;
      byOutcome.set(outcome, (byOutcome.get(outcome) ?? 0) + 1);
      executions.add(1, { runtime, tenant, outcome });
      const record = (step: string, ms: number): void => steps.record(ms / 1_000, { step });
      record('queue', timings.queuedMs);
      record('total', timings.totalMs);
      if (error) return;
      record('dispatch', timings.dispatchMs);
      record('prepare', timings.preparedMs);
      if (timings.compileMs > 0) record('compile', timings.compileMs);
      record('run', timings.runMs);
      record('collect', timings.collectMs);
    },
    httpError: (code) => errors.add(1, { code }),
    total: () => ({ total, byOutcome: Object.fromEntries(byOutcome) }),
    async render() {
      const { resourceMetrics } = await exporter.collect();
      return serializer.serialize(resourceMetrics);
    },
    async close() {
      await provider.shutdown();
      api.disable();
    },
  };
};
