import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { waitFor } from '../../harness/wait-for.ts';
import { descendantsRunning, memoryCgroupOf, memoryOf } from '../processes.ts';
import { projectNode, python } from '../programs.ts';
import { type Bench, type OwnProcesses, type Row, type Scenario, Skip, type Target } from '../scenario.ts';
import { plainEnvironment } from '../shell.ts';
import { median, sum } from '../statistics.ts';

const WARM_PYTHON = '/usr/bin/python3 main.py';

interface Footprint {
  /** All that the sandbox's cgroup is charged with, kernel memory included, in MB. */
  readonly charged: number;
  /** Private and proportional shares of every process in it, in MB. */
  readonly pss: number;
}

const footprints = (own: OwnProcesses): Footprint[] =>
  own.executors
    .flatMap((pid) => descendantsRunning(pid, WARM_PYTHON))
    .flatMap((pid) => {
      const cgroup = memoryCgroupOf(pid);
      if (!cgroup || !existsSync(cgroup.usageFile)) return [];
      const members = readFileSync(cgroup.procsFile, 'utf8').trim().split('\n').map(Number);
      return {
        charged: Number(readFileSync(cgroup.usageFile, 'utf8')) / 1e6,
        pss: sum(members.map((member) => memoryOf(member).pss)),
      };
    });

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
    const warm = await waitFor(() => footprints(own).length > 0 && footprints(own), {
      what: 'a warm python sandbox to look at',
      timeoutMs: 5_000,
    });
    const [barePython, bareNode] = [await idlePython(), await idleNode()];
    return [
      row(
        'memory-warm-python',
        median(warm.map(({ charged }) => charged)),
        barePython,
        12,
        'a bare waiting python',
      ),
      row(
        'memory-warm-python-pss',
        median(warm.map(({ pss }) => pss)),
        barePython,
        undefined,
        'a bare waiting python',
      ),
      row(
        'memory-executor',
        sum(own.executors.map((pid) => memoryOf(pid).rss)),
        bareNode,
        100,
        'a bare waiting Node',
      ),
      row('memory-dispatcher', memoryOf(own.dispatcher).rss, bareNode, 120, 'a bare waiting Node'),
    ];
  },
};
