import { randomUUID } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cpp, java, javascript, type Program, python } from '../programs.ts';
import type { Bench, Row, Scenario } from '../scenario.ts';
import { type Pair, summarise } from '../statistics.ts';

interface Counts {
  readonly full: number;
  readonly quick: number;
}

/** Service, bare command, service, bare command …: one at a time, each on a machine that has come to rest. */
const pairs = async (bench: Bench, program: Program, count: number): Promise<Pair[]> => {
  const folder = join(bench.folder, program.runtime.replaceAll('+', 'p'));
  mkdirSync(folder, { recursive: true });
  const viaService = async (): Promise<number> => {
    await bench.client.untilWarm([program.runtime]);
    const code = program.source(randomUUID());
    return (await bench.client.execute({ runtime: program.runtime, code }, program.stdout)).ms;
  };
  const bare = async (): Promise<number> => {
    writeFileSync(join(folder, program.fileName), program.source(randomUUID()));
    await bench.client.untilWarm([program.runtime]);
    return bench.shell.time(folder, program.bare, program.stdout);
  };
  // Once each unmeasured: connections, page cache, code that Node compiles at its first use.
  await viaService();
  await bare();
  const measured: Pair[] = [];
  for (let done = 0; done < count; done++) {
    bench.say(`${program.runtime} hello ${done + 1}/${count}`);
    measured.push({ value: await viaService(), baseline: await bare() });
  }
  return measured;
};

const hello = (name: string, program: Program, limit: number, { full, quick }: Counts): Scenario => ({
  name,
  runtimes: [program.runtime],
  async run(bench): Promise<Row[]> {
    const measured = summarise(await pairs(bench, program, bench.quick ? quick : full));
    const against = program.bare.replace(/'.*\/node'/, 'node');
    return [{ name, ...measured, unit: 'ms', target: { on: 'ratio', at: 'most', limit }, against }];
  },
});

export const helloScenarios: readonly Scenario[] = [
  hello('python-hello', python, 0.35, { full: 40, quick: 8 }),
  hello('javascript-hello', javascript, 0.25, { full: 30, quick: 7 }),
  hello('java-hello', java, 0.4, { full: 10, quick: 3 }),
  hello('cpp-hello', cpp, 0.4, { full: 8, quick: 3 }),
];
