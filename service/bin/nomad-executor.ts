import { readFileSync } from 'node:fs';
import { flushCompileCache } from 'node:module';
import { pino } from 'pino';
import { systemClock } from '../cluster/clock.ts';
import { createTokenVerifier } from '../cluster/trust/executor-token.ts';
import type { Executor } from '../executor/agent.ts';
import { type Announcement, createAnnouncement } from '../executor/announcement.ts';
import { type ControlSocket, openControlSocket, underWay } from './control-socket.ts';
import { createExecutorProcess, thisMachine } from './executor-process.ts';
import {
  IDENTITY_VARIABLE,
  type NomadExecutorConfig,
  readNomadExecutorConfig,
} from './nomad-executor-config.ts';
import { createPostJson } from './post-json.ts';

/*
 * The process of an executor that is a task of Nomad; scripts/paddock-executor starts it. On SIGTERM it takes nothing
 * more, says so, finishes what runs and ends with 0. Its log is lines of JSON on standard output.
 *
 * When Nomad's agent on the node dies, its tasks go on, and this one serves on: the agent takes them up again when it
 * comes back. Where the allocation was replaced meanwhile, dispatchers no longer send anything here, and the agent ends
 * it. What the agent supervises a task with is its parent; should that die, nobody could end it any more, so it ends.
 */
const PARENT_EVERY_MS = 2_000;
/** Of the reasons not to start, the one that trying again does not mend. */
const BAD_CONFIGURATION = 2;

const log = pino({ level: 'info', base: { executor: process.env.NOMAD_ALLOC_ID } });
let announcement: Announcement | undefined;
let control: ControlSocket | undefined;

const own = createExecutorProcess(log, {
  async draining(executor) {
    const { running } = executor.status();
    log.info({ running }, `draining: ${underWay(running)}`);
    await announcement?.draining();
  },
  async drained() {
    await control?.close();
    log.info('ended');
  },
});

const announce = (config: NomadExecutorConfig): Announcement =>
  createAnnouncement({
    dispatchers: config.order.dispatchers,
    registration: {
      allocation: config.executor.id,
      pool: config.order.pool,
      url: config.url,
      node: config.executor.node,
    },
    authorization: `Bearer ${config.identity}`,
    post: createPostJson(config.tls),
    clock: systemClock,
    log,
  });

const openControl = (config: NomadExecutorConfig, executor: Executor): Promise<ControlSocket> =>
  openControlSocket(config.controlSocket, {
    status: () => executor.status(),
    running: () => executor.status().running,
    drain: () => own.end(config.drainMs),
  });

const watchParent = (end: () => void): void => {
  const parent = process.ppid;
  const look = (): void => {
    if (process.ppid === parent) systemClock.after(PARENT_EVERY_MS, look);
    else {
      log.warn('what supervised this task is gone');
      end();
    }
  };
  look();
};

const start = async (): Promise<void> => {
  const config = readNomadExecutorConfig(process.env, thisMachine(), (path) => readFileSync(path, 'utf8'));
  // Nothing that this process starts inherits it.
  delete process.env[IDENTITY_VARIABLE];
  const end = (): void => own.end(config.drainMs);
  process.on('SIGTERM', end);
  process.on('SIGINT', end);
  watchParent(end);
  const { keys } = config.order;
  const { verify } = createTokenVerifier(keys, config.executor.id, systemClock);
  const { executor } = await own.start(config.executor, { admits: verify, tls: config.tls }, config);
  announcement = announce(config);
  const readyMs = Math.round(process.uptime() * 1_000);
  log.info({ url: config.url, pool: config.order.pool, readyMs }, 'ready');
  void announcement.ready();
  control = await openControl(config, executor);
  // Node would do it at the end, and the next executor of this node starts sooner than this one ends.
  flushCompileCache();
};

try {
  await start();
} catch (error) {
  log.error({ err: error }, 'the executor could not start');
  process.exit(error instanceof Error && error.name === 'ConfigError' ? BAD_CONFIGURATION : 1);
}
