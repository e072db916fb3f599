import type { Clock } from '../cluster/clock.ts';
import type { ClusterListener, ExecutorAddress } from '../cluster/port.ts';
import type { ExecutorStatus } from '../contracts/executor-api.ts';
import type { RuntimeInfo } from '../contracts/runtime.ts';
import type { ExecutorClient } from './executor-client.ts';

const startingPollMs = 50;
/** So many status requests in a row may fail before an executor gets nothing more. */
const toleratedFailures = 3;

/** What is warm counts for one version of a runtime. */
export const warmKey = ({ runtime, version }: { runtime: string; version: string }): string =>
  `${runtime}@${version}`;

/** One executor as the dispatcher sees it. */
export interface Member {
  readonly address: ExecutorAddress;
  readonly client: ExecutorClient;
  status: ExecutorStatus | undefined;
  /** `name@version` of what it can run. */
  serves: ReadonlySet<string>;
  capabilities: ReadonlySet<string>;
  /** Warm sandboxes ready for a runtime's first stage, less those taken since it said so. */
  warm: Map<string, number>;
  lastSeen: number;
  failures: number;
  /** Executions of this dispatcher there. */
  inFlight: number;
  busyUntil: number;
}

export interface Fleet extends ClusterListener {
  members(): Iterable<Member>;
  /** Resolves once an executor is ready to take executions. */
  ready(): Promise<void>;
  isReady(): boolean;
  /** A connection broke: nothing goes there until it answers again. */
  suspect(member: Member): void;
  capable(capabilities: readonly string[]): boolean;
  close(): void;
}

export interface FleetOptions {
  readonly clock: Clock;
  readonly statusEveryMs: number;
  readonly connect: (address: ExecutorAddress) => ExecutorClient;
  readonly log: { warn(fields: object, message: string): void; info(fields: object, message: string): void };
  /** Something changed: there may be room, or other runtimes. */
  readonly changed: (runtimes: Iterable<RuntimeInfo>) => void;
}

export const isUsable = (member: Member): boolean =>
  member.status?.state === 'ready' && member.failures < toleratedFailures;

/** Knows the executors: who joined, and what each says of itself. */
export const createFleet = (options: FleetOptions): Fleet => {
  const { clock, log } = options;
  const members = new Map<string, Member>();
  const firstReady = Promise.withResolvers<void>();
  // Capabilities outlive an executor: while it is restarted its requests wait and are not refused.
  const everHeld = new Map<string, ReadonlySet<string>>();
  let closed = false;

  const runtimes = function* (): Iterable<RuntimeInfo> {
    for (const member of members.values()) if (member.status) yield* member.status.runtimes;
  };

  const poll = async (member: Member): Promise<void> => {
    try {
      take(member, await member.client.status(), clock.now());
      everHeld.set(member.address.pool, member.capabilities);
      if (isUsable(member)) firstReady.resolve();
      if (members.has(member.address.id)) options.changed(runtimes());
    } catch (error) {
      if (members.get(member.address.id) !== member) return;
      member.failures++;
      if (member.failures === toleratedFailures) {
        log.warn({ executor: member.address.id, err: error }, 'an executor no longer answers');
      }
    }
    if (closed || members.get(member.address.id) !== member) return;
    clock.after(isUsable(member) ? options.statusEveryMs : startingPollMs, () => void poll(member));
  };

  return {
    joined(address) {
      const member = newMember(address, options.connect(address));
      members.set(address.id, member);
      log.info({ executor: address.id, pool: address.pool }, 'an executor joined');
      void poll(member);
    },
    draining(id) {
      const member = members.get(id);
      if (member?.status) member.status = { ...member.status, state: 'draining' };
    },
    left(id, reason) {
      const member = members.get(id);
      if (!member) return;
      members.delete(id);
      member.client.destroy();
      log.warn({ executor: id, reason }, 'an executor left');
      options.changed(runtimes());
    },
    members: () => members.values(),
    ready: () => firstReady.promise,
    isReady: () => [...members.values()].some(isUsable),
    suspect(member) {
      member.failures = toleratedFailures;
      member.warm = new Map();
    },
    capable: (capabilities) =>
      [...everHeld.values()].some((held) => capabilities.every((name) => held.has(name))),
    close() {
      closed = true;
      for (const member of members.values()) member.client.destroy();
      members.clear();
    },
  };
};

const newMember = (address: ExecutorAddress, client: ExecutorClient): Member => ({
  address,
  client,
  status: undefined,
  serves: new Set(),
  capabilities: new Set(),
  warm: new Map(),
  lastSeen: Number.NEGATIVE_INFINITY,
  failures: 0,
  inFlight: 0,
  busyUntil: 0,
});

const take = (member: Member, status: ExecutorStatus, now: number): void => {
  member.status = status;
  member.lastSeen = now;
  member.failures = 0;
  member.serves = new Set(
    status.runtimes
      .filter((runtime) => runtime.available)
      .map((runtime) => `${runtime.name}@${runtime.version}`),
  );
  member.capabilities = new Set(status.capabilities);
  const warm = new Map<string, number>();
  for (const entry of status.warm) {
    const key = warmKey(entry);
    warm.set(key, Math.max(warm.get(key) ?? 0, entry.ready));
  }
  member.warm = warm;
};
