import type { Clock } from '../clock.ts';

export interface Repeated {
  /** Does it now instead of at its time; one that is under way is followed by one more. */
  soon(): void;
  stop(): void;
}

/**
 * Does `task` now, and again as many milliseconds after each end as it answered. It must not reject.
 */
export const every = (clock: Clock, task: () => Promise<number>): Repeated => {
  let cancel = (): void => {};
  let stopped = false;
  let under = false;
  let again = false;
  const run = async (): Promise<void> => {
    under = true;
    again = false;
    const inMs = await task();
    under = false;
    if (stopped) return;
    if (again) void run();
    else cancel = clock.after(inMs, () => void run());
  };
  void run();
  return {
    soon() {
      if (stopped) return;
      if (under) again = true;
      else {
        cancel();
        void run();
      }
    },
    stop() {
      stopped = true;
      cancel();
    },
  };
};
