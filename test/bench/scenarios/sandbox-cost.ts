import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { SandboxMaker, SandboxSpec } from '../../../service/executor/sandbox/port.ts';
import { type Makers, openMakers } from '../makers.ts';
import { cgroupCpu, cpuOf } from '../processes.ts';
import { python } from '../programs.ts';
import { type Bench, type Row, type Scenario, Skip } from '../scenario.ts';
import { loopShells } from '../shell.ts';
import { median, sum } from '../statistics.ts';

const cores = availableParallelism();

/** One way of doing a part of the work, over and over for so many seconds; answers how much CPU each took, in ms. */
type Variant = (seconds: number) => Promise<number>;

/**
 * CPU time as the kernel accounts it to processes: unlike wall time it stays nearly the same when others use the
 * machine. What the kernel's own threads do later (freeing network namespaces and cgroups) is not in it. What is forked
 * from a fork server has left no trace among the processes when it has ended: of that the cgroup tells.
 */
const cpuNow = ({ launchers, cgroups }: Makers, forks: boolean): number => {
  const own = cpuOf('self');
  const launched = launchers.map(cpuOf);
  return forks
    ? own.own + sum(launched.map((use) => use.own)) + cgroupCpu(cgroups.cpuacct)
    : own.own + own.children + sum(launched.map((use) => use.own + use.children));
};

const inShells =
  (command: string): Variant =>
  async (seconds) => {
    const before = cpuOf('self').children;
    const { count } = await loopShells(command, new Array<string>(cores).fill('/tmp'), seconds);
    return (cpuOf('self').children - before) / count;
  };

/** As many at once as keep every core busy while each also waits for the kernel. */
const LOOPS_PER_CORE = 2;

const inNode =
  (makers: Makers, once: () => Promise<void>, forks = false): Variant =>
  async (seconds) => {
    const before = cpuNow(makers, forks);
    const end = performance.now() + seconds * 1_000;
    let count = 0;
    const loop = async (): Promise<void> => {
      while (performance.now() < end) {
        await once();
        count += 1;
      }
    };
    await Promise.all(Array.from({ length: cores * LOOPS_PER_CORE }, loop));
    return (cpuNow(makers, forks) - before) / count;
  };

const spawnTrue = async (): Promise<void> => {
  await once(spawn('/usr/bin/true', [], { stdio: 'ignore' }), 'exit');
};

const makeAndDestroy = (maker: SandboxMaker, spec: SandboxSpec) => async (): Promise<void> => {
  await (await maker.create(spec)).destroy();
};

interface Walls {
  readonly make: number;
  readonly go: number;
  readonly destroy: number;
  /** CPU time from go to the end, as the sandbox's cgroup accounts it. */
  readonly cpu: number;
}

const executeOnce = async ({ maker, python: runtime }: Makers, spec: SandboxSpec): Promise<Walls> => {
  const started = performance.now();
  const sandbox = await maker.create(spec);
  const made = performance.now();
  sandbox.put([{ name: python.fileName, content: Buffer.from(python.source('')) }]);
  const ended = await sandbox.go({
    command: runtime.run.command,
    entry: python.fileName,
    args: [],
    env: runtime.run.env,
    stdin: new Uint8Array(),
    limits: runtime.info.limits,
    wallMs: runtime.info.limits.wallMs,
  });
  const done = performance.now();
  await sandbox.destroy();
  if (ended.stdout.toString('utf8') !== python.stdout)
    throw new Error(`a sandbox failed: ${ended.fault ?? ended.stderr}`);
  return { make: made - started, go: done - made, destroy: performance.now() - done, cpu: ended.cpuMs };
};

const variantsOf = (makers: Makers, folder: string) => {
  const { maker, withoutCgroup, plain, single } = makers;
  const forked = makers.python.run.spec;
  writeFileSync(join(folder, python.fileName), python.source(''));
  return {
    process: inShells('/usr/bin/true'),
    nodeSpawn: inNode(makers, spawnTrue),
    barePython: inShells(python.bare.replace('main.py', join(folder, 'main.py'))),
    bubblewrap: inShells(makers.bubblewrap(false)),
    bubblewrapNet: inShells(makers.bubblewrap(true)),
    withoutCgroup: inNode(makers, makeAndDestroy(withoutCgroup, plain)),
    plain: inNode(makers, makeAndDestroy(maker, plain)),
    executed: inNode(makers, async () => void (await executeOnce(makers, single))),
    forkedMade: inNode(makers, makeAndDestroy(maker, forked), true),
    forked: inNode(makers, async () => void (await executeOnce(makers, forked)), true),
  } satisfies Record<string, Variant>;
};

