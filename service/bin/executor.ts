import { availableParallelism, homedir, hostname } from 'node:os';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import { createExecutor, type Executor } from '../executor/agent.ts';
import { machineMemoryMb } from '../executor/isolation.ts';
import { readExecutorConfig } from './executor-config.ts';

/*
 * The executor's process. A cluster starts it with PADDOCK_* variables; over IPC it says {type: 'ready', url} once, or
 * {type: 'failed', message}. It drains on SIGTERM, and ends at once when its parent is gone.
 */
const DRAIN_MS = 30_000;
const log = pino({ level: 'info', base: { executor: process.env.PADDOCK_EXECUTOR_ID } });

const listen = (executor: Executor): Promise<string> =>
  new Promise((resolve, reject) => {
    const { server } = executor;
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      if (address === null || typeof address === 'string') reject(new Error('the server has no port'));
      else resolve(`http://127.0.0.1:${address.port}`);
    });
  });

const tell = (message: object): Promise<void> =>
  new Promise((resolve) => {
    if (process.send) process.send(message, () => resolve());
    else {
      process.stdout.write(`${JSON.stringify(message)}\n`);
      resolve();
    }
  });

let executor: Executor | undefined;
/** Asked to end while it was still starting: what it has made by then needs an orderly end too. */
let endAfterStart: number | undefined;
let ending = false;
const end = async (drainMs: number): Promise<void> => {
  if (!executor) {
    endAfterStart ??= drainMs;
    return;
  }
  if (ending) return;
  ending = true;
  try {
    await executor.drain(drainMs);
    await executor.close();
    process.exit(0);
  } catch (error) {
    log.error({ err: error }, 'the executor did not end cleanly');
    process.exit(1);
  }
};
process.on('SIGTERM', () => void end(DRAIN_MS));
process.on('SIGINT', () => void end(DRAIN_MS));
process.on('disconnect', () => void end(0));

try {
  const config = readExecutorConfig(process.env, {
    projectFolder: dirname(dirname(dirname(fileURLToPath(import.meta.url)))),
    userId: process.getuid?.() ?? -1,
    home: homedir(),
    hostname: hostname(),
    architecture: process.arch,
    cores: availableParallelism(),
    memoryMb: machineMemoryMb(),
    node: process.execPath,
  });
  executor = await createExecutor(config, log);
  if (endAfterStart !== undefined) await end(endAfterStart);
  void executor.broken.then(() => {
    if (ending) return;
    log.error('the launcher of sandboxes is gone; the executor ends and is started anew');
    process.exit(1);
  });
  await tell({ type: 'ready', url: await listen(executor) });
} catch (error) {
  await tell({ type: 'failed', message: error instanceof Error ? error.message : String(error) });
  process.exit(1);
}
