/** The value below which `share` (0 to 1) of the values lie. NaN of none. */
export const percentile = (values: readonly number[], share: number): number => {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (sorted.length - 1) * share;
  const low = sorted[Math.floor(at)] ?? Number.NaN;
  const high = sorted[Math.ceil(at)] ?? Number.NaN;
  return low + (high - low) * (at - Math.floor(at));
};

export const median = (values: readonly number[]): number => percentile(values, 0.5);

export const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/** One measurement and its baseline, taken one after the other, so that drift of the machine hits both. */
export interface Pair {
  readonly value: number;
  readonly baseline: number;
}

/** Medians of the values, of the baselines, and of the ratios pair by pair: the last is not the quotient of the first two. */
export const summarise = (pairs: readonly Pair[]): Pair & { readonly ratio: number } => ({
  value: median(pairs.map(({ value }) => value)),
  baseline: median(pairs.map(({ baseline }) => baseline)),
  ratio: median(pairs.map(({ value, baseline }) => value / baseline)),
});
