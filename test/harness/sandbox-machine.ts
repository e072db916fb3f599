import assert from 'node:assert/strict';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defaultLimits, type Limits } from '../../service/contracts/index.ts';
import type { CgroupDriver } from '../../service/executor/cgroup/port.ts';
import { takeMachine } from '../../service/executor/machine.ts';
import { UIDS_PER_PLACE } from '../../service/executor/place.ts';
import { withKey } from '../../service/executor/runtimes/stage-plan.ts';
import type { ForkMaker } from '../../service/executor/sandbox/fork-maker.ts';
import type { Launcher } from '../../service/executor/sandbox/launcher.ts';
import type { Ended, Go, PlacedFile, Sandbox, SandboxSpec } from '../../service/executor/sandbox/port.ts';
import { cgroupsOfPlaces, hostState, leaksSince, placesIn } from './leaks.ts';
import { describeProcess, listProcesses } from './processes.ts';

const repository = join(import.meta.dirname, '../..');
export const nativeFolder = join(repository, '.build');
export const PYTHON = '/usr/bin/python3';
const UID_BASE = 0x7000_0000;
/** The last ones of a place are the fork servers' (service/executor/machine.ts). */
const SERVER_UIDS = 64;
/** The second and the third sandbox share one. */
const SLOTS = 2;
/** Fork servers of one kind that live at once, an old one and its successor included. */
const MOST_SERVERS = 8;
/** Cgroups that wait to be used again (service/executor/cgroup/v1.ts). */
const RESTING_CGROUPS = 8;

/** Why there can be no real sandboxes here. */
export const missingForSandboxes = (): string | false => {
  if (process.getuid?.() !== 0) return 'not root';
  if (!existsSync('/usr/bin/bwrap')) return 'no bubblewrap';
  if (!existsSync(join(nativeFolder, 'paddock-launch'))) return 'scripts/build-native was not run';
  return false;
};

export interface SandboxMachine {
  readonly maker: ForkMaker;
  readonly launcher: Launcher;
  readonly bwrap: string;
  /** Of its sandboxes' uids. */
  readonly firstUid: number;
  readonly cgroups: CgroupDriver;
  readonly stateFolder: string;
  readonly placeFolder: string;
  /** Why sandboxes had to be made the other way, so far. */
  readonly fallbacks: Error[];
  /** Living processes of sandboxes, fork servers left out, as lines. */
  processes(): string[];
  /** Sandboxes clean up before `destroy` resolves: there is nothing to wait for. Fork servers and kept cgroups stay. */
  assertNothingLeft(slots?: number): void;
  /** Ends everything and checks that nothing at all is left. */
  close(): Promise<void>;
}

/** What an executor has of its machine to make sandboxes with, with two slots, in this process. */
export const openSandboxMachine = async (): Promise<SandboxMachine> => {
  const host = hostState();
  const stateFolder = mkdtempSync(join(tmpdir(), 'paddock-sandbox-'));
  const fallbacks: Error[] = [];
  const machine = await takeMachine({
    ...{ stateFolder, nativeFolder, userId: 0, uidBase: UID_BASE, architecture: process.arch },
    ...{ allowWeaker: false, mostSandboxes: SLOTS, onFallback: (error) => fallbacks.push(error) },
  });
  const { driver: cgroups } = machine.inspection.cgroup;
  assert.ok(cgroups);
  const [place = ''] = placesIn(stateFolder);
  // A place of that number may have been somebody else's in another cgroup of the machine.
  const foreign = new Set(cgroupsOfPlaces([place]));
  const ownCgroups = (): string[] => cgroupsOfPlaces([place]).filter((path) => !foreign.has(path));
  const first = UID_BASE + Number(place.replace('place-', '')) * UIDS_PER_PLACE;
  const processesBelow = (uids: number): string[] =>
    listProcesses()
      .filter(({ uid, state }) => uid >= first && uid < first + uids && state !== 'Z')
      .map(describeProcess);
  const assertNoLeaks = (): void =>
    assert.deepEqual(
      leaksSince(host).filter((line) => line.includes(stateFolder)),
      [],
    );
  const processes = (): string[] => processesBelow(UIDS_PER_PLACE - SERVER_UIDS);
  return {
    ...{
      maker: machine.maker,
      launcher: machine.launcher,
      bwrap: machine.inspection.bwrap ?? '',
      firstUid: first,
      cgroups,
      stateFolder,
      placeFolder: join(stateFolder, place),
      fallbacks,
      processes,
    },
    assertNothingLeft(slots = SLOTS) {
      assert.deepEqual(processes(), []);
      const groups = new Set(ownCgroups().map((path) => /sandbox-\d+$/.exec(path)?.[0]));
      assert.ok(
        groups.size <= slots + MOST_SERVERS + RESTING_CGROUPS,
        `${groups.size} cgroups for ${slots} slots`,
      );
      assertNoLeaks();
    },
    async close() {
      await machine.close();
      rmSync(stateFolder, { recursive: true, force: true });
      assert.deepEqual(ownCgroups(), []);
      assert.deepEqual(processesBelow(UIDS_PER_PLACE), []);
      assertNoLeaks();
    },
  };
};

