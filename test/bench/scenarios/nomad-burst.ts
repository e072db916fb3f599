import { randomUUID } from 'node:crypto';
import { poolOf } from '../../harness/nomad-paddock.ts';
import { waitFor } from '../../harness/wait-for.ts';
import { untilAtRest } from '../nomad/at-rest.ts';
import { type OnNomad, onNomad, POOL } from '../nomad/open-nomad.ts';
import { linesOf } from '../nomad/steps.ts';
import type { Bench, Row, Scenario } from '../scenario.ts';
import { median } from '../statistics.ts';

const NAME = 'nomad-burst';
const EXECUTORS = 20;
/** Enough that the first executors are still busy when the last one comes. */
const EXECUTIONS = 120;
const TOLD = [5, 10, 15, EXECUTORS];
const LIMIT_SECONDS = 15;

interface Burst {
  /** When each executor took its first execution, in s after the burst, in order. */
  readonly firsts: readonly number[];
  /** Seconds until all were answered. */
  readonly answered: number;
  /** How many more the dispatcher asked Nomad for, each time that it did. */
  readonly launches: readonly number[];
}

const ask = () => ({
  runtime: 'python',
  code: `# ${randomUUID()}\nimport time\ntime.sleep(3)\nprint("hello")\n`,
});

const launchesIn = (log: string): number[] =>
  linesOf(log).flatMap(({ msg, count }) => (msg === 'asks for more executors' ? (count ?? []) : []));

const untilOneIsLeft = async ({ installation, service }: OnNomad): Promise<void> => {
  await waitFor(
    async () =>
      (await installation.children(POOL)).length === 1 && (await poolOf(service.url, POOL)).executors === 1,
    { what: 'the pool to shrink to one executor', timeoutMs: 120_000, everyMs: 200 },
  );
  await untilAtRest();
};

const burst = async (nomad: OnNomad): Promise<Burst> => {
  await untilOneIsLeft(nomad);
  const launchedBefore = launchesIn(nomad.service.log()).length;
  const startedAt = performance.now();
  const firsts = new Map<string, number>();
  await Promise.all(
    Array.from({ length: EXECUTIONS }, async () => {
      const sentMs = performance.now() - startedAt;
      const { result } = await nomad.client.execute(ask(), 'hello\n');
      const tookAt = (sentMs + result.timings.queuedMs) / 1_000;
      firsts.set(result.executor, Math.min(tookAt, firsts.get(result.executor) ?? tookAt));
    }),
  );
  return {
    firsts: [...firsts.values()].sort((a, b) => a - b),
    answered: (performance.now() - startedAt) / 1_000,
    launches: launchesIn(nomad.service.log()).slice(launchedBefore),
  };
};

const rowsOf = (bursts: readonly Burst[]): Row[] => {
  const answered = median(bursts.map((one) => one.answered));
  const launches = bursts.map((one) => one.launches.join(' + ')).join(', ');
  const missing = bursts.filter(({ firsts }) => firsts.length < EXECUTORS).length;
  if (missing > 0) throw new Error(`${missing} bursts were over before ${EXECUTORS} executors worked`);
  return TOLD.map((nth) => {
    const value = median(bursts.map(({ firsts }) => firsts[nth - 1] ?? Number.NaN));
    const isLast = nth === EXECUTORS;
    return {
      name: `${NAME}-${nth}`,
      ...{ value, baseline: answered, ratio: value / answered, unit: 's' },
      ...(isLast && { target: { on: 'value', at: 'most', limit: LIMIT_SECONDS } as const }),
      against: isLast
        ? `all ${EXECUTIONS} executions answered; from 1 executor, ${bursts.length} bursts, Nomad was asked for ${launches}`
        : `all ${EXECUTIONS} executions answered; executor ${nth} of ${EXECUTORS} takes its first`,
    };
  });
};

const measure = async (bench: Bench, nomad: OnNomad): Promise<Row[]> => {
  const count = bench.quick ? 1 : 3;
  const bursts: Burst[] = [];
  while (bursts.length < count) {
    bench.say(`${NAME} ${bursts.length + 1}/${count}`);
    bursts.push(await burst(nomad));
  }
  return rowsOf(bursts);
};

/** A pool that grows from 1 executor to 20 because so many executions come at once: until each executor has taken one. */
export const nomadBurst: Scenario = {
  name: NAME,
  runtimes: [],
  run: (bench) =>
    onNomad(
      bench,
      {
        ...{ minimum: 1, maximum: EXECUTORS, headroom: 0, idleSeconds: 2 },
        executor: { memoryMb: 384, maxRunning: 1 },
      },
      (nomad) => measure(bench, nomad),
    ),
};
