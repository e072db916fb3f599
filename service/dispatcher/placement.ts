import type { ExecutorRequest } from '../contracts/executor-api.ts';
import { isUsable, loadOf, type Member, warmKey } from './member.ts';
import { createRandomSet, type RandomSet } from './random-set.ts';

export interface Wanted {
  readonly request: Pick<ExecutorRequest, 'runtime' | 'version'>;
  readonly capabilities: readonly string[];
  /** Names of pools it may go to; undefined: to any. */
  readonly pools?: ReadonlySet<string> | undefined;
}

/** What decides which executors can run it, as text: equal for all that the same executors can run. */
export const kindOf = ({ request, capabilities, pools }: Wanted): string => {
  const needs = capabilities.length > 1 ? capabilities.toSorted().join(' ') : (capabilities[0] ?? '');
  return `${warmKey(request)}\n${needs}\n${pools ? [...pools].sort().join(' ') : '*'}`;
};

/** The executors that can run one kind and have room, those with a warm sandbox apart. */
interface Shelf {
  readonly wanted: Wanted;
  readonly key: string;
  readonly warm: RandomSet<Member>;
  readonly cold: RandomSet<Member>;
}

interface Filed {
  serves: ReadonlySet<string>;
  capabilities: ReadonlySet<string>;
  room: boolean;
  shelves: Shelf[];
}

export interface Placement {
  /**
   * An executor for this execution, or none while all are full. Those with a warm sandbox go first; of two picked at
   * random the less loaded one is taken, which spreads load nearly as well as asking all of them, with no herd.
   * This only saves tries: the executor itself decides whether it has room.
   */
  pick(wanted: Wanted, now: number, random: () => number, kind?: string): Member | undefined;
  /** It said that it is full: nothing goes there until then, or until `busyUntil` is 0 again. */
  refuse(member: Member, until: number): void;
  /** After anything about a member has changed; one that can take nothing is put away. */
  file(member: Member): void;
  /** After only its executions and warm sandboxes of this runtime have changed: costs next to nothing. */
  touch(member: Member, key: string): void;
}

/** So many kinds are kept in order at once; which there are is up to those who ask. */
const mostShelves = 500;

const hasRoom = (member: Member): boolean =>
  member.busyUntil === 0 && member.inFlight < (member.status?.maxRunning ?? 0);

const canRun = (member: Member, { wanted, key }: Shelf): boolean =>
  member.serves.has(key) &&
  (wanted.pools === undefined || wanted.pools.has(member.address.pool)) &&
  wanted.capabilities.every((name) => member.capabilities.has(name));

const put = (shelf: Shelf, member: Member, room: boolean): void => {
  const warm = room && (member.warm.get(shelf.key) ?? 0) > 0;
  shelf.warm.toggle(member, warm);
  shelf.cold.toggle(member, room && !warm);
};

/**
 * Keeps for each kind of execution the executors that could take one now, so that choosing one costs the same among
 * a thousand as among two, also when all are full. Each change is told, and moves a member where it belongs.
 */
export const createPlacement = (): Placement => {
  const shelves = new Map<string, Shelf>();
  const files = new Map<Member, Filed>();
  // All are refused for equally long, so the first in is the first to be tried again.
  let refused: { readonly member: Member; readonly until: number }[] = [];

  const open = (kind: string, wanted: Wanted): Shelf => {
    if (shelves.size >= mostShelves) {
      shelves.clear();
      for (const filed of files.values()) filed.shelves = [];
    }
    const [warm, cold] = [createRandomSet<Member>(), createRandomSet<Member>()];
    const shelf: Shelf = { wanted, key: warmKey(wanted.request), warm, cold };
    shelves.set(kind, shelf);
    for (const [member, filed] of files) {
      if (!canRun(member, shelf)) continue;
      filed.shelves.push(shelf);
      put(shelf, member, filed.room);
    }
    return shelf;
  };

  const remove = (member: Member): void => {
    for (const shelf of files.get(member)?.shelves ?? []) put(shelf, member, false);
    files.delete(member);
  };

  const file = (member: Member): void => {
    if (!isUsable(member)) {
      remove(member);
      return;
    }
    const { serves, capabilities } = member;
    const room = hasRoom(member);
    let filed = files.get(member);
    if (filed?.serves !== serves || filed.capabilities !== capabilities) {
      remove(member);
      const fitting = [...shelves.values()].filter((shelf) => canRun(member, shelf));
      filed = { serves, capabilities, room, shelves: fitting };
      files.set(member, filed);
    }
    filed.room = room;
    for (const shelf of filed.shelves) put(shelf, member, room);
  };

  const tryAgain = (now: number): void => {
    const left = refused.findIndex(({ until }) => until > now);
    if (left === 0) return;
    const due = left === -1 ? refused : refused.slice(0, left);
    refused = left === -1 ? [] : refused.slice(left);
    for (const { member } of due) {
      if (member.busyUntil === 0 || member.busyUntil > now) continue;
      member.busyUntil = 0;
      file(member);
    }
  };

  return {
    pick(wanted, now, random, kind = kindOf(wanted)) {
      if (refused.length > 0) tryAgain(now);
      const shelf = shelves.get(kind) ?? open(kind, wanted);
      const candidates = shelf.warm.size > 0 ? shelf.warm : shelf.cold;
      const { size } = candidates;
      if (size <= 1) return candidates.at(0);
      const first = Math.floor(random() * size);
      const second = (first + 1 + Math.floor(random() * (size - 1))) % size;
      const [a, b] = [candidates.at(first), candidates.at(second)];
      return a && b && loadOf(b) < loadOf(a) ? b : a;
    },
    refuse(member, until) {
      member.busyUntil = until;
      refused.push({ member, until });
      file(member);
    },
    file,
    touch(member, key) {
      const filed = files.get(member);
      if (!filed) return;
      const room = hasRoom(member);
      const turned = room !== filed.room;
      filed.room = room;
      for (const shelf of filed.shelves) if (turned || shelf.key === key) put(shelf, member, room);
    },
  };
};
