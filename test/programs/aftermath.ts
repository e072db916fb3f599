import { readdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { executorsOf } from '../harness/client.ts';
import { cgroupsOf, filesHolding, type HostState, hostState, leaksSince } from '../harness/leaks.ts';
import {
  descendantsOf,
  describeProcess,
  isAlive,
  listProcesses,
  sandboxesAmong,
} from '../harness/processes.ts';
import type { Service } from '../harness/start-service.ts';
import { waitFor } from '../harness/wait-for.ts';
import { canaryFaults } from './canary.ts';
import type { Sentinels } from './sentinels.ts';

/** What must hold after each attack, whatever the program did. */
export interface Aftermath {
  /** @param marker a text that was part of the request: no file of the service may hold it any more */
  faults(marker: string): Promise<string[]>;
}

interface Counted {
  readonly sandboxes: number;
  readonly cgroups: number;
  readonly accounted: number;
  readonly running: number;
}

/** Parents of the sandboxes' cgroups: one a controller on v1, one on v2. */
const cgroupRoots = (service: Service): string[] => {
  const roots = new Set<string>();
  for (const processes of sandboxesAmong(descendantsOf(service.pid)).values()) {
    for (const { pid } of processes) for (const path of cgroupsOf(pid)) roots.add(dirname(path));
  }
  return [...roots];
};

const foldersIn = (path: string): number => {
  try {
    return readdirSync(path, { withFileTypes: true }).filter((entry) => entry.isDirectory()).length;
  } catch {
    return 0;
  }
};

const executorPids = (service: Service): number[] =>
  descendantsOf(service.pid)
    .filter(({ parent, name }) => parent === service.pid && /^(node|MainThread)/.test(name))
    .map(({ pid }) => pid);

export const watchAftermath = async (service: Service, sentinels: Sentinels): Promise<Aftermath> => {
  const before: HostState = hostState();
  const executors = executorPids(service);
  const roots = await waitFor(
    () => {
      const found = cgroupRoots(service);
      return found.length > 0 && found;
    },
    { what: 'a warm sandbox', timeoutMs: 20_000 },
  ).catch(() => [] as string[]);

  const count = async (): Promise<Counted> => {
    const statuses = await executorsOf(service.url);
    const warm = statuses.flatMap((status) => status.warm);
    return {
      running: statuses.reduce((sum, status) => sum + status.running, 0),
      accounted: warm.reduce((sum, { ready, creating }) => sum + ready + creating, 0),
      sandboxes: sandboxesAmong(descendantsOf(service.pid)).size,
      cgroups: Math.max(0, ...roots.map(foldersIn)),
    };
  };

  /** Every sandbox and cgroup on the machine must be one that the executor keeps warm: nothing of the attack is left. */
  const accounting = async (): Promise<string[]> => {
    let last: Counted | undefined;
    try {
      await waitFor(
        async () => {
          last = await count();
          return last.running === 0 && last.sandboxes === last.accounted && last.cgroups <= last.accounted;
        },
        { what: 'the accounts to agree', timeoutMs: 6_000, everyMs: 25 },
      );
      return [];
    } catch {
      const family = [...sandboxesAmong(descendantsOf(service.pid, listProcesses())).values()].flat();
      return [
        `left behind: ${JSON.stringify(last)}`,
        ...family.slice(0, 12).map((facts) => `  ${describeProcess(facts)}`),
      ];
    }
  };

  return {
    async faults(marker) {
      const faults = [...(await accounting()), ...(await canaryFaults(service.url)), ...sentinels.check()];
      faults.push(...leaksSince(before, { cgroups: false }));
      faults.push(
        ...filesHolding(service.stateDir, marker).map((path) => `${path} holds text of the request`),
      );
      for (const folder of ['/dev/shm', '/var/tmp']) {
        faults.push(...filesHolding(folder, marker).map((path) => `${path} holds text of the request`));
      }
      if (!isAlive(service.pid)) faults.push('the service is gone');
      if (executors.some((pid) => !isAlive(pid))) faults.push('an executor was restarted');
      return faults;
    },
  };
};
