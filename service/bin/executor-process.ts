import type { AddressInfo } from 'node:net';
import { availableParallelism, homedir, hostname } from 'node:os';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createExecutor, type Executor, type ExecutorConfig, type ExecutorLog } from '../executor/agent.ts';
import { machineMemoryMb } from '../executor/isolation.ts';
import type { Access } from '../executor/server.ts';
import type { ExecutorMachine } from './executor-config.ts';

export const thisMachine = (): ExecutorMachine => ({
  projectFolder: dirname(dirname(dirname(fileURLToPath(import.meta.url)))),
  userId: process.getuid?.() ?? -1,
  home: homedir(),
  hostname: hostname(),
  architecture: process.arch,
  cores: availableParallelism(),
  memoryMb: machineMemoryMb(),
  node: process.execPath,
});

export interface EndSteps {
  /** It takes nothing more from here on. */
  readonly draining?: (executor: Executor) => Promise<void>;
  /** Nothing is under way any more. */
  readonly drained?: () => Promise<void>;
}

/** What the programs of an executor share, wherever it runs: its start, its end and its exit code. */
export interface ExecutorProcess {
  /** Resolves with the executor and its port once it listens. Where it was asked to end meanwhile, the process ends instead. */
  start(
    config: ExecutorConfig,
    access: Access,
    at: { readonly host: string; readonly port: number },
  ): Promise<{ executor: Executor; port: number }>;
  /** Drains, cleans up and exits: with 0 after an orderly end. Once is enough. */
  end(drainMs: number): void;
}

const listen = (executor: Executor, at: { host: string; port: number }): Promise<number> =>
  new Promise((resolve, reject) => {
    const { server } = executor;
    server.once('error', reject);
    server.listen(at.port, at.host, () => {
      // A server on a host and port has an address of this kind.
      resolve((server.address() as AddressInfo).port);
    });
  });

export const createExecutorProcess = (
  log: ExecutorLog & { error(fields: object | string, message?: string): void },
  steps: EndSteps = {},
): ExecutorProcess => {
  let executor: Executor | undefined;
  /** Asked to end while it was still starting: what it has made by then needs an orderly end too. */
  let endAfterStart: number | undefined;
  let ending = false;

  const endOf = async (started: Executor, drainMs: number): Promise<never> => {
    try {
      const drained = started.drain(drainMs);
      await Promise.all([drained, steps.draining?.(started)]);
      await steps.drained?.();
      await started.close();
      return process.exit(0);
    } catch (error) {
      log.error({ err: error }, 'the executor did not end cleanly');
      return process.exit(1);
    }
  };

  return {
    async start(config, access, at) {
      const started = await createExecutor(config, access, log);
      executor = started;
      if (endAfterStart !== undefined) {
        ending = true;
        return endOf(started, endAfterStart);
      }
      void started.broken.then(() => {
        if (ending) return;
        log.error('the launcher of sandboxes is gone; the executor ends, and another takes its place');
        process.exit(1);
      });
      return { executor: started, port: await listen(started, at) };
    },
    end(drainMs) {
      if (!executor) endAfterStart ??= drainMs;
      else if (!ending) {
        ending = true;
        void endOf(executor, drainMs);
      }
    },
  };
};
