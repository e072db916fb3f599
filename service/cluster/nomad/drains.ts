import type { Clock } from '../clock.ts';
import type { PoolEngine } from '../port.ts';
import type { NomadNodes } from './api/port.ts';
import { every } from './every.ts';
import type { View } from './view.ts';

const LOOK_MS = 2_000;
const TROUBLED_MS = 30_000;

export interface DrainsOptions {
  readonly nodes: NomadNodes;
  readonly view: View;
  readonly engine: PoolEngine;
  readonly clock: Clock;
  readonly log: { info(fields: object, message: string): void; warn(fields: object, message: string): void };
}

/**
 * Ends executors on nodes that are being drained, once what they run has ended. Nomad leaves batch jobs where they are
 * until the drain's deadline, and then ends them in the middle of what they do.
 */
export const followDrains = ({ nodes, view, engine, clock, log }: DrainsOptions): { stop(): void } => {
  let troubled = false;
  return every(clock, async () => {
    if (!engine.leads()) return LOOK_MS;
    try {
      const draining = await nodes.draining();
      const ids = draining.length === 0 ? [] : view.onNodes(new Set(draining.map(({ ID }) => ID)));
      if (ids.length > 0) {
        const names = draining.map(({ Name }) => Name);
        log.info({ nodes: names, executors: ids }, 'nodes are being drained: their executors end');
        await engine.retire(ids);
      }
      troubled = false;
      return LOOK_MS;
    } catch (error) {
      if (!troubled) log.warn({ err: error }, 'nodes that are being drained cannot be learned of');
      troubled = true;
      return TROUBLED_MS;
    }
  });
};
