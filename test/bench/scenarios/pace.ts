import { askPaddock } from '../apis/paddock.ts';
import { closedLoop, exercise, pacedLoop } from '../load/loops.ts';
import { targetOf } from '../load/target.ts';
import { python } from '../programs.ts';
import type { Row, Scenario } from '../scenario.ts';
import { median, percentile } from '../statistics.ts';

const SHARE = 0.7;
/** Only the most at once: a request that finds none free waits, and its wait is counted. */
const PACED_CONNECTIONS = 64;

const nothing = (): undefined => undefined;

/**
 * Latency when the service is busy but not full. Requests come at an even pace of 70 % of what it has just been measured
 * to do, whether or not it has answered the last ones.
 */
export const paced: Scenario = {
  name: 'python-p99-at-70',
  runtimes: [python.runtime],
  async run(bench): Promise<Row[]> {
    const target = targetOf(bench.client.url, askPaddock(python, bench.token));
    const [rounds, seconds] = bench.quick ? [1, 4] : [3, 8];
    const window = { rampMs: 1_500, seconds, sample: nothing };
    await exercise(target, bench.connections, bench.quick ? 25 : 200);
    const measured: { p50: number; p99: number }[] = [];
    for (let round = 0; round < rounds; round++) {
      bench.say(`python-p99-at-70 ${round + 1}/${rounds}`);
      const full = await closedLoop(target, { ...window, seconds: 3, connections: bench.connections });
      await bench.client.untilWarm([python.runtime]);
      const { latencies } = await pacedLoop(target, full.perSecond * SHARE, {
        ...window,
        connections: PACED_CONNECTIONS,
      });
      await bench.client.untilWarm([python.runtime]);
      measured.push({ p50: percentile(latencies, 0.5), p99: percentile(latencies, 0.99) });
    }
    return [
      {
        name: 'python-p99-at-70',
        value: median(measured.map(({ p99 }) => p99)),
        baseline: median(measured.map(({ p50 }) => p50)),
        ratio: median(measured.map(({ p50, p99 }) => p99 / p50)),
        unit: 'ms',
        target: { on: 'ratio', at: 'most', limit: 5 },
        against: 'p50 at an even pace of 70 % of the saturation',
      },
    ];
  },
};
