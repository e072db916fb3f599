import type { ElasticCluster, Launched } from '../../../../service/cluster/port.ts';
import type { DemandReport, PoolDemand, Registration } from '../../../../service/contracts/cluster-api.ts';
import { PaddockError } from '../../../../service/contracts/errors.ts';
import { type PoolSpec, poolSpecSchema } from '../../../../service/contracts/pool.ts';

export const spec = (over: Partial<PoolSpec> = {}): PoolSpec => ({
  ...poolSpecSchema.parse({ name: 'default', headroom: 0, idleSeconds: 60 }),
  ...over,
});

/** The elastic part of a cluster, in memory. What it is asked for waits until the test places it. */
export interface FakeElastic extends ElasticCluster {
  leads: boolean;
  /** Each call of `launch`. */
  readonly launches: { pool: string; count: number }[];
  readonly retired: string[];
  readonly told: (readonly PoolDemand[])[];
  heard: PoolDemand[];
  readonly registered: { authorization: string | undefined; registration: Registration }[];
  readonly reported: DemandReport[];
  /** Why what is pending is. */
  reasons: string[];
  /** What `launch` rejects with, if anything. */
  failure: Error | undefined;
  /** Where set, `launch` and `retire` settle with it. */
  gate: Promise<void> | undefined;
  list(pool?: string): Launched[];
  /** Puts what is pending on nodes; the answer names the executors. */
  place(pool?: string): string[];
  /** It has ended. */
  end(id: string): void;
  add(one: Partial<Launched> & { id: string }): void;
}

export const createFakeElastic = (specs: readonly PoolSpec[], epoch: () => number): FakeElastic => {
  const launched = new Map<string, Launched>();
  let count = 0;
  const fake: FakeElastic = {
    leads: true,
    launches: [],
    retired: [],
    told: [],
    heard: [],
    registered: [],
    reported: [],
    reasons: [],
    failure: undefined,
    gate: undefined,
    list: (pool = 'default') => [...launched.values()].filter((one) => one.pool === pool),
    place(pool = 'default') {
      const pending = fake.list(pool).filter(({ state }) => state === 'pending');
      for (const one of pending) launched.set(one.id, { ...one, state: 'placed', executor: `at-${one.id}` });
      return pending.map(({ id }) => `at-${id}`);
    },
    end: (id) => void launched.delete(id),
    add(one) {
      const whole = {
        executor: undefined,
        pool: 'default',
        state: 'pending' as const,
        launchedAt: epoch(),
        reasons: [],
      };
      launched.set(one.id, { ...whole, ...one });
    },
    engine: {
      specs,
      leads: () => fake.leads,
      launched: () =>
        [...launched.values()].map((one) =>
          one.state === 'pending' ? { ...one, reasons: fake.reasons } : one,
        ),
      async launch(pool, wanted) {
        fake.launches.push({ pool, count: wanted });
        await fake.gate;
        if (fake.failure) throw fake.failure;
        for (let index = 0; index < wanted; index++) fake.add({ id: `${pool}-${++count}`, pool });
      },
      async retire(ids) {
        fake.retired.push(...ids);
        await fake.gate;
        if (fake.failure) throw fake.failure;
        for (const id of ids) {
          const one = launched.get(id);
          if (one) launched.set(id, { ...one, state: 'retiring' });
        }
      },
    },
    peers: { tell: (demand) => void fake.told.push(demand), heard: () => fake.heard },
    door: {
      async executor(authorization, registration) {
        if (authorization !== 'Bearer identity') throw new PaddockError('unauthorized');
        fake.registered.push({ authorization, registration });
      },
      async demand(authorization, report) {
        if (authorization !== 'Bearer peer') throw new PaddockError('unauthorized');
        fake.reported.push(report);
      },
    },
  };
  return fake;
};
