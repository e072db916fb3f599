import { executorsOf } from '../harness/client.ts';
import {
  type CgroupCount,
  cgroupCounts,
  filesHolding,
  type HostState,
  hostState,
  leaksSince,
} from '../harness/leaks.ts';
import { descendantsOf, describeProcess, isAlive, isWaiting, sandboxesAmong } from '../harness/processes.ts';
import type { Service } from '../harness/start-service.ts';
import { waitFor } from '../harness/wait-for.ts';
import { canaryFaults } from './canary.ts';
import type { Sentinels } from './sentinels.ts';
import { type Way, watchWay } from './way.ts';

/** What must hold after each attack, whatever the program did. */
export interface Aftermath {
  /** @param marker a text that was part of the request: no file of the service may hold it any more */
  faults(marker: string): Promise<string[]>;
}

interface Counted {
  readonly running: number;
  readonly sandboxes: number;
  readonly used: number;
  /** In each hierarchy. */
  readonly cgroups: readonly CgroupCount[];
}

/** An executor keeps so many for its next sandboxes. */
const MOST_EMPTY_CGROUPS = 64;

const executorPids = (service: Service): number[] =>
  descendantsOf(service.pid)
    .filter(({ parent, name }) => parent === service.pid && /^(node|MainThread)/.test(name))
    .map(({ pid }) => pid);

export const watchAftermath = async (
  service: Service,
  sentinels: Sentinels,
  way: Way,
): Promise<Aftermath> => {
  const before: HostState = hostState();
  const executors = executorPids(service);
  const wayWatch = watchWay(service, way);

  const count = async (): Promise<Counted> => {
    const running = (await executorsOf(service.url)).reduce((sum, status) => sum + status.running, 0);
    const sandboxes = [...sandboxesAmong(descendantsOf(service.pid)).values()];
    return {
      running,
      sandboxes: sandboxes.length,
      used: sandboxes.filter((sandbox) => !isWaiting(sandbox)).length,
      cgroups: cgroupCounts(service.pid),
    };
  };

  /**
   * Every sandbox must be one that waits, and no cgroup may hold anything but one sandbox (or fork server) each: then
   * nothing of the attack is left.
   */
  const accounting = async (): Promise<string[]> => {
    let last: Counted | undefined;
    try {
      await waitFor(
        async () => {
          last = await count();
          const { running, used, sandboxes, cgroups } = last;
          return (
            running === 0 &&
            used === 0 &&
            cgroups.every(({ inhabited, empty }) => inhabited === sandboxes && empty <= MOST_EMPTY_CGROUPS)
          );
        },
        { what: 'the accounts to agree', timeoutMs: 6_000, everyMs: 25 },
      );
      return [];
    } catch {
      const family = [...sandboxesAmong(descendantsOf(service.pid)).values()]
        .filter((sandbox) => !isWaiting(sandbox))
        .flat();
      return [
        `left behind: ${JSON.stringify(last)}`,
        ...family.slice(0, 12).map((facts) => `  ${describeProcess(facts)}`),
      ];
    }
  };

  return {
    async faults(marker) {
      const faults = [...(await accounting()), ...(await canaryFaults(service.url)), ...sentinels.check()];
      faults.push(...(await wayWatch.faults()), ...leaksSince(before));
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
