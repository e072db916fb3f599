import type { Log } from './core.ts';
import type { Finished } from './execution.ts';

/** One flat event per execution. A failing log never reaches the execution: it is over by then. */
export const logFinished = (log: Log, finished: Finished): void => {
  const { error, timings, ...fields } = finished;
  log.info({ ...fields, ...timings, error: error?.code, cause: causeOf(error) }, 'execution');
};

const causeOf = (error: Error | undefined): string | undefined =>
  error?.cause instanceof Error ? error.cause.message : undefined;
