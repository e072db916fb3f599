import { accessSync, constants, mkdirSync } from 'node:fs';
import { readText, write } from './files.ts';
import type { CgroupDriver } from './port.ts';
import { type V1Controller, v1Controllers, v1Driver } from './v1.ts';
import { v2Controllers, v2Driver } from './v2.ts';

export interface CgroupMount {
  readonly point: string;
  /** The group that is mounted: in a container often not the root, while /proc/self/cgroup counts from the root. */
  readonly root: string;
}

export interface CgroupMounts {
  readonly v1: Readonly<Partial<Record<string, CgroupMount>>>;
  /** The v2 hierarchy, hybrid mounts included. */
  readonly v2?: CgroupMount;
}

/** Reads /proc/self/mountinfo's text; root and mount point are fields 4 and 5, type and options follow " - ". */
export const parseMounts = (mountinfo: string): CgroupMounts => {
  const v1: Record<string, CgroupMount> = {};
  let v2: CgroupMount | undefined;
  for (const line of mountinfo.split('\n')) {
    const [left, right] = line.split(' - ');
    const [, , , root, point] = left?.split(' ') ?? [];
    const [type, , options] = right?.split(' ') ?? [];
    if (root === undefined || point === undefined) continue;
    const mount = { point, root: root === '/' ? '' : root };
    if (type === 'cgroup2') v2 ??= mount;
    if (type === 'cgroup') for (const name of options?.split(',') ?? []) v1[name] ??= mount;
  }
  return { v1, v2 };
};

/** Reads /proc/self/cgroup's text: the own path of each v1 controller, and of v2 under the empty name. */
export const parseOwnPaths = (text: string): Readonly<Partial<Record<string, string>>> => {
  const paths: Record<string, string> = {};
  for (const line of text.split('\n')) {
    const match = /^\d+:([^:]*):(.*)$/.exec(line);
    if (match)
      for (const name of (match[1] ?? '').split(',')) paths[name] = match[2] === '/' ? '' : (match[2] ?? '');
  }
  return paths;
};

export type CgroupFinding =
  | { readonly driver: CgroupDriver; readonly weaker: readonly string[] }
  | { readonly driver: undefined; readonly reason: string };

const writable = (path: string): boolean => {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
};

/** Where a process's own group is in the file system. */
export const folderOf = (mount: CgroupMount, own: string): string =>
  `${mount.point}${own === mount.root || own.startsWith(`${mount.root}/`) ? own.slice(mount.root.length) : own}`;

const enable = (folder: string): void => {
  const offered = readText(`${folder}/cgroup.controllers`)?.trim().split(/\s+/) ?? [];
  const missing = v2Controllers.filter((name) => !offered.includes(name));
  if (missing.length > 0)
    throw new Error(`the controllers ${missing.join(', ')} are not handed down to ${folder}`);
  write(`${folder}/cgroup.subtree_control`, v2Controllers.map((name) => `+${name}`).join(' '));
};

/**
 * v2 lets a group have either processes or children with controllers, the root of all excepted. So the processes of
 * our own group, when all of them are ours, move into a leaf of it.
 */
const moveToLeaf = (folder: string, pids: readonly string[]): void => {
  const leaf = `${folder}/paddock-executor`;
  mkdirSync(leaf, { recursive: true });
  for (const pid of pids) {
    try {
      write(`${leaf}/cgroup.procs`, pid);
    } catch (error) {
      // It ended since the list was read.
      if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
    }
  }
};

const v2Root = (folder: string, name: string): CgroupFinding => {
  enable(folder);
  const root = `${folder}/paddock-${name}`;
  const prepare = (): void => {
    mkdirSync(root, { recursive: true });
    enable(root);
  };
  // Tried at once: where it fails, the next place is looked at.
  prepare();
  return { driver: v2Driver(root, prepare), weaker: [] };
};

/**
 * Where sandboxes' groups can be, the best first: below our own group where this process is alone in it (a Nomad task,
 * a service), at the top of the hierarchy (root only; other processes stay where they are), and below our own group
 * with all its processes moved (a delegated scope that was made for us).
 */
const tryV2 = (mount: CgroupMount, own: string, name: string, isRoot: boolean): CgroupFinding => {
  const folder = folderOf(mount, own);
  const pids = (readText(`${folder}/cgroup.procs`) ?? '').split('\n').filter((pid) => pid !== '');
  const below = (): CgroupFinding => {
    if (!writable(folder)) throw new Error(`the cgroup ${folder} is not delegated to this user`);
    moveToLeaf(folder, pids);
    return v2Root(folder, name);
  };
  const atTop = (): CgroupFinding => v2Root(mount.point, name);
  const alone = pids.every((pid) => pid === String(process.pid));
  const ways = [...(alone && folder !== mount.point ? [below] : []), ...(isRoot ? [atTop] : []), below];
  const reasons = new Set<string>();
  for (const way of ways) {
    try {
      return way();
    } catch (error) {
      reasons.add((error as Error).message);
    }
  }
  return { driver: undefined, reason: [...reasons].join('; ') };
};

const swapWeakness = (memoryFolder: string): string[] =>
  readText(`${memoryFolder}/memory.memsw.limit_in_bytes`) === undefined &&
  (readText('/proc/swaps')?.trim().split('\n').length ?? 1) > 1
    ? ['swap: the kernel does not account it (boot with swapaccount=1, or switch swap off)']
    : [];

/**
 * Finds the way to limit sandboxes on this machine: v2 where it has the controllers, otherwise v1 (also hybrid).
 * @param name of this executor's folder, unique on the machine
 * @param isRoot whether this process may make groups at the top of the v2 hierarchy
 * @param read reads a file's text; injected so that other machines' layouts can be tried
 */
export const detectCgroup = (
  name: string,
  read: (path: string) => string | undefined = readText,
  isRoot: boolean = process.getuid?.() === 0,
): CgroupFinding => {
  const mounts = parseMounts(read('/proc/self/mountinfo') ?? '');
  const own = parseOwnPaths(read('/proc/self/cgroup') ?? '');
  const missing = v1Controllers.filter((controller) => mounts.v1[controller] === undefined);
  if (missing.length < v1Controllers.length && missing.length > 0 && mounts.v2 === undefined) {
    return { driver: undefined, reason: `the v1 controllers ${missing.join(', ')} are not mounted` };
  }
  if (missing.length === 0) {
    const folder = (controller: V1Controller): string =>
      folderOf(mounts.v1[controller] ?? { point: '', root: '' }, own[controller] ?? '');
    const readOnly = v1Controllers.filter((controller) => !writable(folder(controller)));
    if (readOnly.length > 0) {
      return {
        driver: undefined,
        reason: `the v1 controllers ${readOnly.join(', ')} are not writable for this user`,
      };
    }
    const root = (controller: V1Controller): string => `${folder(controller)}/paddock-${name}`;
    return {
      driver: v1Driver({
        memory: root('memory'),
        pids: root('pids'),
        cpu: root('cpu'),
        cpuacct: root('cpuacct'),
      }),
      weaker: swapWeakness(folder('memory')),
    };
  }
  if (mounts.v2 === undefined) return { driver: undefined, reason: 'no cgroup file system is mounted' };
  return tryV2(mounts.v2, own[''] ?? '', name, isRoot);
};
