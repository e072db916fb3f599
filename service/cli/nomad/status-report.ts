import type { NodeInfo } from '../../cluster/nomad/api/answers.ts';
import { failureOf, hasEnded, isPending, type NomadExecutor, type NomadPool } from './executors.ts';
import type { LeadingDispatcher } from './leader.ts';
import type { ServiceView } from './service-view.ts';

/** What `paddock nomad status` shows, and with --json answers. Times are milliseconds. */
export interface StatusReport {
  /** null where none leads. */
  readonly leader: LeadingDispatcher | 'forbidden' | null;
  readonly service: { readonly url: string; readonly leads?: boolean; readonly missing?: string };
  readonly pools: readonly PoolStatus[];
  /** Executors that the service knows and Nomad does not: it may be another installation's. */
  readonly foreign: readonly string[];
}

export interface PoolStatus {
  readonly pool: string;
  readonly job: string;
  readonly state: NomadPool['state'];
  readonly nodePool: string;
  /** Of the service; missing where it does not know them. */
  readonly minimum?: number;
  readonly maximum?: number;
  readonly wanted?: number;
  readonly waiting?: number;
  readonly executors: readonly ExecutorStatus[];
  readonly pending: readonly PendingExecutor[];
  readonly failed: readonly FailedExecutor[];
}

export interface ExecutorStatus {
  readonly allocation: string;
  readonly job: string;
  readonly node: string;
  /** What keeps the node from taking more; missing where nothing does, or it could not be asked. */
  readonly nodeState?: 'draining' | 'ineligible' | 'down' | 'disconnected' | 'initializing';
  readonly nodePool: string;
  /** Nomad's client status; `ending` where it runs and was told to end. */
  readonly nomad: string;
  readonly ageMs: number;
  /** Missing where no service answers; `not joined` where the one that does has not heard of it. */
  readonly state?: string;
  readonly running?: number;
  readonly maxRunning?: number;
  readonly executions?: number;
}

export interface PendingExecutor {
  readonly job: string;
  readonly ageMs: number;
  readonly reasons: readonly string[];
}

export interface FailedExecutor {
  readonly allocation: string;
  readonly node: string;
  readonly endedMsAgo: number;
  readonly reason: string;
}

export interface Views {
  readonly pools: readonly NomadPool[];
  readonly nodes: readonly NodeInfo[];
  readonly service: ServiceView;
  readonly reasons: ReadonlyMap<string, readonly string[]>;
  readonly leader: LeadingDispatcher | 'forbidden' | undefined;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** Only this pool is looked at. */
  readonly only: string | undefined;
}

/** Nomad's view and a dispatcher's, as one. */
export const joinViews = (views: Views): StatusReport => {
  const { service } = views;
  const placed = new Set(
    views.pools.flatMap(({ executors }) => executors.flatMap(({ allocation }) => allocation?.ID ?? [])),
  );
  const known = 'missing' in service ? [] : [...service.executors.keys()];
  return {
    leader: views.leader ?? null,
    service:
      'missing' in service
        ? service
        : { url: service.url, ...(service.leads !== undefined && { leads: service.leads }) },
    pools: views.pools.map((pool) => poolStatus(pool, views)),
    foreign: views.only === undefined ? known.filter((id) => !placed.has(id)) : [],
  };
};

const poolStatus = (pool: NomadPool, views: Views): PoolStatus => {
  const { service, reasons, now } = views;
  const told = 'missing' in service ? undefined : service.pools.find(({ name }) => name === pool.pool);
  const { minimum, maximum, wanted, waiting } = told ?? {};
  const { pool: name, jobId, state, nodePool, executors } = pool;
  return {
    ...{ pool: name, job: jobId, state, nodePool },
    ...(minimum !== undefined && { minimum }),
    ...(maximum !== undefined && { maximum }),
    ...(wanted !== undefined && { wanted }),
    ...(waiting !== undefined && { waiting }),
    executors: executors.flatMap((executor) => executorStatus(executor, pool, views) ?? []),
    pending: executors.filter(isPending).map((executor) => ({
      job: executor.jobId,
      ageMs: now - executor.dispatchedAt,
      reasons: reasons.get(executor.jobId) ?? [],
    })),
    failed: executors.flatMap((executor) => failure(executor, now) ?? []),
  };
};

const executorStatus = (
  { allocation, jobId, stopped }: NomadExecutor,
  pool: NomadPool,
  { nodes, service, now }: Views,
): ExecutorStatus | undefined => {
  if (!allocation || hasEnded(allocation)) return undefined;
  const node = nodes.find(({ ID }) => ID === allocation.NodeID);
  const nodeState = node && stateOf(node);
  const isEnding = stopped || allocation.DesiredStatus !== 'run';
  return {
    ...{ allocation: allocation.ID, job: jobId },
    node: allocation.NodeName || allocation.NodeID,
    ...(nodeState && { nodeState }),
    nodePool: node?.NodePool ?? pool.nodePool,
    nomad: isEnding && allocation.ClientStatus === 'running' ? 'ending' : allocation.ClientStatus,
    ageMs: now - allocation.CreateTime,
    ...ownView(allocation.ID, service),
  };
};

const stateOf = (node: NodeInfo): ExecutorStatus['nodeState'] => {
  if (node.Drain) return 'draining';
  if (node.Status === 'down' || node.Status === 'disconnected' || node.Status === 'initializing')
    return node.Status;
  return node.SchedulingEligibility === 'eligible' ? undefined : 'ineligible';
};

const ownView = (id: string, service: ServiceView): Partial<ExecutorStatus> => {
  if ('missing' in service) return {};
  const executor = service.executors.get(id);
  if (!executor) return { state: 'not joined' };
  const { state, running, maxRunning, counters } = executor;
  return { state, running, maxRunning, executions: counters.executions };
};

const failure = ({ allocation }: NomadExecutor, now: number): FailedExecutor | undefined => {
  if (!allocation || (allocation.ClientStatus !== 'failed' && allocation.ClientStatus !== 'lost'))
    return undefined;
  return {
    ...{ allocation: allocation.ID, node: allocation.NodeName || allocation.NodeID },
    ...{ endedMsAgo: now - allocation.ModifyTime, reason: failureOf(allocation) },
  };
};
