import { executorsOf } from '../harness/client.ts';
import { descendantsOf, forkServersAmong, isAlive } from '../harness/processes.ts';
import type { Service } from '../harness/start-service.ts';

/** How sandboxes are made: see `sandboxes` in service/contracts/runtime.ts. */
export const ways = ['forked', 'single'] as const;
export type Way = (typeof ways)[number];

export const isWay = (text: string): text is Way => ways.some((way) => way === text);

/** For the service's environment. */
export const wayEnvironment = (way: Way): Record<string, string> => ({
  PADDOCK_FORK_SERVERS: way === 'forked' ? '1' : '0',
});

/** That the service makes its sandboxes this way and no other, and that no fork server comes to harm. */
export interface WayWatch {
  faults(): Promise<string[]>;
}

export const serversOf = (service: Service): number[] =>
  forkServersAmong(descendantsOf(service.pid)).map(({ pid }) => pid);

/** A suite forks less from each server than it is replaced after: until its end they are all there. */
export const watchWay = (service: Service, way: Way): WayWatch => {
  const known = new Set<number>();
  return {
    async faults() {
      let forked = 0;
      let fallbacks = 0;
      let created = 0;
      for (const { counters } of await executorsOf(service.url)) {
        forked += counters.sandboxesForked;
        fallbacks += counters.forkFallbacks;
        created += counters.sandboxesCreated;
      }
      if (way === 'single') return forked === 0 ? [] : [`${forked} of ${created} sandboxes were forked`];
      const gone = [...known].filter((pid) => !isAlive(pid));
      for (const pid of serversOf(service)) known.add(pid);
      for (const pid of gone) known.delete(pid);
      return [
        ...(forked > 0 && known.size > 0 ? [] : ['no sandbox was forked']),
        ...(fallbacks === 0 ? [] : [`${fallbacks} of ${created} sandboxes were not forked`]),
        ...gone.map((pid) => `fork server ${pid} is gone`),
      ];
    },
  };
};
