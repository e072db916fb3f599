import { accessSync, constants, mkdirSync } from 'node:fs';
import { readText, write } from './files.ts';
import type { CgroupDriver } from './port.ts';
import { type V1Controller, v1Controllers, v1Driver } from './v1.ts';
import { v2Controllers, v2Driver } from './v2.ts';

export interface CgroupMounts {
  /** Mount point of each v1 controller. */
  readonly v1: Readonly<Partial<Record<string, string>>>;
  /** Mount point of the v2 hierarchy, hybrid mounts included. */
  readonly v2?: string;
}

/** Reads /proc/self/mountinfo's text; the mount point is field 5, the type and the super options follow " - ". */
export const parseMounts = (mountinfo: string): CgroupMounts => {
  const v1: Record<string, string> = {};
  let v2: string | undefined;
  for (const line of mountinfo.split('\n')) {
    const [left, right] = line.split(' - ');
    const mountPoint = left?.split(' ')[4];
    const [type, , options] = right?.split(' ') ?? [];
    if (mountPoint === undefined) continue;
    if (type === 'cgroup2') v2 ??= mountPoint;
    if (type === 'cgroup') for (const name of options?.split(',') ?? []) v1[name] ??= mountPoint;
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

/**
 * v2 lets a group have either processes or children with controllers, so the executor moves itself into a leaf first.
 * The root group is the exception: it may have both.
 */
const delegate = (own: string, isRoot: boolean): string | undefined => {
  const offered = readText(`${own}/cgroup.controllers`)?.trim().split(/\s+/) ?? [];
  const missing = v2Controllers.filter((name) => !offered.includes(name));
  if (missing.length > 0) return `the controllers ${missing.join(', ')} are not handed down to ${own}`;
  if (!isRoot) {
    mkdirSync(`${own}/paddock-executor`, { recursive: true });
    write(`${own}/paddock-executor/cgroup.procs`, process.pid);
  }
  write(`${own}/cgroup.subtree_control`, v2Controllers.map((name) => `+${name}`).join(' '));
  return undefined;
};

const tryV2 = (mount: string, own: string, name: string): CgroupFinding => {
  const folder = `${mount}${own}`;
  if (!writable(folder))
    return { driver: undefined, reason: `the cgroup ${folder} is not delegated to this user` };
  try {
    const problem = delegate(folder, own === '');
    if (problem !== undefined) return { driver: undefined, reason: problem };
    const root = `${folder}/paddock-${name}`;
    mkdirSync(root, { recursive: true });
    write(`${root}/cgroup.subtree_control`, v2Controllers.map((controller) => `+${controller}`).join(' '));
    return { driver: v2Driver(root), weaker: [] };
  } catch (error) {
    return {
      driver: undefined,
      reason: `the cgroup ${folder} cannot be divided: ${(error as Error).message}`,
    };
  }
};

const swapWeakness = (memoryMount: string): string[] =>
  readText(`${memoryMount}/memory.memsw.limit_in_bytes`) === undefined &&
  (readText('/proc/swaps')?.trim().split('\n').length ?? 1) > 1
    ? ['swap: the kernel does not account it (boot with swapaccount=1, or switch swap off)']
    : [];

/**
 * Finds the way to limit sandboxes on this machine: v2 where it has the controllers, otherwise v1 (also hybrid).
 * @param name of this executor's folder, unique on the machine
 * @param read reads a file's text; injected so that other machines' layouts can be tried
 */
export const detectCgroup = (
  name: string,
  read: (path: string) => string | undefined = readText,
): CgroupFinding => {
  const mounts = parseMounts(read('/proc/self/mountinfo') ?? '');
  const own = parseOwnPaths(read('/proc/self/cgroup') ?? '');
  const missing = v1Controllers.filter((controller) => mounts.v1[controller] === undefined);
  if (missing.length < v1Controllers.length && missing.length > 0 && mounts.v2 === undefined) {
    return { driver: undefined, reason: `the v1 controllers ${missing.join(', ')} are not mounted` };
  }
  if (missing.length === 0) {
    const folder = (controller: V1Controller): string => `${mounts.v1[controller]}${own[controller] ?? ''}`;
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
      weaker: swapWeakness(mounts.v1.memory ?? ''),
    };
  }
  if (mounts.v2 === undefined) return { driver: undefined, reason: 'no cgroup file system is mounted' };
  return tryV2(mounts.v2, own[''] ?? '', name);
};
