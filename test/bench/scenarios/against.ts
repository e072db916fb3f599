import type { Api, Ask } from '../apis/api.ts';
import { askPaddock } from '../apis/paddock.ts';
import { closedLoop, exercise, type Slice } from '../load/loops.ts';
import { type Target as Driven, targetOf } from '../load/target.ts';
import { cpp, javascript, type Program, python } from '../programs.ts';
import type { Bench, Row, Scenario, Target } from '../scenario.ts';
import { type Pair, percentile, summarise } from '../statistics.ts';

/** Another system that runs already, by its interface. */
export interface Rival {
  readonly url: string;
  readonly api: Api;
}

interface Plan {
  readonly program: Program;
  /** Executions one at a time, for each of the two. */
  readonly count: number;
  readonly rounds: number;
  readonly seconds: number;
  readonly rampMs: number;
  /** Executions on each connection before any is measured. */
  readonly exercise: number;
}

interface Both {
  readonly ours: Driven;
  readonly theirs: Driven;
}

const rest = (bench: Bench, { program }: Plan): Promise<void> => bench.client.untilWarm([program.runtime]);

/** One at a time: ours, theirs, ours, theirs …, each on a machine that has come to rest. */
const helloPairs = async (bench: Bench, plan: Plan, { ours, theirs }: Both): Promise<Pair[]> => {
  const [toUs, toThem] = [ours.connect(), theirs.connect()];
  const pairs: Pair[] = [];
  try {
    for (let done = 0; done < plan.count; done++) {
      bench.say(`${plan.program.runtime} one at a time ${done + 1}/${plan.count}`);
      await rest(bench, plan);
      const value = await ours.once(toUs);
      await rest(bench, plan);
      pairs.push({ value, baseline: await theirs.once(toThem) });
    }
    return pairs;
  } finally {
    toUs.close();
    toThem.close();
  }
};

interface Loaded {
  readonly ours: Slice<undefined>;
  readonly theirs: Slice<undefined>;
}

/** The same load on ours, then on theirs, and again. */
const loads = async (bench: Bench, plan: Plan, { ours, theirs }: Both): Promise<Loaded[]> => {
  const { rampMs, rounds } = plan;
  const drive = (target: Driven, seconds: number): Promise<Slice<undefined>> =>
    closedLoop(target, { connections: bench.connections, rampMs, seconds, sample: () => undefined });
  const all: Loaded[] = [];
  for (let round = 0; round < rounds; round++) {
    bench.say(`${plan.program.runtime} over ${bench.connections} connections ${round + 1}/${rounds}`);
    await rest(bench, plan);
    const one = await drive(ours, plan.seconds);
    await rest(bench, plan);
    all.push({ ours: one, theirs: await drive(theirs, plan.seconds) });
  }
  return all;
};

const rowsOf = (
  name: string,
  rival: Rival,
  target: Target | undefined,
  hello: readonly Pair[],
  loaded: readonly Loaded[],
): Row[] => {
  const against = `${rival.api.name} at ${rival.url}`;
  const p99 = ({ latencies }: Slice<undefined>): number => percentile(latencies, 0.99);
  const rates = loaded.map(({ ours, theirs }) => ({ value: ours.perSecond, baseline: theirs.perSecond }));
  const tails = loaded.map(({ ours, theirs }) => ({ value: p99(ours), baseline: p99(theirs) }));
  return [
    { name: `${name}-hello`, ...summarise(hello), unit: 'ms', against },
    { name: `${name}-throughput`, ...summarise(rates), unit: '/s', target, against },
    { name: `${name}-throughput-p99`, ...summarise(tails), unit: 'ms', against },
  ];
};

const againstIn = (
  name: string,
  rival: Rival,
  target: Target | undefined,
  planOf: (quick: boolean) => Plan,
): Scenario => ({
  name: `${name}-against`,
  runtimes: [planOf(false).program.runtime],
  async run(bench): Promise<Row[]> {
    const plan = planOf(bench.quick);
    const ask: Ask = await rival.api.ask(plan.program);
    const both: Both = {
      ours: targetOf(bench.client.url, askPaddock(plan.program, bench.token)),
      theirs: targetOf(rival.url, ask),
    };
    for (const target of [both.ours, both.theirs]) await exercise(target, bench.connections, plan.exercise);
    const hello = await helloPairs(bench, plan, both);
    return rowsOf(`${name}-against`, rival, target, hello, await loads(bench, plan, both));
  },
});

/** Four times go-judge is what an execution in Python is meant to reach; of the others nothing is known. */
const targetFor = (api: Api): Target | undefined =>
  api.name === 'go-judge' ? { on: 'ratio', at: 'least', limit: 4 } : undefined;

const quickly = { count: 5, rounds: 1, seconds: 2, rampMs: 1_000, exercise: 1 };

export const againstScenarios = (rival: Rival): readonly Scenario[] => [
  againstIn('python', rival, targetFor(rival.api), (quick) => ({
    ...{ program: python, count: 25, rounds: 4, seconds: 3, rampMs: 1_500, exercise: 200 },
    ...(quick && quickly),
  })),
  againstIn('javascript', rival, undefined, (quick) => ({
    ...{ program: javascript, count: 15, rounds: 3, seconds: 4, rampMs: 1_500, exercise: 20 },
    ...(quick && quickly),
  })),
  againstIn('cpp', rival, undefined, (quick) => ({
    ...{ program: cpp, count: 4, rounds: 2, seconds: 12, rampMs: 3_000, exercise: 1 },
    ...(quick && { ...quickly, count: 1, seconds: 6 }),
  })),
];
