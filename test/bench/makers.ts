import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspectIsolation } from '../../service/executor/isolation.ts';
import { takePlace } from '../../service/executor/place.ts';
import { openCatalogue, type Runtime } from '../../service/executor/runtimes/catalogue.ts';
import { startArguments } from '../../service/executor/sandbox/arguments.ts';
import { createBubblewrapMaker } from '../../service/executor/sandbox/bubblewrap.ts';
import { writeEtc } from '../../service/executor/sandbox/etc.ts';
import { startLauncher } from '../../service/executor/sandbox/launcher.ts';
import type { SandboxMaker } from '../../service/executor/sandbox/port.ts';
import { seccompFilter } from '../../service/executor/sandbox/seccomp/filter.ts';
import { createSlots } from '../../service/executor/sandbox/slots.ts';
import { descendantsOf } from '../harness/processes.ts';
import { repository } from '../harness/start-service.ts';
import { projectNode } from './programs.ts';
import { Skip } from './scenario.ts';
import { plainEnvironment } from './shell.ts';

const FIRST_UID = 0x6000_0000;
const SLOTS = 32;

export interface Makers {
  readonly full: SandboxMaker;
  readonly withoutCgroup: SandboxMaker;
  readonly python: Runtime;
  /** Process id of what starts the sandboxes. */
  readonly launcher: number;
  /** bubblewrap's command line as a sandbox has it, for a shell, with `true` in place of the first process. */
  readonly bubblewrap: (net: boolean) => string;
  close(): Promise<void>;
}

/** The benchmark's service has a launcher as well, but not as a child of this process. */
const ownLauncher = (): number => {
  const found = descendantsOf(process.pid).find(
    ({ parent, command }) => parent === process.pid && command.endsWith('/paddock-launch'),
  );
  if (!found) throw new Error('the launcher is not among the children of this process');
  return found.pid;
};

/** Makes sandboxes as an executor does, in this process and without HTTP. @throws Skip where no limits can be set */
export const openMakers = async (): Promise<Makers> => {
  const folder = mkdtempSync(join(tmpdir(), 'paddock-bench-makers-'));
  const userId = process.getuid?.() ?? -1;
  const place = await takePlace(folder, userId, userId === 0 ? FIRST_UID : undefined);
  const native = (name: string): string => join(repository, '.build', name);
  const { bwrap, cgroup } = inspectIsolation({
    userId,
    architecture: process.arch,
    launch: native('paddock-launch'),
    init: native('paddock-init'),
    cgroupName: `place-${place.number}`,
  });
  if (!bwrap || !cgroup.driver) throw new Skip('no bubblewrap or no cgroup here');
  const driver = cgroup.driver;
  const etc = join(place.folder, 'etc');
  const seccompPath = join(place.folder, 'seccomp.bpf');
  writeEtc(etc);
  writeFileSync(seccompPath, seccompFilter(process.arch), { mode: 0o644 });
  const launcher = startLauncher(native('paddock-launch'));
  const maker = (name: string, number: number, cgroups: typeof driver | undefined): SandboxMaker => {
    mkdirSync(join(place.folder, name), { mode: 0o711 });
    const firstUid = place.firstUid === undefined ? undefined : place.firstUid + number * SLOTS;
    const slots = createSlots(join(place.folder, name), firstUid, SLOTS);
    const init = native('paddock-init');
    return createBubblewrapMaker({
      bwrap,
      launcher,
      init,
      etc,
      seccompPath,
      slots,
      cgroups,
      startTimeoutMs: 30_000,
    });
  };
  const full = maker('full', 0, driver);
  return {
    full,
    withoutCgroup: maker('without-cgroup', 1, undefined),
    python: await openPython(full, join(folder, 'images'), join(folder, 'cache')),
    launcher: ownLauncher(),
    bubblewrap: (net) => shellCommand(bwrap, join(place.folder, 'stage'), etc, seccompPath, net),
    async close() {
      await full.close();
      launcher.close();
      await launcher.gone;
      await driver.clear();
      place.release();
      rmSync(folder, { recursive: true, force: true });
    },
  };
};

/** The python runtime alone, prepared as an executor would. */
const openPython = async (
  maker: SandboxMaker,
  imagesFolder: string,
  cacheFolder: string,
): Promise<Runtime> => {
  cpSync(join(repository, 'images/python'), join(imagesFolder, 'python'), { recursive: true });
  const ready: Runtime[] = [];
  const catalogue = await openCatalogue({
    imagesFolder,
    cacheFolder,
    surroundings: { path: plainEnvironment.PATH, home: plainEnvironment.HOME, node: projectNode },
    maker,
    onReady: (runtime) => ready.push(runtime),
    onFault: () => {},
  });
  await catalogue.settled;
  if (!ready[0]) throw new Skip(`python is not available: ${catalogue.infos()[0]?.reason}`);
  return ready[0];
};

const shellCommand = (bwrap: string, stage: string, etc: string, seccomp: string, net: boolean): string => {
  for (const name of ['work', 'tmp', 'shm', 'mnt']) mkdirSync(join(stage, name), { recursive: true });
  const none = { stdin: '', stdout: '', stderr: '', control: '' };
  const all = startArguments({
    ...{ bwrap, stage, streams: none, seccomp, etc, init: '', joinFiles: [], uid: undefined },
    ...{ scratchBytes: 0, scratchInodes: 0, shown: [], links: {}, warmCommand: [], env: {} },
  });
  const command = all.slice(all.indexOf('--') + 1, -1).filter((part) => net || part !== '--unshare-net');
  return `${command.map((part) => `'${part}'`).join(' ')} /usr/bin/true 4<'${seccomp}'`;
};
