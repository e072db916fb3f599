import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { readKey, readNumber, removeFolder, removeTree, write } from './files.ts';
import type { Cgroup, CgroupDriver, CgroupLimits } from './port.ts';

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

const v1Cgroup = async (folders: Readonly<Record<V1Controller, string>>): Promise<Cgroup> => {
  // cpu and cpuacct are often one mount: each folder is made, joined and removed once.
  const distinct = [...new Set(Object.values(folders))];
  // Not synchronously: the kernel takes up to a millisecond for a memory cgroup.
  for (const folder of distinct) await mkdir(folder, { recursive: true });
  return {
    joinFiles: distinct.map((folder) => `${folder}/cgroup.procs`),
    limit({ memoryMb, processes, cpus }: CgroupLimits) {
      limitMemory(folders.memory, memoryMb * 1024 * 1024);
      write(`${folders.pids}/pids.max`, processes);
      write(`${folders.cpu}/cpu.cfs_quota_us`, Math.max(1_000, Math.round(cpus * PERIOD_US)));
    },
    usage: () => ({
      cpuNs: readNumber(`${folders.cpuacct}/cpuacct.usage`),
      memoryPeakBytes: readNumber(`${folders.memory}/memory.max_usage_in_bytes`),
    }),
    events: () => ({
      oomKills: readKey(`${folders.memory}/memory.oom_control`, 'oom_kill'),
      forksRefused: readKey(`${folders.pids}/pids.events`, 'max'),
    }),
    async remove() {
      for (const folder of distinct) await removeFolder(folder);
    },
  };
};

/**
 * cgroup v1, alone or in a hybrid mount.
 * @param roots for each controller the folder of this executor; made where absent
 */
export const v1Driver = (roots: Readonly<Record<V1Controller, string>>): CgroupDriver => ({
  version: 'v1',
  roots: [...new Set(Object.values(roots))],
  create: (name) =>
    v1Cgroup({
      memory: `${roots.memory}/${name}`,
      pids: `${roots.pids}/${name}`,
      cpu: `${roots.cpu}/${name}`,
      cpuacct: `${roots.cpuacct}/${name}`,
    }),
  async clear() {
    for (const root of new Set(Object.values(roots))) await removeTree(root);
  },
});
