import type { PlacementMetrics } from './api/answers.ts';

const nodes = (count: number): string => (count === 1 ? '1 node' : `${count} nodes`);

/** `${meta.gpu}` → `meta.gpu` */
const plain = (attribute: string): string => attribute.replace(/^\$\{(.*)\}$/, '$1');

const wanted = (constraint: string): string => {
  const [attribute = '', operator = '', ...rest] = constraint.trim().split(/\s+/);
  if (operator === 'is_set') return plain(attribute);
  if (operator === 'is_not_set') return `no ${plain(attribute)}`;
  return [plain(attribute), operator, ...rest].join(' ');
};

const filtered = (constraint: string, count: number, evaluated: number): string => {
  const all = count >= evaluated;
  if (constraint.startsWith('missing ')) {
    const what = constraint.slice('missing '.length);
    return all
      ? `no node has the ${what} it needs`
      : `${nodes(count)} of ${evaluated} lack the ${what} it needs`;
  }
  return all
    ? `no node has ${wanted(constraint)}`
    : `${count} of ${nodes(evaluated)} ${count === 1 ? 'has' : 'have'} not ${wanted(constraint)}`;
};

/**
 * Why Nomad could not place an executor, for people: `no node has meta.gpu`, `memory is exhausted on 3 nodes`. Empty
 * where the metrics tell nothing.
 */
export const reasonsOf = (metrics: PlacementMetrics, nodePool: string): string[] => {
  const available = Object.values(metrics.NodesAvailable).reduce((sum, count) => sum + count, 0);
  if (metrics.NodesEvaluated === 0 && available === 0) {
    return [
      metrics.NodesInPool > 0
        ? `no node of node pool ${nodePool} is ready in its datacenters`
        : `no node is ready in node pool ${nodePool}`,
    ];
  }
  const reasons = Object.entries(metrics.ConstraintFiltered).map(([constraint, count]) =>
    filtered(constraint, count, metrics.NodesEvaluated),
  );
  for (const [dimension, count] of Object.entries(metrics.DimensionExhausted))
    reasons.push(`${plainDimension(dimension)} is exhausted on ${nodes(count)}`);
  for (const quota of metrics.QuotaExhausted) reasons.push(`the quota is exhausted: ${quota}`);
  if (reasons.length === 0 && metrics.NodesExhausted > 0)
    reasons.push(`${nodes(metrics.NodesExhausted)} ${metrics.NodesExhausted === 1 ? 'is' : 'are'} full`);
  return reasons;
};

/** `network: reserved port collision` and the like stay as Nomad says them. */
const plainDimension = (dimension: string): string => (dimension === 'cpu' ? 'CPU' : dimension);
