import { join } from 'node:path';
import { repository } from '../../harness/start-service.ts';
import { askPaddock } from '../apis/paddock.ts';
import type { Client } from '../client.ts';
import { closedLoop, exercise } from '../load/loops.ts';
import { type Target, targetOf } from '../load/target.ts';
import { onNomad } from '../nomad/open-nomad.ts';
import { python } from '../programs.ts';
import { type Bench, type Row, type Scenario, Skip } from '../scenario.ts';
import { percentile, summarise } from '../statistics.ts';

const NAME = 'nomad-warm';
/** What an execution may cost more than on the local cluster; a rate may be lower by as much. */
const MOST = 1.2;
const AGAINST = 'the same on the local cluster';

/** On both clusters. */
const SETTINGS = { PADDOCK_WARM_MEMORY_MB: '512', PADDOCK_MAX_RUNNING: '8' };
/** As much as the machine has: a share of it would be given to the executor only while others want it too. */
const EXECUTOR = {
  ...{ memoryMb: 4_096, cpuMhz: 10_000, maxRunning: Number(SETTINGS.PADDOCK_MAX_RUNNING) },
  environment: { ...SETTINGS, PADDOCK_IMAGES_DIR: join(repository, 'images') },
};

interface Side {
  readonly client: Client;
  readonly target: Target;
}
/** Of one slice of load. */
interface Slice {
  readonly p50: number;
  readonly p99: number;
  readonly perSecond: number;
}
interface Pair {
  readonly nomad: Slice;
  readonly local: Slice;
}

const nothing = (): undefined => undefined;

const slice = async ({ client, target }: Side, connections: number, seconds: number): Promise<Slice> => {
  await client.untilWarm([python.runtime]);
  const window = { connections, rampMs: 250, seconds, sample: nothing };
  const { latencies, perSecond } = await closedLoop(target, window);
  return { p50: percentile(latencies, 0.5), p99: percentile(latencies, 0.99), perSecond };
};

const rowsOf = (name: string, pairs: readonly Pair[], figures: readonly (keyof Slice)[]): Row[] =>
  figures.map((figure) => {
    const each = pairs.map(({ nomad, local }) => ({ value: nomad[figure], baseline: local[figure] }));
    const isRate = figure === 'perSecond';
    return {
      ...{ name: isRate ? name : `${name}-${figure}`, ...summarise(each), unit: isRate ? '/s' : 'ms' },
      // The slowest of a hundred says as much about the neighbours of this machine as about either side.
      ...(figure === 'p50' && { target: { on: 'ratio', at: 'most', limit: MOST } as const }),
      ...(isRate && { target: { on: 'ratio', at: 'least', limit: Number((1 / MOST).toFixed(2)) } as const }),
      against: AGAINST,
    };
  });

const measure = async (bench: Bench, nomad: Side, local: Side): Promise<Row[]> => {
  const [rounds, seconds] = bench.quick ? [6, 0.5] : [12, 1];
  for (const { target } of [local, nomad]) await exercise(target, 4, bench.quick ? 100 : 500);
  const rows: Row[] = [];
  const loads = [
    { name: `${NAME}-1`, connections: 1, figures: ['p50', 'p99'] },
    { name: `${NAME}-2`, connections: 2, figures: ['p50', 'p99'] },
    { name: `${NAME}-throughput`, connections: bench.connections, figures: ['perSecond'] },
  ] as const;
  for (const { name, connections, figures } of loads) {
    const pairs: Pair[] = [];
    for (let round = 0; round < rounds; round++) {
      bench.say(`${name} ${round + 1}/${rounds}`);
      // Whoever comes second finds the machine as the first left it: they take turns at that.
      const first = round % 2 === 0 ? local : nomad;
      const before = await slice(first, connections, seconds);
      const after = await slice(first === local ? nomad : local, connections, seconds);
      pairs.push(first === local ? { local: before, nomad: after } : { local: after, nomad: before });
    }
    rows.push(...rowsOf(name, pairs, figures));
  }
  return rows;
};

/** A warm Python hello on an executor that Nomad placed, and on one of the local cluster with the same settings, in turn. */
export const nomadWarm: Scenario = {
  name: NAME,
  runtimes: [],
  async run(bench) {
    const { another } = bench;
    if (!another) throw new Skip('a service given with --url cannot be held against one on a local cluster');
    const pool = { ...{ minimum: 1, maximum: 1 }, executor: EXECUTOR };
    const quiet = { PADDOCK_LOG_LEVEL: 'warn' };
    return onNomad(
      bench,
      pool,
      async ({ client }) => {
        const local = await another(SETTINGS);
        const sideOf = (one: Client): Side => ({
          client: one,
          target: targetOf(one.url, askPaddock(python)),
        });
        try {
          return await measure(bench, sideOf(client), sideOf(local.bench.client));
        } finally {
          await local.stop();
        }
      },
      quiet,
    );
  },
};
