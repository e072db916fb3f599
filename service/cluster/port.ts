import type { DemandReport, PoolDemand, Registration } from '../contracts/cluster-api.ts';
import type { PoolSpec } from '../contracts/pool.ts';

/** What both ends of a connection between dispatcher and executor hold; PEM text. */
export interface TlsIdentity {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** How to reach one executor. */
export interface ExecutorAddress {
  /** On a Nomad cluster the id of its allocation. */
  readonly id: string;
  readonly url: string;
  readonly pool: string;
  /** The Authorization header that this executor alone takes, valid now. Asked for each request. */
  readonly authorization: () => string;
  /** For an https url. */
  readonly tls?: TlsIdentity | undefined;
}

export interface ClusterListener {
  joined(executor: ExecutorAddress): void;
  /** It takes nothing more; what it runs goes on. */
  draining(id: string): void;
  /** Called at once, before anything is done about it; executions under way there are lost. */
  left(id: string, reason: string): void;
}

/** Starts executors, keeps them going and says who is there. */
export interface Cluster {
  /** Resolves once executors can be told of; rejects when none can ever be, with the reason for people. */
  start(listener: ClusterListener): Promise<void>;
  /** Local executors end: gracefully first, by force after a while. Those on a cluster go on without this dispatcher. */
  close(): Promise<void>;
  /** Where executors come and go with demand; undefined where their number is fixed. */
  readonly elastic?: ElasticCluster;
}

export interface ElasticCluster {
  readonly engine: PoolEngine;
  readonly peers: Peers;
  readonly door: Door;
}

/** One executor that was asked for and has not ended. */
export interface Launched {
  /** Names it to `retire`; on Nomad the id of the dispatched job. */
  readonly id: string;
  /** The id that it joins under, once it is known. */
  readonly executor: string | undefined;
  readonly pool: string;
  /** `pending` until the cluster has placed it; `retiring` once it was told to end. */
  readonly state: 'pending' | 'placed' | 'retiring';
  /** Milliseconds since 1970. */
  readonly launchedAt: number;
  /** While it is pending, why, for people: `no node has meta.gpu`, `memory is exhausted on 3 nodes`. */
  readonly reasons: readonly string[];
}

/** Pools as the cluster sees them. */
export interface PoolEngine {
  readonly specs: readonly PoolSpec[];
  /** Whether this replica sizes the pools now. Asked right before anything is changed. */
  leads(): boolean;
  /** As known now, by every replica; on the leader what it launched itself is among them at once. */
  launched(): readonly Launched[];
  /** Asks for `count` more executors, all at once but paced. Resolves when all were asked for; rejects with the first failure. */
  launch(pool: string, count: number): Promise<void>;
  /** Tells executors to end once their executions have. */
  retire(ids: readonly string[]): Promise<void>;
}

/** The other dispatchers. */
export interface Peers {
  /** Brings what this replica's queue needs to the leader; again and again, so what ceases must be told as well. */
  tell(demand: readonly PoolDemand[]): void;
  /** What the others told lately. */
  heard(): readonly PoolDemand[];
}

/** What other parts of the cluster say to this dispatcher. Both throw a PaddockError `unauthorized` or `invalid-request`. */
export interface Door {
  executor(authorization: string | undefined, registration: Registration): Promise<void>;
  demand(authorization: string | undefined, report: DemandReport): Promise<void>;
}