type Costs = Record<keyof ReturnType<typeof variantsOf>, number>;

const measureCosts = async (bench: Bench, makers: Makers): Promise<Costs> => {
  const [rounds, seconds] = bench.quick ? [1, 0.5] : [7, 1.5];
  const variants = Object.entries(variantsOf(makers, bench.folder));
  const measured = new Map<string, number[]>(variants.map(([name]) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const [name, variant] of variants) {
      bench.say(`sandbox-cost ${name} ${round + 1}/${rounds}`);
      measured.get(name)?.push(await variant(seconds));
    }
  }
  return Object.fromEntries(variants.map(([name]) => [name, median(measured.get(name) ?? [])])) as Costs; // the same names as went in
};

/** Each part is the difference between two ways of working that differ in that part alone. */
const costRows = (costs: Costs, programMs: number): Row[] => {
  const part = (name: string, value: number): Row => ({
    name: `sandbox-cost-${name}`,
    value,
    baseline: costs.executed,
    ratio: value / costs.executed,
    unit: 'ms',
    against: 'CPU time of one whole execution without HTTP',
  });
  return [
    {
      ...part('', costs.executed),
      ...{ name: 'sandbox-cost', baseline: costs.barePython, ratio: costs.executed / costs.barePython },
      against: 'CPU time of one bare python in a shell',
    },
    part('process', costs.process),
    part('bubblewrap', costs.bubblewrap - costs.process),
    part('network-namespace', costs.bubblewrapNet - costs.bubblewrap),
    part('launcher-and-node', costs.withoutCgroup - costs.bubblewrapNet),
    part('cgroup', costs.plain - costs.withoutCgroup),
    part('interpreter', costs.executed - costs.plain - programMs),
    part('program', programMs),
    {
      ...part('forked', costs.forked),
      ...{ baseline: costs.barePython, ratio: costs.forked / costs.barePython },
      against: 'CPU time of one bare python in a shell',
    },
    part('forked-unused', costs.forkedMade),
    {
      ...part('node-spawn', costs.nodeSpawn),
      ...{ baseline: costs.process, ratio: costs.nodeSpawn / costs.process },
      against: 'CPU time of a process started by a shell',
    },
  ];
};

/** The same work one at a time: how long each step takes by the clock. */
const wallRows = (name: string, all: readonly Walls[]): Row[] => {
  const whole = median(all.map(({ make, go, destroy }) => make + go + destroy));
  return (['make', 'go', 'destroy'] as const).map((step) => {
    const value = median(all.map((walls) => walls[step]));
    const against = 'wall time of one execution, one at a time';
    return { name: `${name}-${step}`, value, baseline: whole, ratio: value / whole, unit: 'ms', against };
  });
};

/** Where each millisecond of making, using and removing a sandbox goes. */
export const sandboxCost: Scenario = {
  name: 'sandbox-cost',
  runtimes: [],
  async run(bench) {
    if (!bench.own) throw new Skip('not measured for a service given with --url');
    const makers = await openMakers();
    const walls = async (spec: SandboxSpec): Promise<Walls[]> => {
      const all: Walls[] = [];
      for (let done = 0; done < (bench.quick ? 10 : 50); done++) all.push(await executeOnce(makers, spec));
      return all;
    };
    try {
      await executeOnce(makers, makers.python.run.spec);
      const costs = await measureCosts(bench, makers);
      const single = await walls(makers.single);
      return [
        ...costRows(costs, median(single.map(({ cpu }) => cpu))),
        ...wallRows('sandbox-wall', single),
        ...wallRows('sandbox-wall-forked', await walls(makers.python.run.spec)),
      ];
    } finally {
      await makers.close();
    }
  },
};
