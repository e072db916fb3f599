import { setTimeout as pause } from 'node:timers/promises';
import { sum } from '../statistics.ts';
import type { Connection } from './connection.ts';
import type { Target } from './target.ts';

export interface Slice<Sample> {
  readonly perSecond: number;
  /** In ms. */
  readonly latencies: readonly number[];
  /** What `sample` answered at the beginning and at the end of the window. */
  readonly before: Sample;
  readonly after: Sample;
  /** Answers that came between the two. */
  readonly ended: number;
}

export interface Window<Sample> {
  readonly connections: number;
  /** Load before the count starts: what was warm is used up, and the warm set has seen the demand. */
  readonly rampMs: number;
  readonly seconds: number;
  readonly sample: () => Sample;
}

/** Counts what a connection does from its first answer in the window to the end of what it began there. */
const createCount = () => {
  const latencies: number[] = [];
  let first: number | undefined;
  let last = 0;
  return {
    latencies,
    took(ms: number): void {
      last = performance.now();
      if (first === undefined) first = last;
      else latencies.push(ms);
    },
    perSecond: (): number =>
      latencies.length === 0 || first === undefined ? 0 : (latencies.length * 1_000) / (last - first),
  };
};

type Loop = (connection: Connection, going: () => boolean, took: (ms: number) => void) => Promise<void>;

/**
 * Runs `loop` on each connection until the window is over. Each finishes what it has begun, as the shells of the
 * baselines do: cut at the end of the window, whatever takes long would count for less than it is.
 */
const inWindow = async <Sample>(
  target: Target,
  window: Window<Sample>,
  loop: Loop,
): Promise<Slice<Sample>> => {
  const lanes = Array.from({ length: window.connections }, () => ({
    connection: target.connect(),
    count: createCount(),
  }));
  let phase: 'ramp' | 'window' | 'over' = 'ramp';
  let ended = 0;
  const going = (): boolean => phase !== 'over';
  const all = Promise.all(
    lanes.map(({ connection, count }) =>
      loop(connection, going, (ms) => {
        if (phase === 'window') ended += 1;
        if (phase !== 'ramp') count.took(ms);
      }),
    ),
  );
  // A failure ends the slice at once; it is thrown below.
  const failure = new AbortController();
  all.catch(() => failure.abort());
  const passes = (ms: number): Promise<void> =>
    pause(ms, undefined, { signal: failure.signal }).catch(() => {});
  try {
    await passes(window.rampMs);
    const before = window.sample();
    phase = 'window';
    await passes(window.seconds * 1_000);
    phase = 'over';
    const after = window.sample();
    await all;
    const latencies = lanes.flatMap(({ count }) => count.latencies);
    if (latencies.length === 0) throw new Error(`hardly anything was answered within ${window.seconds} s`);
    return { perSecond: sum(lanes.map(({ count }) => count.perSecond())), latencies, before, after, ended };
  } finally {
    phase = 'over';
    for (const { connection } of lanes) connection.close();
  }
};

/** A number of executions on each connection, unmeasured: what is compiled or opened at the first use. */
export const exercise = async (target: Target, connections: number, each: number): Promise<void> => {
  const one = async (): Promise<void> => {
    const connection = target.connect();
    try {
      for (let done = 0; done < each; done++) await target.once(connection);
    } finally {
      connection.close();
    }
  };
  await Promise.all(Array.from({ length: connections }, one));
};

/** Each connection sends its next request when it has the answer to the last; counts what ends within the window. */
export const closedLoop = <Sample>(target: Target, window: Window<Sample>): Promise<Slice<Sample>> =>
  inWindow(target, window, async (connection, going, took) => {
    while (going()) took(await target.once(connection));
  });

/**
 * Requests at an even pace, whether or not the last ones were answered: `connections` is only the most at once. Latency
 * counts from when a request was due, so that what waits for a connection is not left out.
 */
export const pacedLoop = <Sample>(
  target: Target,
  perSecond: number,
  window: Window<Sample>,
): Promise<Slice<Sample>> => {
  const started = performance.now();
  let next = 0;
  return inWindow(target, window, async (connection, going, took) => {
    while (going()) {
      const due = started + (next++ * 1_000) / perSecond;
      const wait = due - performance.now();
      if (wait > 0) await pause(wait);
      // A timer that was late is the fault of this process; a connection that was not free, that of the service.
      const late = Math.max(0, -wait);
      took(late + (await target.once(connection)));
    }
  });
};