/** A way of making sandboxes that run any command. */
export interface SandboxWay {
  readonly name: string;
  readonly forked: boolean;
  /** The command is started by an interpreter's program, which is a file. */
  readonly interpreted: boolean;
  readonly skip: string | false;
  spec(machine: Pick<SandboxMachine, 'stateFolder'>): SandboxSpec;
  /** Files that the command needs, and what of go says it. */
  program(command: readonly string[]): { files: PlacedFile[] } & Pick<Go, 'command' | 'entry' | 'args'>;
}

const limits = { ...defaultLimits, scratchMb: 8, scratchFiles: 64 };
const bare = { shown: [], env: { PATH: '/usr/bin:/bin' }, limits };
const asCommand = (command: readonly string[]) => ({ files: [], command, entry: 'main', args: [] });

/** The program of an interpreter that was started ahead is a file: this one becomes the command. */
const BECOME = `
import os, signal, sys
signal.signal(signal.SIGPIPE, signal.SIG_DFL)
os.execvp(sys.argv[1], sys.argv[1:])
`;

/** Shows what the python runtime's preparation makes; Python compiles it by itself as well. */
const interpreterSpec: SandboxWay['spec'] = ({ stateFolder }) => {
  const prepared = join(stateFolder, 'prepared');
  if (!existsSync(prepared)) {
    mkdirSync(prepared, { mode: 0o755 });
    copyFileSync(join(repository, 'images/python/sitecustomize.py'), join(prepared, 'sitecustomize.py'));
    assert.deepEqual(readdirSync(prepared), ['sitecustomize.py']);
  }
  const target = '/opt/paddock/prepared';
  return withKey(
    {
      shown: [{ source: prepared, target }],
      warmCommand: [PYTHON, 'main.py'],
      env: { ...bare.env, LANG: 'C.UTF-8', PYTHONPATH: target },
      limits,
    },
    { interpreter: true },
  );
};

const plainWay = (name: string, forked: boolean): SandboxWay => ({
  ...{ name, forked, interpreted: false, skip: false },
  spec: () => withKey(bare, forked ? { interpreter: false } : undefined),
  program: asCommand,
});

export const sandboxWays: readonly SandboxWay[] = [
  plainWay('of its own bubblewrap', false),
  plainWay('forked', true),
  {
    ...{ name: 'forked from an interpreter', forked: true, interpreted: true },
    skip: existsSync(PYTHON) ? false : `no ${PYTHON}`,
    spec: interpreterSpec,
    program: (command) => ({
      files: [{ name: 'main.py', content: Buffer.from(BECOME) }],
      ...{ command: [], entry: 'main.py', args: command },
    }),
  },
];

/** Makes a sandbox, uses it, and destroys it whatever happens. */
export const withSandbox = async <T>(
  { maker }: SandboxMachine,
  spec: SandboxSpec,
  use: (sandbox: Sandbox) => Promise<T>,
): Promise<T> => {
  const sandbox = await maker.create(spec);
  try {
    return await use(sandbox);
  } finally {
    await sandbox.destroy();
  }
};

export interface Told {
  readonly limits?: Partial<Limits>;
  readonly wallMs?: number;
  readonly stdin?: string;
  readonly signal?: AbortSignal;
}

/** Starts a command in a sandbox; the environment of the program is the sandbox's and MINE. */
export const goWith = (
  way: SandboxWay,
  spec: SandboxSpec,
  sandbox: Sandbox,
  command: readonly string[],
  told: Told = {},
): Promise<Ended> => {
  const { files, ...program } = way.program(command);
  sandbox.put(files);
  return sandbox.go(
    {
      ...program,
      env: { ...spec.env, MINE: 'yes' },
      stdin: Buffer.from(told.stdin ?? ''),
      limits: { ...spec.limits, ...told.limits },
      wallMs: told.wallMs ?? 10_000,
    },
    told.signal,
  );
};
