import type { ExecutorAddress } from '../cluster/port.ts';
import type { ExecutorStatus } from '../contracts/executor-api.ts';
import type { ExecutorClient } from './executor-client.ts';

/** So many status requests in a row may fail before an executor gets nothing more. */
export const toleratedFailures = 3;

/** What is warm counts for one version of a runtime. */
export const warmKey = ({ runtime, version }: { runtime: string; version: string }): string =>
  `${runtime}@${version}`;

/** One executor as the dispatcher sees it. */
export interface Member {
  readonly address: ExecutorAddress;
  readonly client: ExecutorClient;
  status: ExecutorStatus | undefined;
  /** `name@version` of what it can run. Members that serve the same share it. */
  serves: ReadonlySet<string>;
  capabilities: ReadonlySet<string>;
  /** Warm sandboxes ready for a runtime's first stage, less those taken since it said so. */
  warm: Map<string, number>;
  lastSeen: number;
  failures: number;
  /** Executions of this dispatcher there. */
  inFlight: number;
  /** Executions of other dispatchers there, by what it said last. */
  others: number;
  /** It said that it is full: nothing goes there until then. 0 where it did not. */
  busyUntil: number;
  /** The cluster said that it ends, or has: whatever it says itself, it gets nothing more. */
  ending: boolean;
}

export const newMember = (address: ExecutorAddress, client: ExecutorClient): Member => ({
  address,
  client,
  status: undefined,
  serves: new Set(),
  capabilities: new Set(),
  warm: new Map(),
  lastSeen: Number.NEGATIVE_INFINITY,
  failures: 0,
  inFlight: 0,
  others: 0,
  busyUntil: 0,
  ending: false,
});

export const isUsable = (member: Member): boolean =>
  member.status?.state === 'ready' && !member.ending && member.failures < toleratedFailures;

/** How full it is, from 0, against what it takes. */
export const loadOf = (member: Member): number =>
  (member.inFlight + member.others) / Math.max(1, member.status?.maxRunning ?? 1);
