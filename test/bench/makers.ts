import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Machine, takeMachine } from '../../service/executor/machine.ts';
import { takePlace } from '../../service/executor/place.ts';
import { openCatalogue } from '../../service/executor/runtimes/catalogue.ts';
import type { Runtime } from '../../service/executor/runtimes/make-runtime.ts';
import { startArguments } from '../../service/executor/sandbox/arguments.ts';
import { createBubblewrapMaker } from '../../service/executor/sandbox/bubblewrap.ts';
import { writeEtc } from '../../service/executor/sandbox/etc.ts';
import type { ForkMaker } from '../../service/executor/sandbox/fork-maker.ts';
import { startLauncher } from '../../service/executor/sandbox/launcher.ts';
import type { SandboxMaker, SandboxSpec } from '../../service/executor/sandbox/port.ts';
import { seccompFilter } from '../../service/executor/sandbox/seccomp/filter.ts';
import { createSlots } from '../../service/executor/sandbox/slots.ts';
import { repository } from '../harness/start-service.ts';
import { type CgroupFolder, childrenRunning } from './processes.ts';
import { projectNode } from './programs.ts';
import { Skip } from './scenario.ts';
import { plainEnvironment } from './shell.ts';

const FIRST_UID = 0x6000_0000;
const SLOTS = 128;

export interface Makers {
  /** As an executor makes them: forked where the spec says so. */
  readonly maker: ForkMaker;
  readonly withoutCgroup: SandboxMaker;
  readonly python: Runtime;
  /** The warm python sandbox with a bubblewrap of its own, and one that starts nothing ahead. */
  readonly single: SandboxSpec;
  readonly plain: SandboxSpec;
  /** Process ids of what starts the sandboxes. */
  readonly launchers: readonly number[];
  /** Holds the cgroups of all sandboxes of `maker`. */
  readonly cgroups: Record<'memory' | 'cpuacct', CgroupFolder>;
  /** bubblewrap's command line as a sandbox has it, for a shell, with `true` in place of the first process. */
  readonly bubblewrap: (net: boolean) => string;
  close(): Promise<void>;
}

const native = (name: string): string => join(repository, '.build', name);
const userId = process.getuid?.() ?? -1;

const cgroupsOf = ({ inspection }: Machine): Makers['cgroups'] => {
  const { driver } = inspection.cgroup;
  const [first] = driver?.roots ?? [];
  if (!driver || first === undefined) throw new Skip('no cgroup here');
  // On v1 each controller has a folder of its own, in a mount that bears its name.
  const folder = (controller: string): CgroupFolder => ({
    version: driver.version,
    folder: driver.roots.find((root) => root.split(/[/,]/).includes(controller)) ?? first,
  });
  return { memory: folder('memory'), cpuacct: folder('cpuacct') };
};

/** A maker that limits nothing, in a place of its own. */
const openUnlimited = async (folder: string, bwrap: string) => {
  const place = await takePlace(folder, userId, userId === 0 ? FIRST_UID : undefined);
  const etc = join(place.folder, 'etc');
  const seccompPath = join(place.folder, 'seccomp.bpf');
  writeEtc(etc);
  writeFileSync(seccompPath, seccompFilter(process.arch), { mode: 0o644 });
  mkdirSync(join(place.folder, 'slots'), { mode: 0o711 });
  const launcher = startLauncher(native('paddock-launch'));
  const maker = createBubblewrapMaker({
    ...{ bwrap, launcher, etc, seccompPath, init: native('paddock-init') },
    slots: createSlots(join(place.folder, 'slots'), place.firstUid, SLOTS),
    cgroups: undefined,
    startTimeoutMs: 30_000,
  });
  return {
    maker,
    bubblewrap: (net: boolean) => shellCommand(bwrap, join(place.folder, 'stage'), etc, seccompPath, net),
    async close() {
      await maker.close();
      launcher.close();
      await launcher.gone;
      place.release();
    },
  };
};

/** Makes sandboxes as an executor does, in this process and without HTTP. @throws Skip where no limits can be set */
export const openMakers = async (): Promise<Makers> => {
  const folder = mkdtempSync(join(tmpdir(), 'paddock-makers-'));
  // The sandboxes' own users walk through here.
  chmodSync(folder, 0o711);
  const before = childrenRunning('/paddock-launch');
  const machine = await takeMachine({
    ...{ stateFolder: join(folder, 'a'), nativeFolder: join(repository, '.build'), userId },
    ...{ uidBase: FIRST_UID, architecture: process.arch, allowWeaker: true, mostSandboxes: SLOTS },
    onFallback: (error) => process.stderr.write(`no fork server: ${error.message}\n`),
  });
  const cgroups = cgroupsOf(machine);
  const unlimited = await openUnlimited(join(folder, 'b'), machine.inspection.bwrap ?? '');
  const python = await openPython(machine.maker, join(folder, 'images'), join(folder, 'cache'));
  const { forked: _forked, ...unforked } = python.run.spec;
  const single: SandboxSpec = { ...unforked, key: 'single' };
  const { warmCommand: _warm, ...cold } = single;
  return {
    ...{ maker: machine.maker, withoutCgroup: unlimited.maker, python, single, cgroups },
    plain: { ...cold, key: 'plain', shown: [] },
    launchers: childrenRunning('/paddock-launch').filter((pid) => !before.includes(pid)),
    bubblewrap: unlimited.bubblewrap,
    async close() {
      await unlimited.close();
      await machine.close();
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
    forkServers: true,
    surroundings: { path: plainEnvironment.PATH, home: plainEnvironment.HOME, node: projectNode },
    maker,
    images: { find: () => undefined },
    onReady: (runtime) => ready.push(runtime),
    onFault: () => {},
  });
  await catalogue.settled;
  if (!ready[0]) throw new Skip(`python is not available: ${catalogue.infos()[0]?.reason}`);
  return ready[0];
};

const shellCommand = (bwrap: string, stage: string, etc: string, seccomp: string, net: boolean): string => {
  for (const name of ['work', 'tmp', 'shm', 'mnt']) mkdirSync(join(stage, name), { recursive: true });
  const all = startArguments({
    ...{ bwrap, stage, stdin: '', seccomp, etc, init: '', joinFiles: [], uid: undefined },
    ...{ scratchBytes: 0, scratchInodes: 0, shown: [], links: {}, warmCommand: [], env: {} },
  });
  const command = all.slice(all.indexOf('--') + 1, -1).filter((part) => net || part !== '--unshare-net');
  return `${command.map((part) => `'${part}'`).join(' ')} /usr/bin/true 4<'${seccomp}'`;
};
