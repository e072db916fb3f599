const firstPauseMs = 1_000;
const longestPauseMs = 60_000;
/** What happened this long before its pause was over is no news any more. */
const forgottenAfterMs = 120_000;

/** Starts of executors that came to nothing: each one in a row doubles the pause before the next, up to a minute. */
export interface Setbacks {
  /** One that falls into the pause of the last belongs to it. */
  note(now: number, reason: string): void;
  /** An executor started since then has proved itself. */
  clear(): void;
  /** When the last was noted; undefined where there is none. */
  last(): number | undefined;
  /** Milliseconds until another start is tried; 0 where it may be now. */
  pauseMs(now: number): number;
  /** For people, the same until the next one; undefined where there is nothing to tell. */
  reason(now: number): string | undefined;
}

export const createSetbacks = (): Setbacks => {
  let latest: { at: number; count: number; until: number; reason: string } | undefined;
  const pauseMs = (now: number): number => (latest ? Math.max(0, latest.until - now) : 0);
  const current = (now: number): typeof latest =>
    latest && now - latest.until <= forgottenAfterMs ? latest : undefined;
  return {
    note(now, reason) {
      const previous = current(now);
      if (previous && pauseMs(now) > 0) {
        previous.at = now;
        return;
      }
      const count = (previous?.count ?? 0) + 1;
      const until = now + Math.min(longestPauseMs, firstPauseMs * 2 ** (count - 1));
      latest = { at: now, count, until, reason };
    },
    clear() {
      latest = undefined;
    },
    last: () => latest?.at,
    pauseMs,
    reason(now) {
      const told = current(now);
      if (!told) return undefined;
      const times = told.count === 1 ? '' : `, ${told.count} times in a row`;
      const pause = Math.min(longestPauseMs, firstPauseMs * 2 ** (told.count - 1)) / 1_000;
      return `${told.reason}${times}; ${pause} s pass before the next start`;
    },
  };
};
