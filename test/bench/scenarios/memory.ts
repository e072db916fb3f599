import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { Sandbox, SandboxSpec } from '../../../service/executor/sandbox/port.ts';
import { descendantsOf } from '../../harness/processes.ts';
import { type Makers, openMakers } from '../makers.ts';
import { cgroupMemory, memoryOf } from '../processes.ts';
import { projectNode, python } from '../programs.ts';
import { type Bench, type Row, type Scenario, Skip, type Target } from '../scenario.ts';
import { plainEnvironment } from '../shell.ts';
import { sum } from '../statistics.ts';

/** A program that waits, for as long as `use` takes. */
const withIdle = async <T>(
  command: string,
  args: string[],
  use: (child: ChildProcess) => Promise<T>,
): Promise<T> => {
  const child = spawn(command, args, { env: plainEnvironment, stdio: ['pipe', 'pipe', 'inherit'] });
  try {
    await new Promise((resolve) => child.stdout.once('data', resolve));
    return await use(child);
  } finally {
    child.kill('SIGKILL');
  }
};

const idlePython = (): Promise<number> =>
  withIdle(
    '/usr/bin/python3',
    ['-I', '-c', 'print(1, flush=True); input()'],
    async ({ pid = 0 }) => memoryOf(pid).pss,
  );

const idleNode = (): Promise<number> =>
  withIdle(
    projectNode,
    ['-e', 'console.log(1); process.stdin.resume()'],
    async ({ pid = 0 }) => memoryOf(pid).rss,
  );

/** Work for all parts, so that what they keep of it counts as well; then rest. */
const workThenRest = async (bench: Bench): Promise<void> => {
  let left = bench.quick ? 60 : 400;
  const connection = async (): Promise<void> => {
    while (left-- > 0) {
      const request = { runtime: python.runtime, code: python.source(randomUUID()) };
      await bench.client.execute(request, python.stdout);
    }
  };
  await Promise.all(Array.from({ length: 4 }, connection));
  await pause(bench.quick ? 1_000 : 5_000);
  await bench.client.untilWarm([python.runtime]);
};

const row = (
  name: string,
  value: number,
  baseline: number,
  limit: number | undefined,
  against: string,
): Row => {
  const target: Target | undefined = limit === undefined ? undefined : { on: 'value', at: 'most', limit };
  return { name, value, baseline, ratio: value / baseline, unit: 'MB', target, against };
};

export const memory: Scenario = {
  name: 'memory',
  runtimes: [python.runtime],
  async run(bench): Promise<Row[]> {
    const { own } = bench;
    if (!own) throw new Skip('the processes of a service given with --url are not looked at');
    await workThenRest(bench);
    const bareNode = await idleNode();
    const executors = sum(own.executors.map(({ pid }) => memoryOf(pid).rss));
    const against = 'a bare waiting Node';
    return [
      row('memory-executor', executors, bareNode, 100, against),
      row('memory-dispatcher', memoryOf(own.dispatcher).rss, bareNode, 120, against),
    ];
  },
};

/** Before the first that count: fork servers are up, and have a sandbox each. */
const FIRST_SANDBOXES = 8;
const MORE_SANDBOXES = 24;

interface Footprint {
  /** All that the cgroups of the sandboxes are charged with, the kernel's own memory included, in MB. */
  readonly charged: number;
  /** Pages of all processes, those that they share counted once, in MB. */
  readonly pages: number;
}

/** What each of many more sandboxes adds to those there are: what it shares with the others costs nothing. */
const perSandbox = async (makers: Makers, spec: SandboxSpec): Promise<Footprint> => {
  const made: Sandbox[] = [];
  const make = async (count: number): Promise<void> => {
    for (let done = 0; done < count; done++) made.push(await makers.maker.create(spec));
  };
  const read = (): Footprint => ({
    charged: cgroupMemory(makers.cgroups.memory),
    pages: sum(makers.launchers.flatMap((pid) => descendantsOf(pid)).map(({ pid }) => memoryOf(pid).pss)),
  });
  try {
    await make(FIRST_SANDBOXES);
    const before = read();
    await make(MORE_SANDBOXES);
    const after = read();
    return {
      charged: (after.charged - before.charged) / MORE_SANDBOXES,
      pages: (after.pages - before.pages) / MORE_SANDBOXES,
    };
  } finally {
    for (const sandbox of made) await sandbox.destroy();
  }
};

/** What one more warm sandbox costs, forked from an interpreter that is there, and with an interpreter of its own. */
export const memoryPerSandbox: Scenario = {
  name: 'memory-per-warm-sandbox',
  runtimes: [],
  async run(bench): Promise<Row[]> {
    if (!bench.own) throw new Skip('not measured for a service given with --url');
    const makers = await openMakers();
    try {
      const barePython = await idlePython();
      const forked = await perSandbox(makers, makers.python.run.spec);
      const single = await perSandbox(makers, makers.single);
      const against = 'a bare waiting python';
      return [
        row('memory-per-warm-sandbox', forked.charged, barePython, 4, against),
        row('memory-per-warm-sandbox-pages', forked.pages, barePython, undefined, against),
        row('memory-per-warm-sandbox-plain', single.charged, barePython, 12, against),
        row('memory-per-warm-sandbox-plain-pages', single.pages, barePython, undefined, against),
      ];
    } finally {
      await makers.close();
    }
  },
};
