import type { Clock } from '../cluster/clock.ts';
import type { ClusterListener, ExecutorAddress } from '../cluster/port.ts';
import type { ExecutorBrief, ExecutorStatus } from '../contracts/executor-api.ts';
import type { ExecutorLoad } from '../contracts/executor-load.ts';
import type { RuntimeInfo } from '../contracts/runtime.ts';
import type { Places } from './dispatch.ts';
import type { ExecutorClient } from './executor-client.ts';
import { isUsable, type Member, newMember, toleratedFailures, warmKey } from './member.ts';
import { createPlacement } from './placement.ts';
import { createServed } from './served.ts';
import { createStatusPolls } from './status-polls.ts';

/** One that starts, or failed once, is asked again so soon. */
const soonMs = 50;

export interface Fleet extends ClusterListener, Places {
  members(): Iterable<Member>;
  /** Resolves once an executor is ready to take executions. */
  ready(): Promise<void>;
  isReady(): boolean;
  capable(capabilities: readonly string[]): boolean;
  close(): void;
}

export interface FleetOptions {
  readonly clock: Clock;
  /** How often each executor is asked for its status while they are few. */
  readonly statusEveryMs: number;
  readonly connect: (address: ExecutorAddress) => ExecutorClient;
  readonly log: { warn(fields: object, message: string): void; info(fields: object, message: string): void };
  /** Other runtimes are served, and there may be room. */
  readonly changed: (runtimes: Iterable<RuntimeInfo>) => void;
  /** There may be room. */
  readonly room: () => void;
}

/** Knows the executors: who joined, and what each says of itself. */
export const createFleet = (options: FleetOptions): Fleet => {
  const { clock, log } = options;
  const members = new Map<string, Member>();
  const placement = createPlacement();
  const served = createServed();
  const firstReady = Promise.withResolvers<void>();
  // Capabilities outlive an executor: while it is restarted its requests wait and are not refused.
  const everHeld = new Map<string, ReadonlySet<string>>();

  const tell = (): void => {
    const changed = served.changed(members.values());
    if (changed) options.changed(changed);
    else options.room();
  };

  const take = (member: Member, said: ExecutorStatus | ExecutorBrief): void => {
    const before = member.status;
    if ('runtimes' in said) {
      const { runtimes, serves, capabilities } = served.of(member.address.pool, said);
      member.status = { ...said, runtimes };
      member.serves = serves;
      member.capabilities = capabilities;
      everHeld.set(member.address.pool, member.capabilities);
    } else if (member.status) member.status = { ...member.status, ...said };
    hear(member, said);
    member.failures = 0;
    member.warm = warmOf(said);
    placement.file(member);
    if (isUsable(member)) firstReady.resolve();
    const { status } = member;
    if (status?.runtimes === before?.runtimes && status?.state === before?.state) options.room();
    else tell();
  };

  const hear = (member: Member, said: { running: number }): void => {
    member.lastSeen = clock.now();
    member.others = Math.max(0, said.running - member.inFlight);
  };

  const ask = async (member: Member): Promise<number | undefined> => {
    const isHere = (): boolean => members.get(member.address.id) === member;
    try {
      const said = await member.client.status(member.status?.catalogue);
      if (!isHere()) return undefined;
      take(member, said);
      return said.state === 'starting' ? soonMs : undefined;
    } catch (error) {
      if (!isHere()) return undefined;
      member.failures++;
      if (member.failures === toleratedFailures) {
        log.warn({ executor: member.address.id, err: error }, 'an executor no longer answers');
        placement.file(member);
      }
      return Math.min(soonMs * 2 ** (member.failures - 1), polls.roundMs());
    }
  };
  const polls = createStatusPolls<Member>({
    clock,
    everyMs: options.statusEveryMs,
    ask,
    heardAt: (member) => member.lastSeen,
  });

  /** What came with an answer says the same as a status would, as far as it goes. */
  const heard = (member: Member, key: string, load: ExecutorLoad): void => {
    const { status } = member;
    hear(member, load);
    if (load.warm !== undefined) member.warm.set(key, load.warm);
    if (!status) return;
    status.running = load.running;
    status.maxRunning = load.maxRunning;
    if (load.catalogue !== status.catalogue) polls.soon(member, soonMs);
    if (load.state === status.state) placement.touch(member, key);
    else {
      status.state = load.state;
      placement.file(member);
    }
  };

  const leave = (member: Member): void => {
    members.delete(member.address.id);
    member.ending = true;
    placement.file(member);
    polls.remove(member);
    member.client.destroy();
  };

  /** It gets nothing until it answers, which it is asked at once. */
  const doubt = (member: Member): void => {
    member.failures = Math.max(member.failures, toleratedFailures);
    member.warm = new Map();
    placement.file(member);
    polls.soon(member, 0);
  };

  return {
    joined(address) {
      const known = members.get(address.id);
      // It may be told of twice, by itself and by the cluster.
      if (known?.address.url === address.url) return;
      if (known) leave(known);
      const member = newMember(address, options.connect(address));
      members.set(address.id, member);
      log.info({ executor: address.id, pool: address.pool }, 'an executor joined');
      polls.add(member);
    },
    draining(id) {
      const member = members.get(id);
      if (!member) return;
      member.ending = true;
      if (member.status) member.status.state = 'draining';
      placement.file(member);
    },
    left(id, reason) {
      const member = members.get(id);
      if (!member) return;
      leave(member);
      log.warn({ executor: id, reason }, 'an executor left');
      tell();
    },
    members: () => members.values(),
    ready: () => firstReady.promise,
    isReady() {
      for (const member of members.values()) if (isUsable(member)) return true;
      return false;
    },
    pick: placement.pick,
    started(member, key) {
      member.inFlight++;
      const warm = member.warm.get(key) ?? 0;
      if (warm > 0) member.warm.set(key, warm - 1);
      placement.touch(member, key);
    },
    ended(member, key, load) {
      member.inFlight--;
      // It has room for another, whatever it said before.
      member.busyUntil = 0;
      if (load) heard(member, key, load);
      else placement.touch(member, key);
    },
    refused: placement.refuse,
    suspect(member) {
      const isNews = isUsable(member);
      doubt(member);
      if (!isNews) return;
      // A machine that dies takes all of its executors along: a retry must not go from one of them to the next.
      for (const other of members.values())
        if (other.status?.node === member.status?.node && isUsable(other)) doubt(other);
    },
    capable: (capabilities) =>
      [...everHeld.values()].some((held) => capabilities.every((name) => held.has(name))),
    close() {
      polls.close();
      for (const member of members.values()) member.client.destroy();
      members.clear();
    },
  };
};

const warmOf = (status: ExecutorStatus | ExecutorBrief): Map<string, number> => {
  const warm = new Map<string, number>();
  for (const entry of status.warm) {
    const key = warmKey(entry);
    warm.set(key, Math.max(warm.get(key) ?? 0, entry.ready));
  }
  return warm;
};
