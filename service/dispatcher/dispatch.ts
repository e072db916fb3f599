import type { Clock } from '../cluster/clock.ts';
import { PaddockError } from '../contracts/errors.ts';
import type { ExecutionResult } from '../contracts/execution.ts';
import type { ExecutorResult } from '../contracts/executor-api.ts';
import type { ExecutorLoad } from '../contracts/executor-load.ts';
import type { ImagePulling } from '../contracts/image.ts';
import { createDeadlines } from './deadlines.ts';
import { type Execution, type Finished, finishedBadly, finishedWell, resultOf } from './execution.ts';
import { ExecutorBusy, ExecutorLost, ExecutorUnreachable } from './executor-client.ts';
import { createFairQueue } from './fair-queue.ts';
import { type Member, warmKey } from './member.ts';
import { kindOf, type Placement } from './placement.ts';
import { busyRetryMs } from './settings.ts';

const maxAttempts = 2;

export interface Dispatch {
  /** Takes it in, or throws `queue-full` or `too-many-executions`. From then on it settles, whatever happens. */
  accept(execution: Execution): void;
  /** Ends it with this error, waiting or running; nothing where it is over already. */
  cancel(execution: Execution, error: PaddockError): void;
  /** There may be room now. */
  pump(): void;
  waiting(): { total: number; tenants: Record<string, number> };
  /** What more executors would help: those that their tenant may not run yet are not among them. */
  waitingExecutions(): Execution[];
  /** Changes one while it waits, and looks for a place anew; nothing happens to one that runs or is over. */
  change(execution: Execution, change: () => void): void;
  running(): number;
  /** Resolves once everything accepted is settled, or after `graceMs` with the rest answered `shutting-down`. */
  settleAll(graceMs: number): Promise<void>;
  close(): void;
}

/** Where executions can go. `key` is the runtime and version of the one that is spoken of, as of `warmKey`. */
export interface Places {
  readonly pick: Placement['pick'];
  started(member: Member, key: string): void;
  /** However it ended, with what the executor said of itself where it did. */
  ended(member: Member, key: string, load: ExecutorLoad | undefined): void;
  /** It had no room: it is left alone until then. */
  refused(member: Member, until: number): void;
  /** A connection broke: nothing goes there until it answers again. */
  suspect(member: Member): void;
}

export interface DispatchOptions {
  readonly clock: Clock;
  readonly random: () => number;
  readonly fleet: Places;
  readonly queueLimit: number;
  readonly retryAfterMs: (waiting: number) => number;
  readonly finished: (finished: Finished) => void;
  /** What an execution ends with whose deadline passed. */
  readonly expired: (execution: Execution) => PaddockError;
}

