import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../cluster/clock.ts';
import { type App, createApp } from '../dispatcher/app.ts';
import { createTokenStore, type TokenStore } from '../dispatcher/tenants/token-store.ts';
import { ConfigError, type Environment, readConfig, type ServiceConfig } from './config.ts';
import { openLog } from './log.ts';
import { openCluster, readTls } from './open-cluster.ts';

const projectRoot = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const LAST_ANSWERS_MS = 1_000;

export interface ServeHooks {
  /** Called once, when the service takes executions. */
  readonly onReady?: (url: string) => Promise<void> | void;
}

/** A reason not to start, for people. */
class StartError extends Error {
  override readonly name = 'StartError';
}

/**
 * Runs the service with executors on this machine until SIGINT or SIGTERM. Resolves with the exit code: 0 after an
 * orderly end, 1 where it could not start, 2 where the configuration is not valid.
 */
export const serve = async (env: Environment, hooks: ServeHooks = {}): Promise<number> => {
  try {
    const machine = { uid: process.getuid?.() ?? -1, home: env.HOME || homedir(), version: readVersion() };
    return await run(readConfig(env, machine), hooks);
  } catch (error) {
    if (error instanceof ConfigError) return complain(error.message, 2);
    return complain(error instanceof Error ? error.message : String(error), 1);
  }
};

const complain = (message: string, code: number): number => {
  process.stderr.write(`paddock: ${message}\n`);
  return code;
};

const run = async (config: ServiceConfig, hooks: ServeHooks): Promise<number> => {
  const isForPeople = process.stderr.isTTY === true;
  // Log lines between what a person reads would bury it: there, only what needs attention is logged.
  const { log, flush } = openLog(isForPeople && config.logLevel === 'info' ? 'warn' : config.logLevel);
  // However it ends, a crash included.
  process.once('exit', flush);
  for (const name of config.unknown)
    log.warn({ variable: name }, 'an unknown PADDOCK_ variable has no effect');
  const tokens = createTokenStore({
    path: config.tokensFile,
    maxLimits: config.dispatcher.maxLimits,
    clock: systemClock,
    log,
  });
  requireTokens(config, tokens);
  const tls = readTls(config.tls);
  const cluster = await openCluster(config, tls, projectRoot, log);
  const dependencies = {
    cluster,
    tokens,
    clock: systemClock,
    random: Math.random,
    newId: randomUUID,
    log,
    tls,
  };
  const application = await createApp(config.dispatcher, dependencies);
  return untilSignal(application, config, async () => {
    const url = await listen(application, config);
    log.info({ url }, 'ready');
    if (isForPeople) process.stderr.write(`Paddock is ready at ${url} (reference: ${url}/docs)\n`);
    await hooks.onReady?.(url);
  });
};

const requireTokens = (config: ServiceConfig, tokens: TokenStore): void => {
  if (config.dispatcher.loopback || tokens.required()) return;
  throw new StartError(
    `${config.host} can be reached by others, and there is no service token in ${config.tokensFile}.\n` +
      // Set where it runs as a Nomad job, which has its tokens from a variable.
      (config.nomad?.name
        ? `Make one with: paddock token create NAME --tokens-file tokens.json\nand give it to the job: nomad var put ${config.nomad.prefix}/tokens tokens=@tokens.json`
        : 'Make one with: paddock token create NAME\nor bind to this machine only: PADDOCK_HOST=127.0.0.1'),
  );
};

/**
 * The port opens only when something can be run. On a cluster it opens as soon as the executors that are there are
 * known: new ones come in through it.
 */
const listen = async ({ app, core }: App, config: ServiceConfig): Promise<string> => {
  await core.start();
  if (!config.nomad) await core.fleet.ready();
  await app.listen({ host: config.host, port: config.port });
  const address = app.server.address();
  const port = typeof address === 'object' && address ? address.port : config.port;
  return `${config.tls ? 'https' : 'http'}://${config.host.includes(':') ? `[${config.host}]` : config.host}:${port}`;
};

/**
 * Starts, waits for a signal, then takes nothing more, settles what was accepted and closes. A second signal does not
 * wait for executions.
 */
const untilSignal = async (
  { app, core }: App,
  config: ServiceConfig,
  start: () => Promise<void>,
): Promise<number> => {
  const first = Promise.withResolvers<'signal'>();
  const second = Promise.withResolvers<void>();
  let signals = 0;
  const onSignal = (): void => {
    signals++;
    if (signals === 1) first.resolve('signal');
    else second.resolve();
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  // A start that waits for a cluster waits on timers of the clock, which keep no process alive.
  const alive = setInterval(() => {}, 60_000);
  try {
    const started = start();
    // A signal during the start ends it; its failure then is no news.
    started.catch(() => {});
    await Promise.race([first.promise, started]);
    await first.promise;
    const running = core.running();
    if (running > 0) {
      const under = running === 1 ? '1 execution is' : `${running} executions are`;
      process.stderr.write(`paddock: ending; ${under} under way; Ctrl-C again to end now\n`);
    }
    await Promise.race([core.drain(config.graceMs), second.promise]);
    return 0;
  } finally {
    // Answers get this long to leave. A connection that never asked anything counts as busy and would hold the end up.
    const last = setTimeout(() => app.server.closeAllConnections(), LAST_ANSWERS_MS);
    await app.close();
    clearTimeout(last);
    clearInterval(alive);
    process.off('SIGINT', onSignal);
    process.off('SIGTERM', onSignal);
  }
};

const readVersion = (): string => {
  const manifest: unknown = JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8'));
  return typeof manifest === 'object' && manifest !== null && 'version' in manifest
    ? String(manifest.version)
    : '0';
};

if (import.meta.main) process.exitCode = await serve(process.env);
