import { type Logger, pino } from 'pino';
import type { LogLevel } from './config.ts';

const mostWaiting = 32;
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
  const output = pino.destination({ dest: 1, sync: true });
  let waiting: string[] = [];
  let timer: NodeJS.Timeout | undefined;
  const flush = (): void => {
    clearTimeout(timer);
    timer = undefined;
    if (waiting.length === 0) return;
    // Joined here: the destination's own buffer copies all that waits with each line.
    const text = waiting.join('');
    waiting = [];
    output.write(text);
  };
  const write = (line: string): void => {
    waiting.push(line);
    if (waiting.length >= mostWaiting) flush();
    else timer ??= setTimeout(flush, longestWaitMs).unref();
  };
  return { log: pino({ level }, { write }), flush };
};
