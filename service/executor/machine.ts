import { mkdirSync, writeFileSync } from 'node:fs';
import { type Inspection, inspectIsolation, refusal } from './isolation.ts';
import { clearAbandoned, type Place, takePlace, UIDS_PER_PLACE } from './place.ts';
import { createBubblewrapMaker } from './sandbox/bubblewrap.ts';
import { shareEtc, writeEtc } from './sandbox/etc.ts';
import { createForkMaker, type ForkMaker } from './sandbox/fork-maker.ts';
import { type Launcher, startLauncher } from './sandbox/launcher.ts';
import { seccompFilter } from './sandbox/seccomp/filter.ts';
import { createSlots } from './sandbox/slots.ts';

export interface MachineConfig {
  readonly stateFolder: string;
  /** What executors of this machine share; without it each makes its own. */
  readonly cacheFolder?: string;
  /** Folder of the compiled programs of sandbox/native. */
  readonly nativeFolder: string;
  readonly userId: number;
  readonly uidBase: number;
  readonly architecture: string;
  readonly allowWeaker: boolean;
  /** How many sandboxes there can be at once, at most. */
  readonly mostSandboxes: number;
  /** Hears why a sandbox could not be forked and was made by a bubblewrap of its own. */
  readonly onFallback: (error: Error) => void;
}

/** What an executor has taken of its machine to make sandboxes with. */
export interface Machine {
  readonly maker: ForkMaker;
  readonly launcher: Launcher;
  readonly inspection: Inspection;
  /** Destroys every sandbox and removes every trace from the machine. */
  close(): Promise<void>;
}

const START_TIMEOUT_MS = 30_000;
const FORK_TIMEOUT_MS = 5_000;
/** The last uids of a place are the fork servers'. */
const SERVER_UIDS = 64;

const takeEtc = (placeFolder: string, cacheFolder: string | undefined): string => {
  try {
    if (cacheFolder !== undefined) return shareEtc(cacheFolder);
  } catch {
    // A cache that cannot be written is no reason not to start.
  }
  const own = `${placeFolder}/etc`;
  writeEtc(own);
  return own;
};

const takeMaker = (
  config: MachineConfig,
  place: Place,
  inspection: Inspection,
  launcher: Launcher,
): ForkMaker => {
  const native = (name: string): string => `${config.nativeFolder}/${name}`;
  const seccompPath = `${place.folder}/seccomp.bpf`;
  writeFileSync(seccompPath, seccompFilter(config.architecture), { mode: 0o644 });
  const etc = takeEtc(place.folder, config.cacheFolder);
  for (const name of ['slots', 'servers']) mkdirSync(`${place.folder}/${name}`, { mode: 0o711 });
  const most = Math.min(UIDS_PER_PLACE - SERVER_UIDS, config.mostSandboxes);
  const { firstUid } = place;
  const common = {
    bwrap: inspection.bwrap ?? '',
    launcher,
    etc,
    seccompPath,
    slots: createSlots(`${place.folder}/slots`, firstUid, most),
    cgroups: inspection.cgroup.driver,
    startTimeoutMs: START_TIMEOUT_MS,
  };
  const firstServerUid = firstUid === undefined ? undefined : firstUid + UIDS_PER_PLACE - SERVER_UIDS;
  return createForkMaker({
    ...common,
    single: createBubblewrapMaker({ ...common, init: native('paddock-init') }),
    forksProgram: native('paddock-forks'),
    forksLibrary: native('paddock-forks.so'),
    serverSlots: createSlots(`${place.folder}/servers`, firstServerUid, SERVER_UIDS),
    uids: firstUid === undefined ? undefined : { first: firstUid, count: UIDS_PER_PLACE - SERVER_UIDS },
    forkTimeoutMs: FORK_TIMEOUT_MS,
    onFallback: config.onFallback,
    now: () => performance.now(),
    random: Math.random,
  });
};

/**
 * Takes a place on the machine and what is needed to make sandboxes; what executors that died have left goes first.
 * @throws where a limit cannot be enforced here and weaker ones were not allowed
 */
export const takeMachine = async (config: MachineConfig): Promise<Machine> => {
  const { stateFolder, userId } = config;
  await clearAbandoned(stateFolder, userId);
  const place = await takePlace(stateFolder, userId, userId === 0 ? config.uidBase : undefined);
  const launch = `${config.nativeFolder}/paddock-launch`;
  const inspection = inspectIsolation({
    userId,
    architecture: config.architecture,
    launch,
    init: `${config.nativeFolder}/paddock-init`,
    cgroupName: `place-${place.number}`,
  });
  const refused = refusal(inspection, config.allowWeaker);
  if (refused !== undefined) {
    place.release();
    throw new Error(refused);
  }
  const { driver } = inspection.cgroup;
  place.note(driver?.roots ?? []);
  await driver?.clear();
  const launcher = startLauncher(launch);
  const maker = takeMaker(config, place, inspection, launcher);
  return {
    maker,
    launcher,
    inspection,
    async close() {
      await maker.close();
      launcher.close();
      await launcher.gone;
      await driver?.clear();
      place.release();
    },
  };
};
