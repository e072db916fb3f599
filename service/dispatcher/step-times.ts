import { ValueType } from '@opentelemetry/api';
import {
  AggregationTemporality,
  type DataPoint,
  DataPointType,
  type Histogram,
  type MetricData,
} from '@opentelemetry/sdk-metrics';

const secondsBuckets = [
  0.0005, 0.001, 0.002, 0.004, 0.008, 0.015, 0.03, 0.06, 0.125, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60, 120,
];

export interface StepTimes {
  record(step: string, ms: number): void;
  /** All recorded so far, as OpenTelemetry's SDK would have it of a histogram. */
  collect(): MetricData;
}

interface Recorded {
  readonly counts: number[];
  count: number;
  sum: number;
}

/**
 * The histogram of steps. Counted here and handed over when somebody asks: the SDK sorts and serialises the attributes of
 * each recording, and there are six of them to an execution.
 * @param epoch milliseconds since 1970
 */
export const createStepTimes = (name: string, description: string, epoch: () => number): StepTimes => {
  const steps = new Map<string, Recorded>();
  const startTime = hrTimeOf(epoch());
  return {
    record(step, ms) {
      let recorded = steps.get(step);
      if (!recorded) {
        recorded = { counts: new Array<number>(secondsBuckets.length + 1).fill(0), count: 0, sum: 0 };
        steps.set(step, recorded);
      }
      const seconds = ms / 1_000;
      let bucket = 0;
      while (seconds > (secondsBuckets[bucket] ?? Number.POSITIVE_INFINITY)) bucket++;
      recorded.counts[bucket] = (recorded.counts[bucket] ?? 0) + 1;
      recorded.count++;
      recorded.sum += seconds;
    },
    collect() {
      const endTime = hrTimeOf(epoch());
      const pointOf = ([step, { counts, count, sum }]: [string, Recorded]): DataPoint<Histogram> => ({
        startTime,
        endTime,
        attributes: { step },
        value: { buckets: { boundaries: secondsBuckets, counts }, count, sum },
      });
      return {
        descriptor: { name, description, unit: '', valueType: ValueType.DOUBLE },
        aggregationTemporality: AggregationTemporality.CUMULATIVE,
        dataPointType: DataPointType.HISTOGRAM,
        dataPoints: [...steps].map(pointOf),
      };
    },
  };
};

const hrTimeOf = (epochMs: number): [number, number] => [
  Math.floor(epochMs / 1_000),
  Math.round((epochMs % 1_000) * 1e6),
];
