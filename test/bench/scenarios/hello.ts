import { randomUUID } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bareElsewhere, cpp, java, javascript, type Program, python } from '../programs.ts';
import type { Bench, Row, Scenario } from '../scenario.ts';
import { type Pair, summarise } from '../statistics.ts';

interface Counts {
  readonly full: number;
  readonly quick: number;
  /** Executions before the first that counts. */
  readonly warmUp: number;
}

/** A service that has worked for a while: connections are open, and Node has compiled the code on the way. */
const warmUp = async (bench: Bench, program: Program, count: number): Promise<void> => {
  let left = count;
  const connection = async (): Promise<void> => {
    while (left-- > 0) {
      const code = program.source(randomUUID());
      await bench.client.execute(
        { runtime: program.runtime, version: program.version, code },
        program.stdout,
      );
    }
  };
  await Promise.all([connection(), connection()]);
};

/** Service, bare command, service, bare command …: one at a time, each on a machine that has come to rest. */
const pairs = async (bench: Bench, program: Program, count: number): Promise<Pair[]> => {
  const folder = join(bench.folder, program.runtime.replaceAll('+', 'p'));
  mkdirSync(folder, { recursive: true });
  const viaService = async (): Promise<number> => {
    await bench.client.untilWarm([program.runtime]);
    const code = program.source(randomUUID());
    return (
      await bench.client.execute({ runtime: program.runtime, version: program.version, code }, program.stdout)
    ).ms;
  };
  const bare = async (): Promise<number> => {
    writeFileSync(join(folder, program.fileName), program.source(randomUUID()));
    await bench.client.untilWarm([program.runtime]);
    return bench.shell.time(folder, program.bare, program.stdout);
  };
  await bare();
  const measured: Pair[] = [];
  for (let done = 0; done < count; done++) {
    bench.say(`${program.runtime} hello ${done + 1}/${count}`);
    measured.push({ value: await viaService(), baseline: await bare() });
  }
  return measured;
};

const hello = (name: string, program: Program, limit: number, counts: Counts): Scenario => ({
  name,
  runtimes: [program.runtime],
  async run(bench): Promise<Row[]> {
    await warmUp(bench, program, bench.quick ? Math.ceil(counts.warmUp / 5) : counts.warmUp);
    const measured = summarise(await pairs(bench, program, bench.quick ? counts.quick : counts.full));
    const target = { on: 'ratio', at: 'most', limit } as const;
    return [{ name, ...measured, unit: 'ms', target, against: bareElsewhere(program) }];
  },
});

/** The very same source again and again: the service may keep what the compiler made of it, the bare command cannot. */
const cached: Scenario = {
  name: 'cpp-cached',
  runtimes: [cpp.runtime],
  async run(bench): Promise<Row[]> {
    const source = cpp.source(randomUUID());
    const same: Program = { ...cpp, source: () => source };
    await warmUp(bench, same, 4);
    const measured = summarise(await pairs(bench, same, bench.quick ? 2 : 8));
    const target = { on: 'ratio', at: 'most', limit: 0.03 } as const;
    return [{ name: 'cpp-cached', ...measured, unit: 'ms', target, against: bareElsewhere(cpp) }];
  },
};

export const helloScenarios: readonly Scenario[] = [
  hello('python-hello', python, 0.25, { full: 40, quick: 7, warmUp: 400 }),
  hello('javascript-hello', javascript, 0.15, { full: 30, quick: 6, warmUp: 200 }),
  hello('java-hello', java, 0.3, { full: 10, quick: 3, warmUp: 5 }),
  hello('cpp-hello', cpp, 0.3, { full: 8, quick: 2, warmUp: 2 }),
  cached,
];
