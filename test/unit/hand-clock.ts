import type { Clock } from '../../service/cluster/clock.ts';

export interface HandClock extends Clock {
  /** Lets time pass; what is due runs, in order. */
  advance(ms: number): void;
  /** When each pending timer is due, from now. */
  pending(): number[];
}

export const createHandClock = (): HandClock => {
  let now = 0;
  let timers: { at: number; task: () => void }[] = [];
  return {
    now: () => now,
    epoch: () => now,
    after(ms, task) {
      const timer = { at: now + ms, task };
      timers.push(timer);
      return () => {
        timers = timers.filter((other) => other !== timer);
      };
    },
    advance(ms) {
      const end = now + ms;
      for (;;) {
        const next = timers.filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at)[0];
        if (!next) break;
        now = next.at;
        timers = timers.filter((timer) => timer !== next);
        next.task();
      }
      now = end;
    },
    pending: () => timers.map((timer) => timer.at - now),
  };
};
