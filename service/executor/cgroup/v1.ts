import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { readKey, readNumber, removeFolder, removeTree, write } from './files.ts';
import type { Cgroup, CgroupDriver, CgroupEvents, CgroupLimits } from './port.ts';

export const v1Controllers = ['memory', 'pids', 'cpu', 'cpuacct'] as const;
export type V1Controller = (typeof v1Controllers)[number];

const PERIOD_US = 100_000;

const limitMemory = (folder: string, bytes: number): void => {
  const memory = `${folder}/memory.limit_in_bytes`;
  const withSwap = `${folder}/memory.memsw.limit_in_bytes`;
  if (!existsSync(withSwap)) {
    write(`${folder}/memory.swappiness`, 0);
    write(memory, bytes);
    return;
  }
  // The kernel keeps memory <= memory+swap at every moment, so the order depends on the direction.
  const raising = bytes > readNumber(memory);
  write(raising ? withSwap : memory, bytes);
  write(raising ? memory : withSwap, bytes);
};

type Folders = Readonly<Record<V1Controller, string>>;

/** Folders of one cgroup, and the limits they have. */
interface Group {
  readonly folders: Folders;
  readonly distinct: readonly string[];
  limits: CgroupLimits | undefined;
}

/** Pages of files that it was the first to read stay charged to it: more than this would count for the next program. */
const MOST_LEFT_BYTES = 512 * 1024;

const eventsOf = (folders: Folders): CgroupEvents => ({
  oomKills: readKey(`${folders.memory}/memory.oom_control`, 'oom_kill'),
  forksRefused: readKey(`${folders.pids}/pids.events`, 'max'),
});

const isQuiet = ({ folders }: Group): boolean => {
  // Cleared away under its owner: all that is read below would be 0.
  if (!existsSync(folders.memory)) return false;
  const { oomKills, forksRefused } = eventsOf(folders);
  return oomKills === 0 && forksRefused === 0 && readNumber(`${folders.pids}/pids.current`) === 0;
};

/** True where it could be made as new: making a memory cgroup takes the kernel a millisecond. */
const renew = ({ folders }: Group): boolean => {
  if (readNumber(`${folders.memory}/memory.usage_in_bytes`) > MOST_LEFT_BYTES) return false;
  write(`${folders.memory}/memory.max_usage_in_bytes`, 0);
  write(`${folders.cpuacct}/cpuacct.usage`, 0);
  return true;
};

const makeGroup = async (folders: Folders): Promise<Group> => {
  // cpu and cpuacct are often one mount: each folder is made, joined and removed once.
  const distinct = [...new Set(Object.values(folders))];
  // Not synchronously: the kernel takes up to a millisecond for a memory cgroup.
  for (const folder of distinct) await mkdir(folder, { recursive: true });
  return { folders, distinct, limits: undefined };
};

const sameLimits = (a: CgroupLimits, b: CgroupLimits): boolean =>
  a.memoryMb === b.memoryMb && a.processes === b.processes && a.cpus === b.cpus;

type CpuSetter = (folder: string, cpus: number) => void;

/** How many CPUs a group and those above it leave to what is in it; Infinity where nothing limits them. */
const cpusLeft = (folder: string): number => {
  // Above the mount there is no such file.
  if (!existsSync(`${folder}/cpu.cfs_quota_us`)) return Number.POSITIVE_INFINITY;
  const quota = readNumber(`${folder}/cpu.cfs_quota_us`);
  const own = quota > 0 ? quota / readNumber(`${folder}/cpu.cfs_period_us`) : Number.POSITIVE_INFINITY;
  return Math.min(own, cpusLeft(dirname(folder)));
};

/**
 * v1 refuses a group more than those above it have, as v2 does not: it gets what they have then.
 * @param above the group that all of ours are in, as a container's or a unit's is
 */
const cpuSetter = (above: string): CpuSetter => {
  let most = cpusLeft(above);
  const set: CpuSetter = (folder, cpus) => {
    const quota = Math.floor(Math.min(cpus, most) * PERIOD_US);
    write(`${folder}/cpu.cfs_quota_us`, Math.max(1_000, quota));
  };
  return (folder, cpus) => {
    try {
      set(folder, cpus);
    } catch (error) {
      // Somebody has changed it meanwhile, if this does not fail too.
      most = cpusLeft(above);
      if (!(most < cpus)) throw error;
      set(folder, cpus);
    }
  };
};

const cgroupOf = (group: Group, setCpus: CpuSetter, giveBack: (group: Group) => Promise<void>): Cgroup => {
  const { folders, distinct } = group;
  let removal: Promise<void> | undefined;
  return {
    joinFiles: distinct.map((folder) => `${folder}/cgroup.procs`),
    limit({ memoryMb, processes, cpus }: CgroupLimits) {
      if (group.limits && sameLimits(group.limits, { memoryMb, processes, cpus })) return;
      group.limits = undefined; // until all are set
      limitMemory(folders.memory, memoryMb * 1024 * 1024);
      write(`${folders.pids}/pids.max`, processes);
      setCpus(folders.cpu, cpus);
      group.limits = { memoryMb, processes, cpus };
    },
    usage: () => ({
      cpuNs: readNumber(`${folders.cpuacct}/cpuacct.usage`),
      memoryPeakBytes: readNumber(`${folders.memory}/memory.max_usage_in_bytes`),
    }),
    events: () => eventsOf(folders),
    remove() {
      // Once: kept twice, it would be two sandboxes' at the same time.
      removal ??= giveBack(group);
      return removal;
    },
  };
};

/** How many rest at least: the kernel frees some of what a sandbox used only after a while (its network namespace). */
const LEAST_RESTING = 8;
/** More than a burst needs would only be memory of the kernel's. */
const MOST_RESTING = 64;

/**
 * cgroup v1, alone or in a hybrid mount.
 * @param roots for each controller the folder of this executor; made where absent
 */
export const v1Driver = (roots: Folders): CgroupDriver => {
  const setCpus = cpuSetter(dirname(roots.cpu));
  const resting: Group[] = [];
  let made = 0;
  const removeGroup = async ({ distinct }: Group): Promise<void> => {
    for (const folder of distinct) await removeFolder(folder);
  };
  const giveBack = async (group: Group): Promise<void> => {
    // What was counted in it cannot be set back, and what still runs in it is waited for.
    if (resting.length >= MOST_RESTING || !isQuiet(group)) await removeGroup(group);
    else resting.push(group);
  };
  /** The one that has rested longest, where that has made it as new. */
  const rested = async (): Promise<Group | undefined> => {
    if (resting.length < LEAST_RESTING) return undefined;
    const group = resting.shift();
    if (!group || renew(group)) return group;
    await removeGroup(group);
    return undefined;
  };
  const fresh = (): Promise<Group> => {
    const name = `sandbox-${made++}`;
    return makeGroup({
      memory: `${roots.memory}/${name}`,
      pids: `${roots.pids}/${name}`,
      cpu: `${roots.cpu}/${name}`,
      cpuacct: `${roots.cpuacct}/${name}`,
    });
  };
  return {
    version: 'v1',
    roots: [...new Set(Object.values(roots))],
    create: async () => cgroupOf((await rested()) ?? (await fresh()), setCpus, giveBack),
    async clear() {
      resting.splice(0);
      for (const root of new Set(Object.values(roots))) await removeTree(root);
    },
  };
};
