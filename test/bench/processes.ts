import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import { descendantsOf } from '../harness/processes.ts';

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

/** Folders of cgroups with a controller for memory, as the given process is in one. */
export const memoryCgroupOf = (pid: number): { usageFile: string; procsFile: string } | undefined => {
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
  const own = readFileSync(`/proc/${pid}/cgroup`, 'utf8').split('\n');
  const pathOf = (pattern: RegExp): string | undefined =>
    own.map((line) => pattern.exec(line)?.[1]).find((path) => path !== undefined);
  const v1Mount = mounts.find((line) => /- cgroup \S+ \S*\bmemory\b/.test(line))?.split(' ')[4];
  const v1Path = pathOf(/^\d+:(?:[^:]*,)?memory(?:,[^:]*)?:(.*)$/);
  if (v1Mount && v1Path !== undefined) {
    const folder = `${v1Mount}${v1Path}`;
    return { usageFile: `${folder}/memory.usage_in_bytes`, procsFile: `${folder}/cgroup.procs` };
  }
  const v2Mount = mounts.find((line) => line.includes(' - cgroup2 '))?.split(' ')[4];
  const v2Path = pathOf(/^0::(.*)$/);
  if (!v2Mount || v2Path === undefined) return undefined;
  const folder = `${v2Mount}${v2Path}`;
  return { usageFile: `${folder}/memory.current`, procsFile: `${folder}/cgroup.procs` };
};

/** Descendants of a process whose command line is exactly this. */
export const descendantsRunning = (root: number, command: string): number[] =>
  descendantsOf(root)
    .filter((facts) => facts.command === command)
    .map(({ pid }) => pid);
