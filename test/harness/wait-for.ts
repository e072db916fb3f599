import { setTimeout as pause } from 'node:timers/promises';

export interface WaitOptions {
  /** For people: what was waited for. */
  readonly what: string;
  readonly timeoutMs?: number;
  readonly everyMs?: number;
}

/**
 * Asks until the answer is neither undefined nor false, and returns it.
 * @throws when the deadline passes; `what` may tell more by then, so it is asked last.
 */
export const waitFor = async <T>(
  ask: () => T | undefined | false | Promise<T | undefined | false>,
  { what, timeoutMs = 10_000, everyMs = 20 }: WaitOptions,
): Promise<T> => {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer;
    if (performance.now() >= deadline) throw new Error(`waited ${timeoutMs} ms in vain for ${what}`);
    await pause(everyMs);
  }
};