/** The loop between the queue and the executors. */
export const createDispatch = (options: DispatchOptions): Dispatch => {
  const { clock, fleet } = options;
  const queue = createFairQueue<Execution>(kindOf);
  const active = new Set<Execution>();
  const runningOf = new Map<string, number>();
  let running = 0;
  let cancelRetry: (() => void) | undefined;
  let whenEmpty: (() => void) | undefined;

  const settle = (execution: Execution, finished: Finished, tell: () => void): void => {
    execution.settled = true;
    active.delete(execution);
    deadlines.remove(execution);
    tell();
    options.finished(finished);
    if (active.size === 0) whenEmpty?.();
  };

  const fail = (execution: Execution, error: PaddockError): void => {
    if (execution.settled) return;
    queue.remove(execution);
    const { running: place } = execution;
    settle(execution, finishedBadly(execution, error, clock.now()), () => execution.reject(error));
    place?.abort.abort(error);
  };

  const deadlines = createDeadlines<Execution>(clock, (execution) =>
    fail(execution, options.expired(execution)),
  );

  const succeed = (execution: Execution, answer: ExecutorResult, member: Member): void => {
    if (execution.settled) return;
    const now = clock.now();
    const result: ExecutionResult = resultOf(execution, answer, member.address.id, now);
    settle(execution, finishedWell(execution, answer, result, now), () => execution.resolve(result));
  };

  const failedThere = (execution: Execution, error: unknown, member: Member): void => {
    if (error instanceof ExecutorLost || error instanceof ExecutorUnreachable) fleet.suspect(member);
    if (error instanceof ExecutorBusy) fleet.refused(member, clock.now() + busyRetryMs);
    if (execution.settled) return;
    if (error instanceof ExecutorBusy || error instanceof ExecutorUnreachable) {
      execution.attempts--;
      queue.add(execution);
      return;
    }
    if (error instanceof PaddockError) {
      fail(execution, error);
      return;
    }
    if (execution.retry && !execution.streamed && execution.attempts < maxAttempts) {
      queue.add(execution);
      return;
    }
    const details = { executionId: execution.id, detail: `${member.address.id} was lost while it ran this` };
    fail(execution, new PaddockError('executor-lost', details, { cause: error }));
  };

  const count = (execution: Execution, by: 1 | -1): void => {
    running += by;
    runningOf.set(execution.tenant.name, (runningOf.get(execution.tenant.name) ?? 0) + by);
  };

  const start = async (execution: Execution, member: Member): Promise<void> => {
    const abort = new AbortController();
    execution.running = { member, abort };
    execution.attempts++;
    execution.placedAt = clock.now();
    const key = warmKey(execution.request);
    let load: ExecutorLoad | undefined;
    const onLoad = (said: ExecutorLoad): void => {
      load = said;
    };
    count(execution, 1);
    fleet.started(member, key);
    // One that waits for its image runs nowhere yet: the executor counts it when it does.
    let counted = true;
    const ended = (): void => {
      if (!counted) return;
      counted = false;
      count(execution, -1);
      fleet.ended(member, key, load);
    };
    try {
      const { request, onOutput } = execution;
      const onImage = (pulling: ImagePulling): void => {
        execution.pulling = pulling;
        if (!counted) return;
        ended();
        pump();
      };
      const answer = await member.client.execute(request, abort.signal, onOutput, onLoad, onImage);
      ended();
      succeed(execution, answer, member);
    } catch (error) {
      ended();
      failedThere(execution, error, member);
    } finally {
      execution.pulling = undefined;
      execution.running = undefined;
    }
    pump();
  };

  const place = (now: number): ((execution: Execution, kind: string) => Member | undefined) => {
    // Within one round, what had no room for one execution has none for the next of the same kind.
    let full: Set<string> | undefined;
    return (execution, kind) => {
      if ((runningOf.get(execution.tenant.name) ?? 0) >= execution.tenant.maxRunning) return undefined;
      if (full?.has(kind)) return undefined;
      const member = fleet.pick(execution, now, options.random, kind);
      if (member) return member;
      full ??= new Set();
      full.add(kind);
      return undefined;
    };
  };

  const pump = (): void => {
    if (queue.size === 0) return;
    const placeNow = place(clock.now());
    while (queue.size > 0) {
      const next = queue.take(placeNow);
      if (!next) break;
      void start(next.item, next.place);
    }
    if (queue.size > 0) cancelRetry ??= clock.after(busyRetryMs, retry);
  };
  const retry = (): void => {
    cancelRetry = undefined;
    pump();
  };

  const checkRoom = (execution: Execution): void => {
    if (queue.size >= options.queueLimit) {
      const retryAfterMs = options.retryAfterMs(queue.size);
      throw new PaddockError('queue-full', { detail: `${queue.size} executions are waiting`, retryAfterMs });
    }
    const waiting = queue.waitingOf(execution.tenant.name);
    if (waiting >= execution.tenant.maxWaiting) {
      const detail = `${execution.tenant.name} has ${waiting} executions waiting, the most it may have`;
      throw new PaddockError('too-many-executions', { detail, retryAfterMs: options.retryAfterMs(waiting) });
    }
  };

  return {
    accept(execution) {
      checkRoom(execution);
      active.add(execution);
      queue.add(execution);
      deadlines.add(execution);
      pump();
    },
    cancel: fail,
    pump,
    waiting: () => ({ total: queue.size, tenants: queue.byTenant() }),
    waitingExecutions() {
      const mayStart = new Map<string, number>();
      return queue.items().filter(({ tenant: { name, maxRunning } }) => {
        const left = mayStart.get(name) ?? maxRunning - (runningOf.get(name) ?? 0);
        mayStart.set(name, left - 1);
        return left > 0;
      });
    },
    change(execution, change) {
      if (!queue.remove(execution)) return;
      change();
      queue.add(execution);
      pump();
    },
    running: () => running,
    async settleAll(graceMs) {
      if (active.size === 0) return;
      const empty = Promise.withResolvers<void>();
      whenEmpty = empty.resolve;
      const cancelGrace = clock.after(graceMs, () => {
        for (const execution of [...active]) {
          fail(execution, new PaddockError('shutting-down', { executionId: execution.id }));
        }
      });
      await empty.promise;
      cancelGrace();
    },
    close() {
      cancelRetry?.();
      deadlines.close();
    },
  };
};
