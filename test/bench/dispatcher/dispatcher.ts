import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { systemClock } from '../../../service/cluster/clock.ts';
import { createLocalCluster } from '../../../service/cluster/local.ts';
import { openDispatcher } from './open-dispatcher.ts';

/** A dispatcher with the production cluster, whose executors are fake ones. */
const EXECUTORS = 2;

const { url } = await openDispatcher((log) =>
  createLocalCluster({
    program: join(import.meta.dirname, 'fake-executor.ts'),
    count: EXECUTORS,
    pool: 'default',
    environment: {},
    clock: systemClock,
    randomBytes,
    log,
  }),
);
process.send?.({ url });
