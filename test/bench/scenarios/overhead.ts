import { randomUUID } from 'node:crypto';
import { python } from '../programs.ts';
import type { Bench, Row, Scenario } from '../scenario.ts';
import { median } from '../statistics.ts';

/** The steps of one execution, in ms. */
interface Steps {
  readonly queue: number;
  /** What the way to the executor and back adds, its HTTP server included. */
  readonly dispatch: number;
  /** Taking a warm sandbox and writing the files into it. */
  readonly prepare: number;
  /** From go to the exit of the program and the end of its output. */
  readonly run: number;
  readonly collect: number;
  /** What the caller waits beyond what the dispatcher counts: its HTTP server and the way to it. */
  readonly answer: number;
  readonly wall: number;
}

type StepSums = ReadonlyMap<string, { readonly seconds: number; readonly count: number }>;

/** The sums of the histogram of steps: the difference between two readings is what happened in between. */
const stepSums = async (bench: Bench): Promise<StepSums> => {
  const text = await bench.client.get('/metrics');
  const sums = new Map<string, { seconds: number; count: number }>();
  for (const [, kind, step, value] of text.matchAll(
    /^paddock_step_seconds_(sum|count)\{[^}]*step="([a-z]+)"[^}]*\} (\S+)/gm,
  )) {
    const entry = sums.get(step ?? '') ?? { seconds: 0, count: 0 };
    if (kind === 'sum') entry.seconds = Number(value);
    else entry.count = Number(value);
    sums.set(step ?? '', entry);
  }
  return sums;
};

const stepMs = (name: string, before: StepSums, after: StepSums): number => {
  const [from, to] = [
    before.get(name) ?? { seconds: 0, count: 0 },
    after.get(name) ?? { seconds: 0, count: 0 },
  ];
  // Of a service that others use as well, this is the mean of what went on meanwhile.
  return ((to.seconds - from.seconds) * 1_000) / Math.max(1, to.count - from.count);
};

const measureOne = async (bench: Bench): Promise<Steps> => {
  await bench.client.untilWarm([python.runtime]);
  const before = await stepSums(bench);
  const request = { runtime: python.runtime, code: python.source(randomUUID()) };
  const { result, ms } = await bench.client.execute(request, python.stdout);
  const { queuedMs, preparedMs, runMs, totalMs } = result.timings;
  const after = await stepSums(bench);
  return {
    queue: queuedMs,
    dispatch: stepMs('dispatch', before, after),
    prepare: preparedMs,
    run: runMs,
    collect: stepMs('collect', before, after),
    answer: ms - totalMs,
    wall: ms,
  };
};

/** Where the time of one execution goes, each step held against the whole as the caller sees it. */
export const overhead: Scenario = {
  name: 'overhead',
  runtimes: [python.runtime],
  async run(bench): Promise<Row[]> {
    const count = bench.quick ? 5 : 30;
    const all: Steps[] = [];
    await measureOne(bench);
    for (let done = 0; done < count; done++) {
      bench.say(`overhead ${done + 1}/${count}`);
      all.push(await measureOne(bench));
    }
    const row = (name: string, of: (steps: Steps) => number): Row => ({
      name,
      value: median(all.map(of)),
      baseline: median(all.map(({ wall }) => wall)),
      ratio: median(all.map((steps) => of(steps) / steps.wall)),
      unit: 'ms',
      against: 'the whole of a python hello as the caller sees it',
    });
    return [
      row('overhead', ({ wall, run }) => wall - run),
      ...(['queue', 'dispatch', 'prepare', 'run', 'collect', 'answer'] as const).map((step) =>
        row(`overhead-${step}`, (steps) => steps[step]),
      ),
    ];
  },
};
