import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { repository } from '../../harness/start-service.ts';
import { waitFor } from '../../harness/wait-for.ts';
import { untilAtRest } from '../nomad/at-rest.ts';
import { type OnNomad, onNomad, POOL } from '../nomad/open-nomad.ts';
import { type Steps, stepsOf } from '../nomad/steps.ts';
import { python } from '../programs.ts';
import type { Bench, Row, Scenario } from '../scenario.ts';
import { median, percentile } from '../statistics.ts';

const NAME = 'nomad-cold-start';

interface Start {
  readonly steps: Steps;
  /** Milliseconds since 1970. */
  readonly askedAt: number;
  readonly answeredAt: number;
  /** The next execution on the same executor, in ms. */
  readonly warmMs: number;
}

const epoch = (): number => performance.timeOrigin + performance.now();
const ask = () => ({ runtime: python.runtime, code: python.source(randomUUID()) });

const untilNoneIsLeft = async ({ installation }: OnNomad): Promise<void> => {
  await waitFor(async () => (await installation.children(POOL)).length === 0, {
    what: 'the executor to end',
    timeoutMs: 30_000,
    everyMs: 100,
  });
  await untilAtRest();
};

const startOne = async (nomad: OnNomad): Promise<Start> => {
  await untilNoneIsLeft(nomad);
  const askedAt = epoch();
  const { result } = await nomad.client.execute(ask(), python.stdout);
  const answeredAt = epoch();
  const { ms: warmMs } = await nomad.client.execute(ask(), python.stdout);
  return { askedAt, answeredAt, warmMs, steps: await stepsOf(nomad, result.executor) };
};

/** What happens between two moments, in their order. */
const phases: readonly {
  name: string;
  what: string;
  from: (start: Start) => number;
  to: (start: Start) => number;
}[] = [
  {
    ...{ name: 'dispatched', what: 'from the request to the dispatch at Nomad' },
    ...{ from: ({ askedAt }) => askedAt, to: ({ steps }) => steps.dispatched },
  },
  {
    ...{ name: 'placed', what: 'until Nomad has chosen the node' },
    ...{ from: ({ steps }) => steps.dispatched, to: ({ steps }) => steps.placed },
  },
  {
    ...{ name: 'started', what: "until Nomad's client has made the task's folders and its process runs" },
    ...{ from: ({ steps }) => steps.placed, to: ({ steps }) => steps.started },
  },
  {
    ...{ name: 'listening', what: 'until the executor listens' },
    ...{ from: ({ steps }) => steps.started, to: ({ steps }) => steps.listening },
  },
  {
    ...{ name: 'joined', what: 'until it has registered and the dispatcher takes it' },
    ...{ from: ({ steps }) => steps.listening, to: ({ steps }) => steps.joined },
  },
  {
    ...{ name: 'answered', what: 'until the first execution is answered' },
    ...{ from: ({ steps }) => steps.joined, to: ({ answeredAt }) => answeredAt },
  },
];

const rowsOf = (starts: readonly Start[]): Row[] => {
  const totals = starts.map(({ askedAt, answeredAt }) => answeredAt - askedAt);
  const [total, warm] = [median(totals), median(starts.map(({ warmMs }) => warmMs))];
  const high = percentile(totals, 0.9);
  return [
    {
      ...{ name: NAME, value: total, baseline: warm, ratio: total / warm, unit: 'ms' },
      target: { on: 'value', at: 'most', limit: 1_500 },
      against: `the next execution on the same executor; ${starts.length} starts`,
    },
    {
      ...{ name: `${NAME}-p90`, value: high, baseline: total, ratio: high / total, unit: 'ms' },
      against: 'the median',
    },
    ...phases.map(({ name, what, from, to }): Row => {
      const value = median(starts.map((start) => to(start) - from(start)));
      return {
        ...{ name: `${NAME}-${name}`, value, baseline: total, ratio: value / total, unit: 'ms' },
        against: `the whole; ${what}`,
      };
    }),
  ];
};

const measure = async (bench: Bench, nomad: OnNomad): Promise<Row[]> => {
  const count = bench.quick ? 3 : 15;
  // Unmeasured: the first start on a node fills what all others share.
  await startOne(nomad);
  const starts: Start[] = [];
  while (starts.length < count) {
    bench.say(`${NAME} ${starts.length + 1}/${count}`);
    starts.push(await startOne(nomad));
  }
  return rowsOf(starts);
};

/**
 * From a request for which there is no executor to its answer, on a pool that may be empty. The executor has all of the
 * project's runtimes.
 */
export const nomadColdStart: Scenario = {
  name: NAME,
  runtimes: [],
  run: (bench) =>
    onNomad(
      bench,
      {
        ...{ minimum: 0, maximum: 1, idleSeconds: 2 },
        executor: { memoryMb: 2_048, environment: { PADDOCK_IMAGES_DIR: join(repository, 'images') } },
      },
      (nomad) => measure(bench, nomad),
    ),
};
