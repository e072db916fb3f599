/** Lets connections send when it is time. */
export interface Pace {
  /** Calls back when a request is due, with how long it has been due for want of a free connection, in ms. */
  next(send: (lateMs: number) => void): void;
  /** Requests that are due and wait for a connection. */
  behind(): number;
  stop(): void;
}

export interface PaceClock {
  readonly now: () => number;
  /** Answers how to call it off. */
  readonly after: (ms: number, call: () => void) => () => void;
}

/**
 * An even pace that does not wait for answers: a request is due every so often whether or not the service has kept up,
 * as with callers that know nothing of each other. What a slow service makes wait counts as its latency.
 */
export const createPace = (perSecond: number, clock: PaceClock): Pace => {
  const interval = 1_000 / perSecond;
  const free: ((lateMs: number) => void)[] = [];
  const due: number[] = [];
  const started = clock.now();
  let scheduled = 0;
  let callOff: (() => void) | undefined;

  const timeOf = (n: number): number => started + n * interval;

  const advance = (): void => {
    const now = clock.now();
    for (; timeOf(scheduled) <= now; scheduled++) {
      const send = free.shift();
      // A connection stood ready at the time: that the timer was late is no fault of the service.
      if (send) send(0);
      else due.push(timeOf(scheduled));
    }
    callOff = clock.after(Math.max(1, timeOf(scheduled) - now), advance);
  };
  callOff = clock.after(0, advance);

  return {
    next(send) {
      const since = due.shift();
      if (since === undefined) free.push(send);
      else send(clock.now() - since);
    },
    behind: () => due.length,
    stop: () => callOff?.(),
  };
};
