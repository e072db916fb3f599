import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { isUsable } from '../../../service/dispatcher/member.ts';
import { openDispatcher } from './open-dispatcher.ts';

/*
 * A dispatcher that executors join from outside, all at once, as after its restart on a cluster. Told {urls} over IPC,
 * says {url, joinMs}.
 */
export interface FleetUrls {
  readonly urls: readonly string[];
}

export interface FleetJoined {
  readonly url: string;
  /** Until it knew all executors and what they serve. */
  readonly joinMs: number;
}

const [{ urls }]: [FleetUrls] = (await once(process, 'message')) as [FleetUrls];
const startedAt = performance.now();
const { core, url } = await openDispatcher(() => ({
  async start(listener) {
    urls.forEach((executor, number) => {
      const authorization = (): string => 'Bearer fake';
      listener.joined({ id: `fake-${number}`, url: executor, pool: 'default', authorization });
    });
  },
  async close() {},
}));
while (![...core.fleet.members()].every(isUsable)) await pause(5);
process.send?.({ url, joinMs: performance.now() - startedAt } satisfies FleetJoined);
