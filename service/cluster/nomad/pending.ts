import type { PoolSpec } from '../../contracts/pool.ts';
import type { PlacementMetrics } from './api/answers.ts';

/** Nomad looks at one node of those that are alike and names why; of the others it only says this. */
const LIKE_ANOTHER = 'computed class ineligible';

const nodes = (count: number): string => (count === 1 ? '1 node' : `${count} nodes`);

/** How a sentence about a requirement begins: none of the nodes has it, so many lack it, or (undefined) some do. */
type Lacking = { readonly count: number; readonly of: number } | undefined;

const isAll = (lacking: Lacking): boolean => lacking !== undefined && lacking.count >= lacking.of;
const someNodes = (lacking: Lacking): string =>
  lacking ? `${lacking.count} of ${nodes(lacking.of)}` : 'some nodes';
const one = (lacking: Lacking): boolean => lacking?.count === 1;

const without = (thing: string, lacking: Lacking): string =>
  isAll(lacking)
    ? `no node has ${thing}`
    : `${someNodes(lacking)} ${one(lacking) ? 'lacks' : 'lack'} ${thing}`;

const withIt = (thing: string, lacking: Lacking): string =>
  isAll(lacking)
    ? `every node has ${thing}`
    : `${someNodes(lacking)} ${one(lacking) ? 'has' : 'have'} ${thing}`;

/** `${meta.gpu} is_set ` → `no node has meta.gpu` */
const unfit = (constraint: string, lacking: Lacking): string => {
  if (constraint === LIKE_ANOTHER) return without("what the pool's constraints ask for", lacking);
  if (constraint.startsWith('missing '))
    return without(`the ${constraint.slice('missing '.length)} it needs`, lacking);
  const [, attribute, operator, value] = /^\$\{(\S+)\} (\S+) ?(.*)$/s.exec(constraint) ?? [];
  if (attribute === undefined) return without(constraint, lacking);
  switch (operator) {
    case 'is_set':
      return without(attribute, lacking);
    case 'is_not_set':
      return withIt(attribute, lacking);
    case '!=':
      return withIt(`${attribute} = ${value}`, lacking);
    case 'version':
    case 'semver':
      return without(`${attribute} ${value}`, lacking);
    case 'regexp':
      return without(`${attribute} like /${value}/`, lacking);
    case 'set_contains':
      return without(`${value} in ${attribute}`, lacking);
    case 'set_contains_any':
      return without(`any of ${value} in ${attribute}`, lacking);
    default:
      return without(`${attribute} ${operator} ${value}`, lacking);
  }
};

/** Those that Nomad did not look at are like one that it did: where only one reason is named it is theirs too. */
const unfitNodes = ({ ConstraintFiltered, NodesEvaluated: of }: PlacementMetrics): string[] => {
  const { [LIKE_ANOTHER]: alike = 0, ...named } = ConstraintFiltered;
  const entries = Object.entries(named);
  if (entries.length === 0) return alike > 0 ? [unfit(LIKE_ANOTHER, { count: alike, of })] : [];
  return entries.map(([constraint, count]) =>
    unfit(constraint, alike > 0 && entries.length > 1 ? undefined : { count: count + alike, of }),
  );
};

const exhausted = (dimension: string, count: number): string => {
  if (dimension === 'network: dynamic port selection failed') return `no port is free on ${nodes(count)}`;
  const [, port] = /^network: reserved port collision .*=(\d+)$/.exec(dimension) ?? [];
  if (port !== undefined) return `port ${port} is taken on ${nodes(count)}`;
  // Whole sentences of Nomad's, such as `devices: no devices match request`.
  if (dimension.includes(':')) return `${dimension} (${nodes(count)})`;
  if (dimension === 'cores') return `CPU cores are exhausted on ${nodes(count)}`;
  return `${dimension === 'cpu' ? 'CPU' : dimension} is exhausted on ${nodes(count)}`;
};

const nowhere = ({ nodePool, datacenters }: Pick<PoolSpec, 'nodePool' | 'datacenters'>): string => {
  const isAnywhere = datacenters.includes('*');
  const where = `${datacenters.length === 1 ? 'datacenter' : 'datacenters'} ${datacenters.join(', ')}`;
  return `no node is ready in node pool ${nodePool}${isAnywhere ? '' : `, ${where}`}`;
};

/**
 * Why Nomad could not place an executor of this pool, for people: `no node has meta.gpu`, `memory is exhausted on 3
 * nodes`. Empty where the metrics tell nothing.
 */
export const reasonsOf = (
  metrics: PlacementMetrics,
  pool: Pick<PoolSpec, 'nodePool' | 'datacenters'>,
): string[] => {
  const available = Object.values(metrics.NodesAvailable).reduce((sum, count) => sum + count, 0);
  if (metrics.NodesEvaluated === 0 && available === 0) return [nowhere(pool)];
  const reasons = unfitNodes(metrics);
  for (const [dimension, count] of Object.entries(metrics.DimensionExhausted))
    reasons.push(exhausted(dimension, count));
  for (const quota of metrics.QuotaExhausted) reasons.push(`the quota is exhausted: ${quota}`);
  if (reasons.length === 0 && metrics.NodesExhausted > 0)
    reasons.push(`${nodes(metrics.NodesExhausted)} ${metrics.NodesExhausted === 1 ? 'is' : 'are'} full`);
  return reasons;
};
