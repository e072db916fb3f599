import { type ChildProcess, fork } from 'node:child_process';
import { z } from 'zod';
import type { Clock } from './clock.ts';
import type { Cluster, ClusterListener } from './port.ts';

const firstRestartMs = 100;
const longestRestartMs = 5_000;
/** An executor that lived this long was healthy: its end starts the backoff from the beginning. */
const healthyMs = 10_000;

/** What an executor process says over IPC. */
const executorMessageSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('ready'), url: z.url() }),
  z.object({ type: z.literal('failed'), message: z.string() }),
]);

export interface LocalClusterOptions {
  /** The program of an executor, run with this process's own Node. */
  readonly program: string;
  readonly execArgv?: readonly string[];
  readonly count: number;
  readonly pool: string;
  /** All that executors see of the environment, except their id and token. */
  readonly environment: Readonly<Record<string, string>>;
  readonly clock: Clock;
  readonly randomBytes: (size: number) => Buffer;
  readonly log: { warn(fields: object, message: string): void };
  readonly startTimeoutMs?: number;
  readonly stopTimeoutMs?: number;
}

interface Slot {
  readonly number: number;
  generation: number;
  backoffMs: number;
  child: ChildProcess | undefined;
  cancelRestart: (() => void) | undefined;
}

/** Executors as child processes of this one: the default, with no cluster at all. */
export const createLocalCluster = (options: LocalClusterOptions): Cluster => {
  const { clock, log } = options;
  const slots: Slot[] = Array.from({ length: options.count }, (_, number) => ({
    number,
    generation: 0,
    backoffMs: firstRestartMs,
    child: undefined,
    cancelRestart: undefined,
  }));
  let closing = false;

  const launch = (slot: Slot, listener: ClusterListener): Promise<void> => {
    slot.generation++;
    const id = `local-${slot.number}-${slot.generation}`;
    const token = options.randomBytes(32).toString('hex');
    const startedAt = clock.now();
    const child = fork(options.program, [], {
      env: { ...options.environment, PADDOCK_EXECUTOR_ID: id, PADDOCK_EXECUTOR_TOKEN: token },
      execArgv: [...(options.execArgv ?? [])],
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      // A process group of its own: Ctrl-C in a terminal goes to this process, which ends executors in order.
      detached: true,
    });
    slot.child = child;
    const started = Promise.withResolvers<void>();
    let joined = false;
    let failure: string | undefined;
    const cancelTimeout = clock.after(options.startTimeoutMs ?? 120_000, () => {
      failure ??= 'it was not ready in time';
      child.kill('SIGKILL');
    });

    child.on('message', (message) => {
      const parsed = executorMessageSchema.safeParse(message);
      if (!parsed.success) return;
      if (parsed.data.type === 'failed') failure = parsed.data.message;
      else if (!joined && !closing) {
        joined = true;
        cancelTimeout();
        const authorization = `Bearer ${token}`;
        listener.joined({ id, url: parsed.data.url, pool: options.pool, authorization: () => authorization });
        started.resolve();
      }
    });

    let ended = false;
    const end = (reason: string): void => {
      if (ended) return;
      ended = true;
      cancelTimeout();
      slot.child = undefined;
      if (joined) listener.left(id, reason);
      else started.reject(new Error(failure ?? `The executor could not start: ${reason}`));
      if (!closing && (joined || slot.generation > 1)) restart(slot, listener, failure ?? reason, startedAt);
    };
    child.on('error', (error) => end(error.message));
    child.on('exit', (code, signal) =>
      end(signal ? `it was ended by ${signal}` : `it ended with code ${code}`),
    );
    return started.promise;
  };

  const restart = (slot: Slot, listener: ClusterListener, reason: string, startedAt: number): void => {
    if (clock.now() - startedAt >= healthyMs) slot.backoffMs = firstRestartMs;
    const inMs = slot.backoffMs;
    slot.backoffMs = Math.min(inMs * 2, longestRestartMs);
    log.warn({ executor: `local-${slot.number}`, reason, restartInMs: inMs }, 'an executor ended');
    slot.cancelRestart = clock.after(inMs, () => {
      slot.cancelRestart = undefined;
      // Its end says why and starts the next one, so there is nothing more to do about a rejection.
      launch(slot, listener).catch(() => {});
    });
  };

  const close = async (): Promise<void> => {
    closing = true;
    for (const slot of slots) slot.cancelRestart?.();
    await Promise.all(slots.map((slot) => stop(slot.child, clock, options.stopTimeoutMs ?? 15_000)));
  };

  return {
    async start(listener) {
      const results = await Promise.allSettled(slots.map((slot) => launch(slot, listener)));
      const failed = results.find((result) => result.status === 'rejected');
      if (failed) {
        await close();
        throw failed.reason;
      }
    },
    close,
  };
};

const stop = async (child: ChildProcess | undefined, clock: Clock, timeoutMs: number): Promise<void> => {
  if (!child || child.exitCode !== null || child.signalCode !== null) return;
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill('SIGTERM');
  const cancel = clock.after(timeoutMs, () => child.kill('SIGKILL'));
  await exited;
  cancel();
};
