import type { ChildProcess } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { FleetOrder } from '../dispatcher/fake-fleet.ts';
import type { FleetJoined, FleetUrls } from '../dispatcher/fleet-dispatcher.ts';
import type { FleetDriven, FleetLoad } from '../dispatcher/fleet-load.ts';
import { endPart, heard, startDispatcher, startPart } from '../dispatcher/parts.ts';
import { coreWaitOf, cpuOf, machineCpu, memoryOf } from '../processes.ts';
import { figure } from '../report.ts';
import type { Bench, Row, Scenario } from '../scenario.ts';
import { sum } from '../statistics.ts';

/** What one dispatcher has to hold. */
const GOAL = { executors: 1_000, perSecond: 1_500, p99: 50 };
const FLEETS = [1, 100, 1_000];
const RATES = [500, 1_000, 1_500, 2_000, 2_500, 3_000, 4_000];
/** Of all executors together, at the least: they are not to be what bounds the rate. */
const PLACES = 2_000;
const SECONDS = 4;
const RUNTIMES = Array.from({ length: 12 }, (_, number) => `runtime${number}`);

interface Fleet {
  readonly executors: number;
  readonly dispatcher: ChildProcess;
  readonly fakes: ChildProcess;
  readonly generator: ChildProcess;
  readonly joined: FleetJoined;
  readonly token: string;
}

interface Step extends FleetDriven {
  readonly executors: number;
  readonly asked: number;
  /** Shares of one core. */
  readonly cpu: { readonly dispatcher: number; readonly generator: number; readonly fakes: number };
  /** What anything else on the machine used meanwhile, as a share of one core. */
  readonly others: number;
  /** Share of the time in which the dispatcher could have run and had no core. */
  readonly waited: number;
  readonly memoryMb: number;
  readonly descriptors: number;
}

const startFleet = async (bench: Bench, executors: number): Promise<Fleet> => {
  const [fakes, generator] = [startPart('fake-fleet.ts'), startPart('fleet-load.ts')];
  const maxRunning = Math.max(4, Math.ceil(PLACES / executors));
  fakes.send({ executors, maxRunning, runtimes: RUNTIMES } satisfies FleetOrder);
  const { urls } = await heard<FleetUrls>(fakes);
  const folder = join(bench.folder, `dispatcher-fleet-${executors}`);
  const { child: dispatcher, token } = startDispatcher('fleet-dispatcher.ts', folder);
  dispatcher.send({ urls } satisfies FleetUrls);
  const joined = await heard<FleetJoined>(dispatcher);
  return { executors, dispatcher, fakes, generator, joined, token };
};

const drive = async (fleet: Fleet, asked: number, seconds: number): Promise<Step> => {
  const { dispatcher, generator, fakes, joined, token, executors } = fleet;
  const parts = { dispatcher, generator, fakes };
  const cpu = (): Record<keyof typeof parts, number> => {
    const of = ({ pid }: ChildProcess): number => cpuOf(pid ?? 0).own;
    return { dispatcher: of(dispatcher), generator: of(generator), fakes: of(fakes) };
  };
  const machine = () => ({ cpu: machineCpu(), waited: coreWaitOf(dispatcher.pid ?? 0) ?? 0 });
  const [before, machineBefore, startedAt] = [cpu(), machine(), performance.now()];
  const load = { perSecond: asked, rampSeconds: seconds / 3, seconds };
  generator.send({ url: joined.url, token, runtimes: RUNTIMES, ...load } satisfies FleetLoad);
  const driven = await heard<FleetDriven>(generator);
  const [after, machineAfter, ms] = [cpu(), machine(), performance.now() - startedAt];
  const share = (part: keyof typeof parts): number => (after[part] - before[part]) / ms;
  const shares = { dispatcher: share('dispatcher'), generator: share('generator'), fakes: share('fakes') };
  return {
    ...driven,
    executors,
    asked,
    cpu: shares,
    others: (machineAfter.cpu - machineBefore.cpu) / ms - sum(Object.values(shares)),
    waited: (machineAfter.waited - machineBefore.waited) / ms,
    memoryMb: memoryOf(dispatcher.pid ?? 0).rss,
    descriptors: readdirSync(`/proc/${dispatcher.pid}/fd`).length,
  };
};

