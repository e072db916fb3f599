export interface Bucket {
  /** Above this, except for the first, which holds what is exactly there as well. */
  readonly fromMs: number;
  /** Up to and with this. */
  readonly toMs: number;
  readonly count: number;
}

export interface Latencies {
  readonly min: number;
  readonly mean: number;
  readonly p50: number;
  readonly p75: number;
  readonly p90: number;
  readonly p95: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

/** Values in ms; at least one. */
export const latenciesOf = (values: readonly number[]): Latencies => {
  const sorted = [...values].sort((a, b) => a - b);
  // The smallest value that so large a share of all does not exceed.
  const at = (share: number): number => sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0;
  const mean = sorted.reduce((total, value) => total + value, 0) / Math.max(1, sorted.length);
  return {
    ...{ min: at(0), mean, p50: at(0.5), p75: at(0.75), p90: at(0.9) },
    ...{ p95: at(0.95), p99: at(0.99), p999: at(0.999), max: at(1) },
  };
};

/** Bounds within a power of ten, from coarse to fine. */
const steps: readonly (readonly number[])[] = [
  [1],
  [1, 2, 5],
  [1, 1.5, 2, 3, 5, 7],
  [1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8],
  Array.from({ length: 36 }, (_, n) => 1 + n / 4),
];
const MOST_BUCKETS = 12;

const boundsBetween = (within: readonly number[], min: number, max: number): number[] => {
  const bounds: number[] = [];
  for (let power = Math.floor(Math.log10(Math.max(min, 0.001))); ; power++) {
    for (const step of within) {
      // Powers of ten are not exact in binary: 0.30000000000000004 is no bound for people.
      const bound = Number((step * 10 ** power).toPrecision(4));
      if (bound >= min) bounds.push(bound);
      if (bound >= max) return bounds;
    }
  }
};

/** Counts in buckets with round bounds that grow with the values, since latencies spread over powers of ten. */
export const bucketsOf = (values: readonly number[]): Bucket[] => {
  const [min, max] = [Math.min(...extremes(values)), Math.max(...extremes(values))];
  const all = steps.map((within) => boundsBetween(within, min, max));
  const bounds = all.findLast((candidate) => candidate.length <= MOST_BUCKETS) ?? all[0] ?? [];
  const counts = new Array<number>(bounds.length).fill(0);
  for (const value of values) {
    const index = bounds.findIndex((bound) => value <= bound);
    counts[index] = (counts[index] ?? 0) + 1;
  }
  return bounds.map((toMs, index) => ({
    fromMs: index === 0 ? Math.min(min, toMs) : (bounds[index - 1] ?? 0),
    toMs,
    count: counts[index] ?? 0,
  }));
};

/** The smallest and the largest: spreading all of the values as arguments would overflow the stack. */
const extremes = (values: readonly number[]): [number, number] =>
  values.reduce<[number, number]>(
    ([low, high], value) => [Math.min(low, value), Math.max(high, value)],
    [Number.POSITIVE_INFINITY, 0],
  );
