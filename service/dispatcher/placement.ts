import type { ExecutorRequest } from '../contracts/executor-api.ts';
import { isUsable, type Member, warmKey } from './fleet.ts';

export interface Wanted {
  readonly request: Pick<ExecutorRequest, 'runtime' | 'version'>;
  readonly capabilities: readonly string[];
}

/** How full it is: what it said of itself, or what went there since, whichever is more, against what it takes. */
const load = (member: Member): number =>
  Math.max(member.inFlight, member.status?.running ?? 0) / (member.status?.maxRunning ?? 1);

const hasRoom = (member: Member, now: number): boolean =>
  isUsable(member) && member.busyUntil <= now && member.inFlight < (member.status?.maxRunning ?? 0);

const canRun = (member: Member, wanted: Wanted, key: string): boolean =>
  member.serves.has(key) && wanted.capabilities.every((name) => member.capabilities.has(name));

/**
 * An executor for this execution, or none while all are full. Those with a warm sandbox go first; of two picked at
 * random the less loaded one is taken, which spreads load nearly as well as asking all of them, with no herd.
 * This only saves tries: the executor itself decides whether it has room.
 */
export const pick = (
  members: Iterable<Member>,
  wanted: Wanted,
  now: number,
  random: () => number,
): Member | undefined => {
  const key = warmKey(wanted.request);
  const warm: Member[] = [];
  const cold: Member[] = [];
  for (const member of members) {
    if (!hasRoom(member, now) || !canRun(member, wanted, key)) continue;
    ((member.warm.get(key) ?? 0) > 0 ? warm : cold).push(member);
  }
  const candidates = warm.length > 0 ? warm : cold;
  if (candidates.length <= 1) return candidates[0];
  const first = Math.floor(random() * candidates.length);
  const second = (first + 1 + Math.floor(random() * (candidates.length - 1))) % candidates.length;
  const [a, b] = [candidates[first], candidates[second]];
  return a && b && load(b) < load(a) ? b : a;
};
