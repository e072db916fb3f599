import { randomBytes, randomUUID } from 'node:crypto';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { readConfig } from '../../../service/bin/config.ts';
import { openLog } from '../../../service/bin/log.ts';
import { systemClock } from '../../../service/cluster/clock.ts';
import { createLocalCluster } from '../../../service/cluster/local.ts';
import { createApp } from '../../../service/dispatcher/app.ts';
import { createTokenStore } from '../../../service/dispatcher/tenants/token-store.ts';

/** The dispatcher as `paddock serve` makes it, with the production cluster, whose executors are fake ones. */
const EXECUTORS = 2;

const config = readConfig(process.env, { uid: process.getuid?.() ?? -1, home: homedir(), version: '0.0.0' });
const { log } = openLog(config.logLevel);
const tokens = createTokenStore({
  path: config.tokensFile,
  maxLimits: config.dispatcher.maxLimits,
  clock: systemClock,
  log,
});
const cluster = createLocalCluster({
  program: join(import.meta.dirname, 'fake-executor.ts'),
  count: EXECUTORS,
  pool: 'default',
  environment: {},
  clock: systemClock,
  randomBytes,
  log,
});
const dependencies = { cluster, tokens, clock: systemClock, random: Math.random, newId: randomUUID, log };
const { app, core } = await createApp(config.dispatcher, dependencies);
await core.start();
await core.fleet.ready();
const url = await app.listen({ host: '127.0.0.1', port: 0 });
process.send?.({ url });
process.once('disconnect', () => void app.close());
