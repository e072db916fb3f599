import { type Logger, pino } from 'pino';
import type { LogLevel } from './config.ts';

/** About 20 events of executions. */
const bufferBytes = 8_192;
const longestWaitMs = 250;

export interface ServiceLog {
  readonly log: Logger;
  /** Writes what waits. The process may end after that. */
  flush(): void;
}

/**
 * Events as lines of JSON on standard output, some at a time: a system call for each execution would cost as much as
 * placing it. None waits longer than a quarter of a second; only SIGKILL loses what waits.
 */
export const openLog = (level: LogLevel): ServiceLog => {
  const destination = pino.destination({
    dest: 1,
    sync: true,
    minLength: bufferBytes,
    periodicFlush: longestWaitMs,
  });
  return { log: pino({ level }, destination), flush: () => destination.flushSync() };
};
