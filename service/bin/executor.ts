import { pino } from 'pino';
import { admitsToken } from '../executor/static-token.ts';
import { readExecutorConfig } from './executor-config.ts';
import { createExecutorProcess, thisMachine } from './executor-process.ts';

/*
 * The process of an executor of the local cluster, which starts it with PADDOCK_* variables; over IPC it says
 * {type: 'ready', url} once, or {type: 'failed', message}. It drains on SIGTERM, and ends at once when its parent is gone.
 */
const DRAIN_MS = 30_000;
const log = pino({ level: 'info', base: { executor: process.env.PADDOCK_EXECUTOR_ID } });

const tell = (message: object): Promise<void> =>
  new Promise((resolve) => {
    if (process.send) process.send(message, () => resolve());
    else {
      process.stdout.write(`${JSON.stringify(message)}\n`);
      resolve();
    }
  });

const own = createExecutorProcess(log);
process.on('SIGTERM', () => own.end(DRAIN_MS));
process.on('SIGINT', () => own.end(DRAIN_MS));
process.on('disconnect', () => own.end(0));

try {
  const { executor, token } = readExecutorConfig(process.env, thisMachine());
  const host = '127.0.0.1';
  const { port } = await own.start(executor, { admits: admitsToken(token) }, { host, port: 0 });
  await tell({ type: 'ready', url: `http://${host}:${port}` });
} catch (error) {
  await tell({ type: 'failed', message: error instanceof Error ? error.message : String(error) });
  process.exit(1);
}
