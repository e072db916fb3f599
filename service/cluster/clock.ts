/** Time as the service sees it. Injected, so that tests move it by hand. */
export interface Clock {
  /** Monotonic milliseconds, with a fraction. */
  now(): number;
  /** Milliseconds since 1970, for what people read. */
  epoch(): number;
  /** Runs `task` once after `ms`; the answer cancels it. A pending timer keeps no process alive. */
  after(ms: number, task: () => void): () => void;
}

export const systemClock: Clock = Object.freeze({
  now: () => performance.now(),
  epoch: () => Date.now(),
  after: (ms: number, task: () => void) => {
    const timer = setTimeout(task, ms);
    timer.unref();
    return () => clearTimeout(timer);
  },
});
