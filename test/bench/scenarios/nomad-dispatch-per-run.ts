import { randomUUID } from 'node:crypto';
import { askPaddock } from '../apis/paddock.ts';
import { closedLoop, exercise } from '../load/loops.ts';
import { targetOf } from '../load/target.ts';
import { untilAtRest } from '../nomad/at-rest.ts';
import { type Naive, openNaive } from '../nomad/naive.ts';
import { type OnNomad, onNomad } from '../nomad/open-nomad.ts';
import { python } from '../programs.ts';
import type { Bench, Row, Scenario } from '../scenario.ts';
import { median, summarise } from '../statistics.ts';

const NAME = 'nomad-dispatch-per-run';
/** Executions of Paddock that one dispatched job is held against: their median counts. */
const EACH = 20;

const nothing = (): undefined => undefined;

/** Programs answered within a second, with as many under way at once. */
const naiveRate = async (naive: Naive, connections: number, seconds: number): Promise<number> => {
  const startedAt = performance.now();
  let count = 0;
  const loop = async (): Promise<void> => {
    while (performance.now() - startedAt < seconds * 1_000) {
      await naive.once(python.source(randomUUID()));
      count++;
    }
  };
  await Promise.all(Array.from({ length: connections }, loop));
  return (count * 1_000) / (performance.now() - startedAt);
};

const measure = async (bench: Bench, { cluster, client }: OnNomad): Promise<Row[]> => {
  const { connections } = bench;
  const naive = await openNaive(cluster, python);
  const target = targetOf(client.url, askPaddock(python));
  await exercise(target, 2, bench.quick ? 100 : 500);
  await naive.once(python.source(randomUUID()));

  const connection = target.connect();
  const pairs: { value: number; baseline: number }[] = [];
  const count = bench.quick ? 4 : 20;
  while (pairs.length < count) {
    bench.say(`${NAME} ${pairs.length + 1}/${count}`);
    await untilAtRest();
    const baseline = await naive.once(python.source(randomUUID()));
    await untilAtRest();
    await client.untilWarm([python.runtime]);
    const times: number[] = [];
    while (times.length < EACH) times.push(await target.once(connection));
    pairs.push({ value: median(times), baseline });
  }
  connection.close();
  const { value, baseline } = summarise(pairs);

  bench.say(`${NAME}-throughput`);
  const seconds = bench.quick ? 4 : 15;
  const slow = await naiveRate(naive, connections, seconds);
  await untilAtRest();
  await client.untilWarm([python.runtime]);
  const fast = await closedLoop(target, { connections, rampMs: 1_500, seconds: 5, sample: nothing });
  const against = 'one `nomad job dispatch` for each program (raw_exec, in no sandbox), its end and its log';
  return [
    {
      ...{ name: NAME, value, baseline, ratio: baseline / value, unit: 'ms' },
      target: { on: 'ratio', at: 'least', limit: 100 },
      against: `${against}; the ratio says how many times faster`,
    },
    {
      ...{ name: `${NAME}-throughput`, value: fast.perSecond, baseline: slow, unit: '/s' },
      ratio: fast.perSecond / slow,
      against: `the same, ${connections} at once`,
    },
  ];
};

/** Why executors are Nomad's allocations and executions are not: a program on each of both ways, in turn. */
export const nomadDispatchPerRun: Scenario = {
  name: NAME,
  runtimes: [],
  run: (bench) =>
    onNomad(
      bench,
      {
        ...{ minimum: 1, maximum: 1 },
        executor: {
          ...{ memoryMb: 2_048, cpuMhz: 2_000, maxRunning: 8 },
          environment: { PADDOCK_WARM_MEMORY_MB: '256' },
        },
      },
      (nomad) => measure(bench, nomad),
      { PADDOCK_LOG_LEVEL: 'warn' },
    ),
};
