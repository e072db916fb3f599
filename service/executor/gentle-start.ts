import type { Clock } from '../cluster/clock.ts';

const LOOK_EVERY_MS = 100;
/** On a machine that is always busy each piece of work is put off by this much, and no more. */
const LONGEST_WAIT_MS = 1_000;

export interface GentleStartConfig {
  /** Whether others want the processors now. */
  readonly isBusy: () => boolean;
  readonly clock: Clock;
  /** From 0 to 1: many that start together must not look at the same time. */
  readonly random: () => number;
}

/**
 * Work that a start can do without: the cheapest first, one piece after the other, each when the machine has time for
 * it. Where many executors start at once, all of them can be used before any of them has filled its stock.
 */
export interface GentleStart {
  /** @param cost of any unit, for the order */
  add(cost: number, work: () => void): void;
  /** Nothing is done before. */
  begin(): void;
  close(): void;
}

export const createGentleStart = ({ isBusy, clock, random }: GentleStartConfig): GentleStart => {
  const waiting: { readonly cost: number; readonly work: () => void }[] = [];
  let begun = false;
  let cancel: (() => void) | undefined;
  let waitedMs = 0;

  const lookLater = (): void => {
    if (!begun || cancel || waiting.length === 0) return;
    const afterMs = LOOK_EVERY_MS * (0.5 + random());
    cancel = clock.after(afterMs, () => {
      cancel = undefined;
      waitedMs += afterMs;
      look();
    });
  };
  const look = (): void => {
    if (waitedMs >= LONGEST_WAIT_MS || !isBusy()) {
      waitedMs = 0;
      waiting.shift()?.work();
    }
    lookLater();
  };

  return {
    add(cost, work) {
      const at = waiting.findIndex((other) => other.cost > cost);
      waiting.splice(at < 0 ? waiting.length : at, 0, { cost, work });
      lookLater();
    },
    begin() {
      begun = true;
      lookLater();
    },
    close() {
      begun = false;
      waiting.length = 0;
      cancel?.();
      cancel = undefined;
    },
  };
};
