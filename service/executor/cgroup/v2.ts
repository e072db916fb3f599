import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { readKey, readNumber, removeFolder, removeTree, write } from './files.ts';
import type { Cgroup, CgroupDriver, CgroupLimits } from './port.ts';

export const v2Controllers = ['memory', 'pids', 'cpu'] as const;

const PERIOD_US = 100_000;

const v2Cgroup = async (folder: string): Promise<Cgroup> => {
  await mkdir(folder, { recursive: true });
  return {
    joinFiles: [`${folder}/cgroup.procs`],
    limit({ memoryMb, processes, cpus }: CgroupLimits) {
      write(`${folder}/memory.max`, memoryMb * 1024 * 1024);
      // Absent where the kernel does no swap accounting; detect.ts reports that.
      if (existsSync(`${folder}/memory.swap.max`)) write(`${folder}/memory.swap.max`, 0);
      write(`${folder}/pids.max`, processes);
      write(`${folder}/cpu.max`, `${Math.max(1_000, Math.round(cpus * PERIOD_US))} ${PERIOD_US}`);
    },
    usage: () => ({
      cpuNs: readKey(`${folder}/cpu.stat`, 'usage_usec') * 1_000,
      // memory.peak came with Linux 5.19; before that the present use is the best there is.
      memoryPeakBytes: readNumber(`${folder}/memory.peak`) || readNumber(`${folder}/memory.current`),
    }),
    events: () => ({
      oomKills: readKey(`${folder}/memory.events`, 'oom_kill'),
      forksRefused: readKey(`${folder}/pids.events`, 'max'),
    }),
    remove: () => removeFolder(folder),
  };
};

/**
 * cgroup v2.
 * @param root this executor's own folder
 * @param prepare makes the folder, its controllers handed down to its children. A folder that was cleared away comes back
 *   without them, so it is called again then
 */
export const v2Driver = (root: string, prepare: () => void): CgroupDriver => {
  let made = 0;
  let isPrepared = false;
  return {
    version: 'v2',
    roots: [root],
    async create() {
      if (!isPrepared) prepare();
      isPrepared = true;
      return await v2Cgroup(`${root}/sandbox-${made++}`);
    },
    async clear() {
      isPrepared = false;
      await removeTree(root);
    },
  };
};
