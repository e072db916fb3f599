import { randomUUID } from 'node:crypto';
import { homedir } from 'node:os';
import { readConfig } from '../../../service/bin/config.ts';
import { openLog } from '../../../service/bin/log.ts';
import { systemClock } from '../../../service/cluster/clock.ts';
import type { Cluster } from '../../../service/cluster/port.ts';
import { type App, type AppDependencies, createApp } from '../../../service/dispatcher/app.ts';
import { createTokenStore } from '../../../service/dispatcher/tenants/token-store.ts';

export interface Opened extends App {
  readonly url: string;
}

/** The dispatcher as `paddock serve` makes it, on this cluster, whose executors are fake ones; resolves when one is ready. */
export const openDispatcher = async (
  clusterOf: (log: AppDependencies['log']) => Cluster,
): Promise<Opened> => {
  const uid = process.getuid?.() ?? -1;
  const config = readConfig(process.env, { uid, home: homedir(), version: '0.0.0' });
  const { log } = openLog(config.logLevel);
  const tokens = createTokenStore({
    path: config.tokensFile,
    maxLimits: config.dispatcher.maxLimits,
    clock: systemClock,
    log,
  });
  const cluster = clusterOf(log);
  const dependencies = { cluster, tokens, clock: systemClock, random: Math.random, newId: randomUUID, log };
  const opened = await createApp(config.dispatcher, dependencies);
  await opened.core.start();
  await opened.core.fleet.ready();
  const url = await opened.app.listen({ host: '127.0.0.1', port: 0 });
  process.once('disconnect', () => void opened.app.close());
  return { ...opened, url };
};
