import assert from 'node:assert/strict';
import { defaultLimits } from '../../../../service/contracts/index.ts';
import { withKey } from '../../../../service/executor/runtimes/stage-plan.ts';
import {
  createForkMaker,
  type ForkMaker,
  type ForkMakerConfig,
} from '../../../../service/executor/sandbox/fork-maker.ts';
import type { SandboxSpec } from '../../../../service/executor/sandbox/port.ts';
import { type FakeSandbox, fakeSandbox } from '../fake-sandbox.ts';
import {
  type CountedCgroups,
  type CountedSlots,
  countedCgroups,
  countedSlots,
  type FakeLaunch,
  type FakeLauncher,
  fakeLauncher,
} from './fake-launcher.ts';

const bare = { shown: [], env: {}, limits: defaultLimits };
export const plain = withKey(bare, { interpreter: false });
export const unforked = withKey(bare);
export const interpreter = withKey({ ...bare, warmCommand: ['lang', 'main.l'] }, { interpreter: true });

export const serves = (launch: FakeLaunch): void => launch.say('serving\n');
/** As the launcher refuses a request for a server that is gone. */
export const refuses = (launch: FakeLaunch): void => {
  launch.say('fork request: No such process\n');
  launch.die();
};

export interface ForkSetup {
  readonly maker: ForkMaker;
  readonly launcher: FakeLauncher;
  readonly slots: CountedSlots;
  readonly serverSlots: CountedSlots;
  readonly cgroups: CountedCgroups;
  /** Made by the way that is fallen back to. */
  readonly singles: FakeSandbox[];
  readonly fallbacks: string[];
  ms: number;
  /** From 0 to 1: the next servers are chosen by it. */
  chance: number;
  /** A creation that has to be made the other way in the end. */
  fallsBack(spec?: SandboxSpec): Promise<void>;
  /** The server that a creation's fork is asked of; the fork fails. */
  askedServer(spec: SandboxSpec): Promise<number | undefined>;
}

interface Play {
  server?(launch: FakeLaunch): void;
  fork?(launch: FakeLaunch): void;
}

/**
 * A maker whose launcher is played: no fork succeeds here, since a sandbox is looked into through its process. What
 * becomes of those that do is tried with real ones (test/integration/fork-maker.test.ts).
 */
export const forkSetup = (play: Play = {}, changed: Partial<ForkMakerConfig> = {}): ForkSetup => {
  const launcher = fakeLauncher((launch) => (launch.request ? play.fork : play.server)?.(launch));
  const setup = {
    ...{ launcher, slots: countedSlots(), serverSlots: countedSlots(9_000), cgroups: countedCgroups() },
    ...{ singles: [] as FakeSandbox[], fallbacks: [] as string[], ms: 0, chance: 0 },
  };
  let closed = false;
  const maker = createForkMaker({
    ...{ bwrap: '/bwrap', launcher, forksProgram: '/forks', forksLibrary: '/forks.so', etc: '/etc' },
    ...{ seccompPath: '/filter', startTimeoutMs: 1_000, forkTimeoutMs: 1_000 },
    ...{ slots: setup.slots, serverSlots: setup.serverSlots, cgroups: setup.cgroups },
    uids: { first: 5_000, count: 100 },
    single: {
      async create(spec) {
        if (closed) throw new Error('no more sandboxes are made');
        const sandbox = fakeSandbox(spec);
        setup.singles.push(sandbox);
        return sandbox;
      },
      async close() {
        closed = true;
        for (const sandbox of setup.singles) await sandbox.destroy();
      },
    },
    onFallback: ({ message }) => setup.fallbacks.push(message),
    now: () => setup.ms,
    random: () => setup.chance,
    ...changed,
  });
  const fallsBack = async (spec: SandboxSpec = plain): Promise<void> => {
    const sandbox = await maker.create(spec);
    assert.ok(setup.singles.some((single) => single === sandbox));
  };
  return Object.assign(setup, {
    maker,
    fallsBack,
    async askedServer(spec: SandboxSpec) {
      await fallsBack(spec);
      return launcher.forks.at(-1)?.request?.server;
    },
  });
};
