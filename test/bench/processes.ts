import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import { descendantsOf, readQuietly } from '../harness/processes.ts';

/** The kernel's unit in /proc/PID/stat: USER_HZ, 100 on every Linux that Node runs on. */
const MS_PER_TICK = 10;

export interface CpuUse {
  /** Of the process itself, in ms. */
  readonly own: number;
  /** Of all its children that have ended and been waited for, and theirs, in ms. */
  readonly children: number;
}

export const cpuOf = (pid: number | 'self'): CpuUse => {
  // The second field is the name in parentheses, which may hold anything.
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = text
    .slice(text.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number);
  const ticks = (...at: number[]): number => at.reduce((total, index) => total + (fields[index] ?? 0), 0);
  return { own: ticks(11, 12) * MS_PER_TICK, children: ticks(13, 14) * MS_PER_TICK };
};

/** How long the first thread of a process was ready to run and had no core, in ms. undefined where the kernel does not count it. */
export const coreWaitOf = (pid: number): number | undefined => {
  // https://docs.kernel.org/scheduler/sched-stats.html: time on a core, time waiting for one (ns), and how often.
  const [, waited] = readQuietly(`/proc/${pid}/schedstat`).split(' ').map(Number);
  return waited === undefined ? undefined : waited / 1e6;
};

/** kthreadd, the parent of every thread of the kernel's own. */
const KERNEL = 2;

/** CPU time of the kernel's own threads, in ms: what it does later, and for nobody in particular. */
export const kernelCpu = (): number =>
  descendantsOf(KERNEL)
    .map(({ pid }) => {
      try {
        return cpuOf(pid).own;
      } catch {
        return 0; // ended since the list was made
      }
    })
    .reduce((total, ms) => total + ms, 0);

/** CPU time that all of the machine spent on anything, in ms. */
export const machineCpu = (): number => {
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = (
    readFileSync('/proc/stat', 'utf8').split('\n')[0] ?? ''
  )
    .split(/\s+/)
    .slice(1)
    .map(Number);
  return (user + nice + system + irq + softirq) * MS_PER_TICK;
};

/** How much of the machine is busy in the next `ms`, from 0 to 1: what others do, when we do nothing. */
export const busyShare = async (ms: number): Promise<number> => {
  const [before, started] = [machineCpu(), performance.now()];
  await pause(ms);
  return (machineCpu() - before) / ((performance.now() - started) * availableParallelism());
};

export interface MemoryUse {
  /** Resident, pages shared with others counted in full, in MB. */
  readonly rss: number;
  /** Private pages and a fair share of the shared ones, in MB. */
  readonly pss: number;
}

const MB_PER_KB = 1_024 / 1e6;

export const memoryOf = (pid: number): MemoryUse => {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  const field = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? 0);
  return { rss: field('Rss') * MB_PER_KB, pss: field('Pss') * MB_PER_KB };
};

export interface CgroupFolder {
  readonly version: 'v1' | 'v2';
  readonly folder: string;
}

/** The cgroup of a process that accounts memory or CPU time; undefined where the process or the cgroup is not there. */
export const cgroupOf = (pid: number, controller: 'memory' | 'cpuacct'): CgroupFolder | undefined => {
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
  const own = readQuietly(`/proc/${pid}/cgroup`).split('\n');
  const pathOf = (pattern: RegExp): string | undefined =>
    own.map((line) => pattern.exec(line)?.[1]).find((path) => path !== undefined);
  const find = (version: 'v1' | 'v2', mount: RegExp, pattern: RegExp): CgroupFolder | undefined => {
    const [at, path] = [mounts.find((line) => mount.test(line))?.split(' ')[4], pathOf(pattern)];
    return at === undefined || path === undefined ? undefined : { version, folder: `${at}${path}` };
  };
  const v1 = find(
    'v1',
    new RegExp(`- cgroup \\S+ \\S*\\b${controller}\\b`),
    new RegExp(`^\\d+:(?:[^:]*,)?${controller}(?:,[^:]*)?:(.*)$`),
  );
  return v1 ?? find('v2', / - cgroup2 /, /^0::(.*)$/);
};

/** CPU time of all that ever was in a cgroup or below it, in ms. */
export const cgroupCpu = ({ version, folder }: CgroupFolder): number =>
  version === 'v1'
    ? Number(readFileSync(`${folder}/cpuacct.usage`, 'utf8')) / 1e6
    : Number(/^usage_usec (\d+)/m.exec(readFileSync(`${folder}/cpu.stat`, 'utf8'))?.[1]) / 1e3;

/** All memory that a cgroup and those below it are charged with, in MB: pages, the kernel's own, and cached files. */
export const cgroupMemory = ({ version, folder }: CgroupFolder): number =>
  Number(readFileSync(`${folder}/${version === 'v1' ? 'memory.usage_in_bytes' : 'memory.current'}`, 'utf8')) /
  1e6;

/** The cgroup that holds the cgroups of all sandboxes of an executor, by one of its descendants. */
export const sandboxesCgroup = (
  executor: number,
  controller: 'memory' | 'cpuacct',
): CgroupFolder | undefined => {
  for (const { pid } of descendantsOf(executor)) {
    const found = cgroupOf(pid, controller);
    const root = found && /^.*\/paddock-place-\d+(?=\/)/.exec(found.folder)?.[0];
    if (found && root !== undefined) return { ...found, folder: root };
  }
  return undefined;
};

/** Children of this process whose command line ends so. */
export const childrenRunning = (command: string): number[] =>
  descendantsOf(process.pid)
    .filter((facts) => facts.parent === process.pid && facts.command.endsWith(command))
    .map(({ pid }) => pid);
