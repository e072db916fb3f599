import type { Finished } from './execution.ts';
import type { Log } from './log.ts';

/** One flat event per execution. A failing log never reaches the execution: it is over by then. */
export const logFinished = (log: Log, finished: Finished): void => {
  const { timings, error } = finished;
  // Each field by name: copies of the objects would cost as much as the line.
  const event = {
    id: finished.id,
    tenant: finished.tenant,
    runtime: finished.runtime,
    version: finished.version,
    outcome: finished.outcome,
    executor: finished.executor,
    attempts: finished.attempts,
    warm: finished.warm,
    queuedMs: timings.queuedMs,
    preparedMs: timings.preparedMs,
    compileMs: timings.compileMs,
    runMs: timings.runMs,
    totalMs: timings.totalMs,
    collectMs: timings.collectMs,
    dispatchMs: timings.dispatchMs,
    error: error?.code,
    cause: causeOf(error),
  };
  log.info(event, 'execution');
};

const causeOf = (error: Error | undefined): string | undefined =>
  error?.cause instanceof Error ? error.cause.message : undefined;