/** Whether it answered all that it was asked, in time. */
const holds = ({ p99, refused, perSecond, asked }: Step): boolean =>
  p99 < GOAL.p99 && refused === 0 && perSecond > asked * 0.95;

/** The one with the median p99: a moment in which the machine did something else is no property of the dispatcher. */
const middleOf = (slices: readonly Step[]): Step => {
  const sorted = slices.toSorted((a, b) => a.p99 - b.p99);
  const middle = sorted[Math.floor(sorted.length / 2)];
  if (!middle) throw new Error('nothing was measured');
  return middle;
};

const percent = (share: number): string => `${(share * 100).toFixed(0)} %`;

const stepRow = (step: Step): Row => {
  const { executors, asked, p50, p99, perSecond, cpu, refused } = step;
  const facts = [
    `p50, at ${perSecond.toFixed(0)}/s`,
    `dispatcher ${percent(cpu.dispatcher)} of a core, ${step.memoryMb.toFixed(0)} MB, ${step.descriptors} descriptors`,
    `generator ${percent(cpu.generator)}, ${figure(step.lateP99)} ms late at p99`,
    `executors ${percent(cpu.fakes)}`,
    `all else ${percent(step.others)}; the dispatcher waited ${percent(step.waited)} of the time for a core`,
    ...(refused > 0 ? [`${refused} refused`] : []),
  ];
  const isGoal = executors === GOAL.executors && asked === GOAL.perSecond;
  return {
    name: `dispatcher-fleet-${executors}x${asked}`,
    ...{ value: p99, baseline: p50, ratio: p99 / p50, unit: 'ms', against: facts.join('; ') },
    ...(isGoal && { target: { on: 'value', at: 'most', limit: GOAL.p99 } as const }),
  };
};

/** The highest rate that it held before the first that it did not. */
const bendRow = (executors: number, steps: readonly Step[]): Row => {
  const bent = steps.find((step) => !holds(step));
  const held = bent ? steps[steps.indexOf(bent) - 1] : steps.at(-1);
  const value = held?.perSecond ?? 0;
  return {
    name: `dispatcher-fleet-${executors}-bends`,
    ...{ value, baseline: GOAL.perSecond, ratio: value / GOAL.perSecond, unit: '/s' },
    against: `the goal; ${bent ? `it bends at ${bent.asked}/s: ${bent.perSecond.toFixed(0)}/s, p99 ${figure(bent.p99)} ms` : 'no bend was seen up to this rate'}`,
  };
};

const joinRow = ({ executors, joined }: Fleet): Row => ({
  name: `dispatcher-fleet-${executors}-join`,
  ...{ value: joined.joinMs, baseline: executors, ratio: joined.joinMs / executors, unit: 'ms' },
  against: 'how many join at once, at a dispatcher that has just started; the ratio is ms for each',
});

const climb = async (bench: Bench, executors: number): Promise<Row[]> => {
  const rates = bench.quick ? [GOAL.perSecond] : RATES;
  const slicesEach = bench.quick ? 1 : 3;
  const fleet = await startFleet(bench, executors);
  try {
    // Once unmeasured: connections are opened, and V8 compiles what is hot.
    await drive(fleet, GOAL.perSecond / 2, 3);
    const steps: Step[] = [];
    for (const rate of rates) {
      bench.say(`dispatcher-fleet: ${executors} executors, ${rate}/s`);
      const slices: Step[] = [];
      for (let slice = 0; slice < slicesEach; slice++) slices.push(await drive(fleet, rate, SECONDS));
      const step = middleOf(slices);
      steps.push(step);
      if (!holds(step)) break;
    }
    return [joinRow(fleet), ...steps.map(stepRow), bendRow(executors, steps)];
  } finally {
    await Promise.all([fleet.generator, fleet.dispatcher, fleet.fakes].map(endPart));
  }
};

/**
 * How many executors and how many executions a second one dispatcher holds, and where it bends. The executors are fake
 * ones that pretend to run for 20 to 100 ms; times are what the dispatcher adds to that, in an open loop.
 */
export const dispatcherFleet: Scenario = {
  name: 'dispatcher-fleet',
  runtimes: [],
  async run(bench) {
    const rows: Row[] = [];
    for (const executors of bench.quick ? [GOAL.executors] : FLEETS)
      rows.push(...(await climb(bench, executors)));
    return rows;
  },
};
