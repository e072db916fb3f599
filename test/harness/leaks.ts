import { type Dirent, existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import {
  descendantsOf,
  describeProcess,
  firstSandboxUid,
  listProcesses,
  orphanedSandboxProcesses,
  sandboxesAmong,
} from './processes.ts';

const lines = (path: string): string[] => {
  try {
    return readFileSync(path, 'utf8').split('\n').filter(Boolean);
  } catch {
    return [];
  }
};

const foldersBelow = (folder: string, depth: number): string[] => {
  if (depth === 0) return [];
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .flatMap(({ name }) => [join(folder, name), ...foldersBelow(join(folder, name), depth - 1)]);
  } catch {
    return [];
  }
};

/** Every cgroup whose path has a `paddock` in it, whoever made it. */
export const paddockCgroups = (): string[] =>
  foldersBelow('/sys/fs/cgroup', 8).filter((path) => path.slice('/sys/fs/cgroup'.length).includes('paddock'));

/** The places (service/executor/place.ts) that the executors with this state folder hold or held. */
export const placesIn = (stateDir: string): string[] =>
  existsSync(stateDir) ? readdirSync(stateDir).filter((name) => /^place-\d+$/.test(name)) : [];

/** Places that an executor holds now, by its lock (an abstract socket). */
const heldPlaces = (): Set<string> =>
  new Set(
    lines('/proc/net/unix').flatMap(
      (line) => /@paddock-(place-)\d+-(\d+)/.exec(line)?.slice(1).join('') ?? [],
    ),
  );

/** Cgroup folders of these places: other services on this machine have places of their own. */
export const cgroupsOfPlaces = (places: readonly string[]): string[] =>
  paddockCgroups().filter((path) => places.some((place) => `${path}/`.includes(`/paddock-${place}/`)));

export interface CgroupCount {
  readonly inhabited: number;
  /** Kept for the next sandboxes. */
  readonly empty: number;
}

/**
 * The cgroups of the executor below `root`, in each hierarchy: found beside that of a living sandbox of it, so that
 * what other executors left under the same name elsewhere does not count.
 */
export const cgroupCounts = (root: number): CgroupCount[] => {
  const [sandbox] = sandboxesAmong(descendantsOf(root)).values();
  const own = sandbox?.[0] ? cgroupFoldersOf(sandbox[0].pid) : [];
  return own
    .filter((folder) => folder.includes('/paddock-'))
    .map((folder) => {
      const all = foldersBelow(dirname(folder), 1);
      const inhabited = all.filter((path) => lines(`${path}/cgroup.procs`).length > 0).length;
      return { inhabited, empty: all.length - inhabited };
    });
};

/** True for what a sandbox could have made: other programs on this machine keep files of their own in /dev/shm. */
const couldBeOurs = (path: string): boolean => {
  const uid = statSync(path, { throwIfNoEntry: false })?.uid ?? 0;
  return process.getuid?.() === 0 ? uid >= firstSandboxUid : uid === process.getuid?.();
};

/** The cgroup folders that a process is in, as paths of this machine: one a controller on v1, one on v2. */
const cgroupFoldersOf = (pid: number): string[] =>
  lines(`/proc/${pid}/cgroup`).flatMap((line) => {
    const [, controllers = '', ...rest] = line.split(':');
    const path = rest.join(':');
    return ['', 'unified', ...controllers.split(',')]
      .map((mount) => join('/sys/fs/cgroup', mount, path))
      .filter(
        (folder, index, all) => all.indexOf(folder) === index && existsSync(join(folder, 'cgroup.procs')),
      );
  });

/** SysV objects, POSIX shared memory and POSIX queues of the host's own ipc namespace. */
export const ipcObjects = (): string[] => [
  ...['shm', 'sem', 'msg'].flatMap((kind) =>
    lines(`/proc/sysvipc/${kind}`)
      .slice(1)
      .map((line) => `sysv ${kind} ${line.trim().split(/\s+/).slice(0, 2).join(' ')}`),
  ),
  ...['/dev/shm', '/dev/mqueue'].flatMap((folder) =>
    existsSync(folder)
      ? readdirSync(folder)
          .map((name) => `${folder}/${name}`)
          .filter(couldBeOurs)
      : [],
  ),
];

/** What Nomad mounts for each task; its agents on this machine are none of ours, and tests with some look for themselves. */
const ofNomad = /\/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\/[^/]+\/(secrets|private)$/;

/** What buildah mounts while it builds: nothing that a service runs does. */
const ofBuilds = / on \/var\/lib\/containers\/storage\//;

/** Mount points of the host's own mount namespace. */
export const mountPoints = (): string[] =>
  lines('/proc/self/mountinfo')
    .map((line) => line.split(' ').slice(3, 5).join(' on '))
    .filter((mount) => !ofNomad.test(mount) && !ofBuilds.test(mount));

/** Other programs make and remove folders meanwhile: what is gone holds nothing. */
const filesBelow = (folder: string): string[] => {
  let entries: Dirent[];
  try {
    entries = readdirSync(folder, { withFileTypes: true });
  } catch {
    return [];
  }
  return entries.flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? filesBelow(path) : entry.isFile() ? [path] : [];
  });
};

/** Regular files below `folder` that hold `text`. Larger ones than 32 MiB are not what an execution leaves. */
export const filesHolding = (folder: string, text: string): string[] => {
  return filesBelow(folder).filter((path) => {
    try {
      return readFileSync(path).includes(text);
    } catch {
      return false;
    }
  });
};

export interface HostState {
  readonly ipc: ReadonlySet<string>;
  readonly mounts: ReadonlySet<string>;
  readonly orphans: ReadonlySet<number>;
  readonly cgroups: ReadonlySet<string>;
}

/** What is on the machine now; compare later with `leaksSince`. */
export const hostState = (): HostState => ({
  ipc: new Set(ipcObjects()),
  mounts: new Set(mountPoints()),
  orphans: new Set(orphanedSandboxProcesses().map(({ pid }) => pid)),
  cgroups: new Set(paddockCgroups()),
});

/**
 * One line for each thing that is there now and was not before.
 * @param places whose cgroups must all be gone, unless an executor of another service has taken one since
 */
export const leaksSince = (before: HostState, places: readonly string[] = []): string[] => [
  ...ipcObjects()
    .filter((name) => !before.ipc.has(name))
    .map((name) => `ipc object ${name}`),
  ...mountPoints()
    .filter((name) => !before.mounts.has(name))
    .map((name) => `mount ${name}`),
  ...orphanedSandboxProcesses()
    .filter(({ pid }) => !before.orphans.has(pid))
    .map((facts) => `orphaned process ${describeProcess(facts)}`),
  ...cgroupsOfPlaces(places.filter((place) => !heldPlaces().has(place)))
    .filter((path) => !before.cgroups.has(path))
    .map((path) => `cgroup ${path}`),
];

/** Live processes with `marker` in the environment they were started with. */
export const processesMarked = (marker: string): string[] =>
  listProcesses()
    .filter(({ pid, state }) => state !== 'Z' && lines(`/proc/${pid}/environ`).join('\n').includes(marker))
    .map(describeProcess);
