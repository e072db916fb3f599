import { randomUUID } from 'node:crypto';
import { askPaddock } from '../apis/paddock.ts';
import type { Client } from '../client.ts';
import type { Connection } from '../load/connection.ts';
import { closedLoop, exercise } from '../load/loops.ts';
import { type Target, targetOf } from '../load/target.ts';
import { untilAtRest } from '../nomad/at-rest.ts';
import { openNaive } from '../nomad/naive.ts';
import { type OnNomad, onNomad } from '../nomad/open-nomad.ts';
import { python } from '../programs.ts';
import type { Bench, Row, Scenario } from '../scenario.ts';
import { median, type Pair, summarise } from '../statistics.ts';

const NAME = 'nomad-dispatch-per-run';
/** Executions of Paddock that one dispatched job is held against: their median counts. */
const EACH = 20;

const nothing = (): undefined => undefined;

type Once = (source: string) => Promise<number>;
const newSource = (): string => python.source(randomUUID());

/** Programs answered within a second, with as many under way at once. */
const rateOf = async (once: Once, connections: number, seconds: number): Promise<number> => {
  const startedAt = performance.now();
  let count = 0;
  const loop = async (): Promise<void> => {
    while (performance.now() - startedAt < seconds * 1_000) {
      await once(newSource());
      count++;
    }
  };
  await Promise.all(Array.from({ length: connections }, loop));
  return (count * 1_000) / (performance.now() - startedAt);
};

/** One dispatched job, some executions of Paddock, each on a machine that has come to rest. */
const pairOf = async (once: Once, client: Client, target: Target, connection: Connection): Promise<Pair> => {
  await untilAtRest();
  const baseline = await once(newSource());
  await untilAtRest();
  await client.untilWarm([python.runtime]);
  const times: number[] = [];
  while (times.length < EACH) times.push(await target.once(connection));
  return { value: median(times), baseline };
};

const rowOf = (name: string, pairs: readonly Pair[], what: string): Row => {
  const { value, baseline } = summarise(pairs);
  return {
    ...{ name, value, baseline, ratio: baseline / value, unit: 'ms' },
    target: { on: 'ratio', at: 'least', limit: 100 },
    against: `a job for each program (raw_exec, in no sandbox), dispatched ${what}; the ratio says how many times faster`,
  };
};

const measure = async (bench: Bench, { cluster, client }: OnNomad): Promise<Row[]> => {
  const { connections } = bench;
  const naive = await openNaive(cluster, python);
  const target = targetOf(client.url, askPaddock(python));
  await exercise(target, 2, bench.quick ? 100 : 500);
  await naive.byApi(newSource());

  const connection = target.connect();
  const command: Pair[] = [];
  const api: Pair[] = [];
  const count = bench.quick ? 4 : 15;
  while (api.length < count) {
    bench.say(`${NAME} ${api.length + 1}/${count}`);
    command.push(await pairOf(naive.byCommand, client, target, connection));
    api.push(await pairOf(naive.byApi, client, target, connection));
  }
  connection.close();

  bench.say(`${NAME}-throughput`);
  const slow = await rateOf(naive.byApi, connections, bench.quick ? 4 : 15);
  await untilAtRest();
  await client.untilWarm([python.runtime]);
  const fast = await closedLoop(target, { connections, rampMs: 1_500, seconds: 5, sample: nothing });
  return [
    rowOf(NAME, command, 'by `nomad job dispatch`, its end and its log awaited'),
    rowOf(`${NAME}-api`, api, 'over HTTP, its end asked for every 10 ms'),
    {
      ...{ name: `${NAME}-throughput`, value: fast.perSecond, baseline: slow, unit: '/s' },
      ratio: fast.perSecond / slow,
      against: `the same over HTTP, ${connections} at once`,
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
