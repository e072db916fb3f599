import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { executionResultSchema } from '../../../service/contracts/execution.ts';
import type { Driven, Load } from '../dispatcher/generator.ts';
import { endPart, heard, startDispatcher, startPart } from '../dispatcher/parts.ts';
import { cpuOf } from '../processes.ts';
import type { Bench, Row, Scenario } from '../scenario.ts';
import { median } from '../statistics.ts';

/** As many as a class that submits at once; the fake executors take as many each. */
const CONNECTIONS = 64;

interface Slice {
  readonly perSecond: number;
  /** CPU time of the dispatcher's process for each execution, and of the generator's, in ms. */
  readonly cpu: number;
  readonly generatorCpu: number;
  readonly p50: number;
  readonly p99: number;
}

interface Parts {
  readonly dispatcher: ChildProcess;
  readonly generator: ChildProcess;
  readonly url: string;
  readonly token: string;
}

const startParts = async (bench: Bench): Promise<Parts> => {
  const folder = join(bench.folder, 'dispatcher-throughput');
  const { child: dispatcher, token } = startDispatcher('dispatcher.ts', folder);
  const { url } = await heard<{ url: string }>(dispatcher);
  return { dispatcher, generator: startPart('generator.ts'), url, token };
};

const drive = async ({ dispatcher, generator, url, token }: Parts, seconds: number): Promise<Slice> => {
  const cpuNow = () => [dispatcher, generator].map(({ pid }) => cpuOf(pid ?? 0).own);
  const [before = 0, generatorBefore = 0] = cpuNow();
  const body = JSON.stringify({ runtime: 'python', code: 'print("hello")\n' });
  generator.send({ url, token, connections: CONNECTIONS, seconds, body } satisfies Load);
  const driven = await heard<Driven>(generator);
  const [after = 0, generatorAfter = 0] = cpuNow();
  const { run } = executionResultSchema.parse(JSON.parse(driven.answer));
  if (run?.stdout !== 'hello\n') throw new Error(`an execution did not end as expected: ${driven.answer}`);
  return {
    perSecond: driven.ended / driven.seconds,
    cpu: (after - before) / driven.ended,
    generatorCpu: (generatorAfter - generatorBefore) / driven.ended,
    p50: driven.p50,
    p99: driven.p99,
  };
};

const rowsOf = (slices: readonly Slice[]): Row[] => {
  const of = (name: keyof Slice): number => median(slices.map((slice) => slice[name]));
  const perSecond = of('perSecond');
  const cpu = of('cpu');
  const row = (name: string, value: number, baseline: number, unit: string, against: string): Row => ({
    name: `dispatcher-throughput${name}`,
    ...{ value, baseline, ratio: value / baseline, unit, against },
  });
  return [
    {
      ...row('', perSecond, 1_000 / cpu, '/s', 'one core kept busy, by the CPU time of each execution'),
      target: { on: 'value', at: 'least', limit: 3_000 },
    },
    {
      ...row('-cpu', cpu, of('generatorCpu'), 'ms', 'CPU time of the process that makes the requests'),
      target: { on: 'value', at: 'most', limit: 1_000 / 3_000 },
    },
    row('-p99', of('p99'), of('p50'), 'ms', `p50 over ${CONNECTIONS} connections`),
  ];
};

/** What one dispatcher can take in where executors cost nothing: theirs are fake ones, in other processes. */
export const dispatcherThroughput: Scenario = {
  name: 'dispatcher-throughput',
  runtimes: [],
  async run(bench) {
    const [rounds, seconds] = bench.quick ? [1, 2] : [5, 3];
    const parts = await startParts(bench);
    try {
      // Once unmeasured: connections are opened, and V8 compiles what is hot.
      await drive(parts, bench.quick ? 2 : 3);
      const slices: Slice[] = [];
      for (let round = 0; round < rounds; round++) {
        bench.say(`dispatcher-throughput ${round + 1}/${rounds}`);
        slices.push(await drive(parts, seconds));
      }
      return rowsOf(slices);
    } finally {
      await Promise.all([endPart(parts.generator), endPart(parts.dispatcher)]);
    }
  },
};
