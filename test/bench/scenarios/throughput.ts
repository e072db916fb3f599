import { randomUUID } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { cpuOf, machineCpu } from '../processes.ts';
import { python } from '../programs.ts';
import type { Bench, OwnProcesses, Row, Scenario } from '../scenario.ts';
import { loopShells } from '../shell.ts';
import { median, type Pair, percentile, sum, summarise } from '../statistics.ts';

/** Before the count starts: what was warm is used up, and the warm set has seen the demand. */
const RAMP_MS = 1_500;

interface Cpu {
  readonly executor: number;
  readonly sandboxes: number;
  readonly dispatcher: number;
  readonly client: number;
  readonly machine: number;
}

interface Slice {
  readonly perSecond: number;
  readonly latencies: readonly number[];
  /** CPU time for each execution, in ms; undefined where the processes cannot be seen. */
  readonly cpu: Cpu | undefined;
}

const cpuNow = ({ dispatcher, executors, launchers }: OwnProcesses): Cpu => {
  const ofExecutors = executors.map(cpuOf);
  const ofLaunchers = launchers.map(cpuOf);
  return {
    executor: sum(ofExecutors.map(({ own }) => own)),
    // A sandbox's processes count for the launcher once it has waited for them.
    sandboxes:
      sum(ofExecutors.map(({ children }) => children)) +
      sum(ofLaunchers.map(({ own, children }) => own + children)),
    dispatcher: cpuOf(dispatcher).own,
    client: cpuOf('self').own,
    machine: machineCpu(),
  };
};

const cpuEach = (before: Cpu, after: Cpu, count: number): Cpu => ({
  executor: (after.executor - before.executor) / count,
  sandboxes: (after.sandboxes - before.sandboxes) / count,
  dispatcher: (after.dispatcher - before.dispatcher) / count,
  client: (after.client - before.client) / count,
  machine: (after.machine - before.machine) / count,
});

/** Each connection sends its next request when it has the answer to the last; counts what ends within the window. */
const closedLoop = async (bench: Bench, connections: number, seconds: number): Promise<Slice> => {
  const latencies: number[] = [];
  let counting = false;
  let going = true;
  const connection = async (): Promise<void> => {
    while (going) {
      const request = { runtime: python.runtime, code: python.source(randomUUID()) };
      const { ms } = await bench.client.execute(request, python.stdout);
      if (counting) latencies.push(ms);
    }
  };
  const all = Promise.all(Array.from({ length: connections }, connection));
  // A failure ends the slice at once; it is thrown below.
  const failed = all.then(
    () => undefined,
    () => undefined,
  );
  await Promise.race([pause(RAMP_MS), failed]);
  const before = bench.own && cpuNow(bench.own);
  const started = performance.now();
  counting = true;
  await Promise.race([pause(seconds * 1_000), failed]);
  counting = false;
  const elapsed = performance.now() - started;
  const after = bench.own && cpuNow(bench.own);
  going = false;
  await all;
  return {
    perSecond: (latencies.length * 1_000) / elapsed,
    latencies,
    cpu: before && after && cpuEach(before, after, latencies.length),
  };
};

interface Measured {
  readonly pairs: readonly Pair[];
  readonly slices: readonly Slice[];
}

const measure = async (
  bench: Bench,
  connections: number,
  rounds: number,
  seconds: number,
): Promise<Measured> => {
  const folder = join(bench.folder, 'throughput');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, python.fileName), python.source(randomUUID()));
  const pairs: Pair[] = [];
  const slices: Slice[] = [];
  for (let round = 0; round < rounds; round++) {
    bench.say(`throughput over ${connections} connections ${round + 1}/${rounds}`);
    const slice = await closedLoop(bench, connections, seconds);
    // Sandboxes are still made ahead after the last answer: the baseline starts when that is over.
    await bench.client.untilWarm([python.runtime]);
    const bare = await loopShells(
      python.bare.replace('main.py', join(folder, 'main.py')),
      connections,
      seconds,
    );
    slices.push(slice);
    pairs.push({ value: slice.perSecond, baseline: bare.perSecond });
  }
  return { pairs, slices };
};

const rowsOf = (suffix: string, connections: number, { pairs, slices }: Measured): Row[] => {
  const p50 = median(slices.map(({ latencies }) => percentile(latencies, 0.5)));
  const p99 = median(slices.map(({ latencies }) => percentile(latencies, 0.99)));
  return [
    {
      name: `python-throughput${suffix}`,
      ...summarise(pairs),
      unit: '/s',
      target: { on: 'ratio', at: 'least', limit: 0.45 },
      against: `${connections} shells starting bare python in a loop`,
    },
    {
      name: `python-throughput${suffix}-p99`,
      value: p99,
      baseline: p50,
      ratio: p99 / p50,
      unit: 'ms',
      target: { on: 'ratio', at: 'most', limit: 4 },
      against: `p50 over ${connections} connections`,
    },
  ];
};

/** What one execution costs in CPU time, and who spends it: this is what bounds the rate. */
const cpuRows = (slices: readonly Slice[]): Row[] => {
  const known = slices.flatMap(({ cpu }) => cpu ?? []);
  if (known.length === 0) return [];
  const of = (name: keyof Cpu): number => median(known.map((cpu) => cpu[name]));
  const machine = of('machine');
  const row = (name: string, value: number): Row => ({
    name: `python-throughput-cpu-${name}`,
    value,
    baseline: machine,
    ratio: value / machine,
    unit: 'ms',
    against: 'CPU time of the whole machine for each execution',
  });
  const named = {
    sandboxes: of('sandboxes'),
    executor: of('executor'),
    dispatcher: of('dispatcher'),
    client: of('client'),
  };
  return [
    ...Object.entries(named).map(([name, value]) => row(name, value)),
    row('rest', machine - sum(Object.values(named))),
  ];
};

export const throughput: Scenario = {
  name: 'python-throughput',
  runtimes: [python.runtime],
  async run(bench) {
    const [rounds, seconds] = bench.quick ? [1, 2] : [5, 3];
    // Once unmeasured: code that Node compiles at its first use, pages of the interpreter.
    await closedLoop(bench, 4, bench.quick ? 0.5 : 2);
    await bench.client.untilWarm([python.runtime]);
    const four = await measure(bench, 4, rounds, seconds);
    const rows = rowsOf('', 4, four);
    if (!bench.quick) rows.push(...rowsOf('-8', 8, await measure(bench, 8, rounds, seconds)));
    return [...rows, ...cpuRows(four.slices)];
  },
};
