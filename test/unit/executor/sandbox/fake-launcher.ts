import type { Cgroup, CgroupDriver } from '../../../../service/executor/cgroup/port.ts';
import type {
  ForkRequest,
  Launched,
  Launcher,
  Listener,
} from '../../../../service/executor/sandbox/launcher.ts';
import type { Slot, Slots } from '../../../../service/executor/sandbox/slots.ts';

/** One launch as the test plays it: it says what the processes would. */
export interface FakeLaunch {
  readonly number: number;
  readonly args: readonly string[];
  readonly request: ForkRequest | undefined;
  readonly killed: boolean;
  say(text: string): void;
  die(): void;
}

export interface FakeLauncher extends Launcher {
  /** Of processes of their own: fork servers here. */
  readonly starts: FakeLaunch[];
  readonly forks: FakeLaunch[];
}

/** Killing ends what was launched, as in life. @param onLaunch plays a launch; otherwise the test does, later */
export const fakeLauncher = (onLaunch: (launch: FakeLaunch) => void = () => {}): FakeLauncher => {
  const starts: FakeLaunch[] = [];
  const forks: FakeLaunch[] = [];
  let last = 0;
  const launch = (
    kind: FakeLaunch[],
    about: Pick<FakeLaunch, 'args' | 'request'>,
    first: Listener,
  ): Launched & { readonly number: number } => {
    const number = ++last;
    const dead = Promise.withResolvers<void>();
    let listener = first;
    let killed = false;
    const fake: FakeLaunch = {
      ...about,
      number,
      get killed() {
        return killed;
      },
      say: (text) => listener.said(text),
      die: dead.resolve,
    };
    kind.push(fake);
    queueMicrotask(() => onLaunch(fake));
    return {
      number,
      process: -1,
      dead: dead.promise,
      listen: (next) => {
        listener = next;
      },
      go: () => {},
      kill: () => {
        killed = true;
        dead.resolve();
      },
    };
  };
  return {
    starts,
    forks,
    start: (args, listener) => launch(starts, { args, request: undefined }, listener),
    fork: (request, listener) => launch(forks, { args: [], request }, listener),
    gone: new Promise(() => {}),
    close: () => {},
  };
};

export interface CountedSlots extends Slots {
  readonly taken: number;
}

export const countedSlots = (firstUid: number | undefined = 5_000): CountedSlots => {
  const free: Slot[] = [];
  let made = 0;
  return {
    get taken() {
      return made - free.length;
    },
    async take() {
      const number = free.length > 0 ? -1 : made++;
      const uid = firstUid === undefined ? undefined : firstUid + number;
      return free.pop() ?? { number, uid, stage: `/slots/${number}/stage`, stdin: `/slots/${number}/in` };
    },
    give: (slot) => {
      free.push(slot);
    },
  };
};

export interface CountedCgroups extends CgroupDriver {
  readonly living: number;
}

/** @param changed what its cgroups do otherwise */
export const countedCgroups = (changed: Partial<Cgroup> = {}): CountedCgroups => {
  let living = 0;
  return {
    ...{ version: 'v2', roots: [] },
    get living() {
      return living;
    },
    async create() {
      living += 1;
      return {
        joinFiles: ['/cg/cgroup.procs'],
        limit: () => {},
        usage: () => ({ cpuNs: 0, memoryPeakBytes: 0 }),
        events: () => ({ oomKills: 0, forksRefused: 0 }),
        async remove() {
          living -= 1;
        },
        ...changed,
      };
    },
    async clear() {},
  };
};
