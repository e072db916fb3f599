import { randomUUID } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { askPaddock } from '../apis/paddock.ts';
import { type Cpu, cpuRows, cpuSample } from '../load/cpu.ts';
import { closedLoop, exercise, type Slice } from '../load/loops.ts';
import { targetOf } from '../load/target.ts';
import { bareElsewhere, cpp, java, javascript, type Program, python } from '../programs.ts';
import { type Bench, type Row, type Scenario, Skip, type Target } from '../scenario.ts';
import { loopShells } from '../shell.ts';
import { median, type Pair, percentile, summarise } from '../statistics.ts';

/** How a language is put under load. */
interface Load {
  readonly program: Program;
  readonly rounds: number;
  readonly seconds: number;
  /** Before the count starts: what was warm is used up, and the warm set has seen the demand. */
  readonly rampMs: number;
  /** Executions on each connection before any is measured: V8 compiles the last of the way after a thousand or two. */
  readonly exercise: number;
}

interface Measured {
  readonly pairs: readonly Pair[];
  readonly slices: readonly Slice<Cpu | undefined>[];
}

/** The bare command, started in a loop by as many shells as there are connections, each in a folder of its own. */
const bareRate = async (bench: Bench, { program, seconds }: Load): Promise<number> => {
  const folders = Array.from({ length: bench.connections }, (_, n) =>
    join(bench.folder, 'throughput', String(n)),
  );
  for (const folder of folders) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, program.fileName), program.source(randomUUID()));
  }
  return (await loopShells(program.bare, folders, seconds)).perSecond;
};

/** Service, bare, service, bare …: each slice of load is followed by its baseline. */
const measure = async (bench: Bench, name: string, load: Load): Promise<Measured> => {
  const { program, seconds, rampMs } = load;
  const { connections } = bench;
  const target = targetOf(bench.client.url, askPaddock(program, bench.token));
  await exercise(target, connections, bench.quick ? Math.ceil(load.exercise / 8) : load.exercise);
  const pairs: Pair[] = [];
  const slices: Slice<Cpu | undefined>[] = [];
  for (let round = 0; round < load.rounds; round++) {
    bench.say(`${name} over ${connections} connections ${round + 1}/${load.rounds}`);
    const one = await closedLoop(target, { connections, rampMs, seconds, sample: cpuSample(bench.own) });
    // Sandboxes are still made ahead after the last answer: the baseline starts when that is over.
    await bench.client.untilWarm([program.runtime]);
    slices.push(one);
    pairs.push({ value: one.perSecond, baseline: await bareRate(bench, load) });
  }
  return { pairs, slices };
};

const rowsOf = (
  name: string,
  target: Target | undefined,
  program: Program,
  connections: number,
  { pairs, slices }: Measured,
): Row[] => {
  const p50 = median(slices.map(({ latencies }) => percentile(latencies, 0.5)));
  const p99 = median(slices.map(({ latencies }) => percentile(latencies, 0.99)));
  const against = `${connections} shells starting ${bareElsewhere(program)} in a loop`;
  return [
    { name, ...summarise(pairs), unit: '/s', target, against },
    {
      name: `${name}-p99`,
      value: p99,
      baseline: p50,
      ratio: p99 / p50,
      unit: 'ms',
      against: `p50 over ${connections} connections`,
    },
  ];
};

const throughput = (
  name: string,
  target: Target | undefined,
  loadOf: (quick: boolean) => Load,
  withCpu: boolean,
): Scenario => ({
  name,
  runtimes: [loadOf(false).program.runtime],
  async run(bench) {
    const load = loadOf(bench.quick);
    const measured = await measure(bench, name, load);
    return [
      ...rowsOf(name, target, load.program, bench.connections, measured),
      ...(withCpu ? cpuRows(name, measured.slices) : []),
    ];
  },
});

const atLeast = (limit: number): Target => ({ on: 'ratio', at: 'least', limit });

const pythonLoad = (quick: boolean): Load => ({
  ...{ program: python, rampMs: 1_500, exercise: 200 },
  ...(quick ? { rounds: 1, seconds: 2 } : { rounds: 5, seconds: 3 }),
});

const pythonThroughput = throughput('python-throughput', atLeast(2), pythonLoad, true);

/** The same without fork servers, so that an interpreter is started for each sandbox: the way of every other runtime. */
const plainName = 'python-throughput-plain';
const pythonThroughputPlain: Scenario = {
  name: plainName,
  runtimes: [],
  async run(bench) {
    if (!bench.another) throw new Skip('a service given with --url cannot be started in another way');
    const plain = await bench.another({ PADDOCK_FORK_SERVERS: '0' });
    try {
      await plain.bench.client.untilWarm([python.runtime]);
      return await throughput(plainName, undefined, pythonLoad, true).run(plain.bench);
    } finally {
      await plain.stop();
    }
  },
};

const slowLoad =
  (program: Program, rampMs: number, rounds: number, seconds: number) =>
  (quick: boolean): Load => ({
    ...{ program, rampMs, exercise: 2 },
    ...(quick ? { rounds: 1, seconds: seconds / 2 } : { rounds, seconds }),
  });

export const throughputScenarios: readonly Scenario[] = [
  pythonThroughput,
  pythonThroughputPlain,
  throughput('javascript-throughput', atLeast(0.8), slowLoad(javascript, 1_500, 3, 4), false),
  throughput('java-throughput', atLeast(0.8), slowLoad(java, 3_000, 3, 8), false),
  throughput('cpp-throughput', atLeast(0.8), slowLoad(cpp, 3_000, 2, 12), false),
];
